"""The wheel holds all that the package needs; `make wheel` installs it into an empty environment, in minutes."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The wheel's files in a folder that comes before the checkout on the path, and an empty folder to work in."""
    folder = tmp_path_factory.mktemp("wheel")
    copy = folder / "source"
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(words, cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0"):
        path = ROOT / name.decode()
        if name and path.is_file():
            (copy / name.decode()).parent.mkdir(parents=True, exist_ok=True)
            (copy / name.decode()).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), str(copy)]
    subprocess.run(command, check=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "unpacked")
    (folder / "empty").mkdir()
    return folder


def call(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(folder / "unpacked"), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, *words]
    done = subprocess.run(words, cwd=folder / "empty", env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_two_top_level_packages_and_every_config(unpacked):
    folder = unpacked / "unpacked"
    assert {path.name for path in folder.iterdir() if path.suffix != ".dist-info"} == {"ecgan_tf", "export"}
    configs = {path.name for path in (ROOT / "configs").glob("*.py")}
    assert configs == {path.name for path in (folder / "ecgan_tf" / "configs").glob("*.py")}
    for place, pattern in (("data/earth_tiles", "*.*"), ("data/earth_world", "*.*"), ("pretrained/earth", "*.*")):
        files = {path.name for path in (ROOT / "ecgan_tf" / place).rglob(pattern)}
        assert files and files == {path.name for path in (folder / "ecgan_tf" / place).rglob(pattern)}
    assert (folder / "ecgan_tf" / "py.typed").is_file()


def test_the_readmes_python_section_runs_from_the_wheel(unpacked):
    code = re.search(r"## From Python\n+```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]
    check = "import ecgan_tf; assert 'unpacked' in ecgan_tf.__file__\n"
    out = call(unpacked, "-c", check + code)
    assert "(32, 32, 3)" in out.splitlines()[-1] and "model_float32.onnx" in out.splitlines()[-1]


@pytest.mark.slow  # `make wheel` trains so in an empty environment
def test_a_config_is_found_by_its_name_in_any_folder(unpacked):
    call(unpacked, "-m", "ecgan_tf", "train", "--config=spade_earth_tiles:toy", "--workdir=r", "--config.train.steps=1")
    assert (unpacked / "empty" / "r" / "samples" / "final.png").is_file()
