"""What the machine refuses, in every command that writes: one line that names the file, nothing half-written.

Needs root for mounts of a full and of a read-only disk; without it those cases skip.
"""

import json
import os
import pathlib
import runpy
import shutil
import subprocess

import numpy as np
import onnx
import pytest
from PIL import Image

from ecgan_tf.atomic_files import MachineError, machine_errors, partial_name
from ecgan_tf.openvino_core import openvino_core
from ecgan_tf.outputs import need_temporary_room
from export.artefact import move_in
from export.inference_model import InferenceModel
from export.on_device import read_metadata
from export.tflite import write_tflite

HERE = pathlib.Path(__file__).parent
ForkServer = runpy.run_path(str(HERE / "fork_server.py"))["ForkServer"]
TinyServer = runpy.run_path(str(HERE / "serving" / "tiny_server.py"))["Server"]
LABELS = HERE.parent / "ecgan_tf/data/earth_tiles/val/labels"
FIRST = sorted(LABELS.iterdir())[0].name
TRAIN = ("train", "--config=spade_earth_tiles:toy", "--config.loss.perceptual=0", "--config.train.steps=2",
         "--config.train.first_sample=1", "--config.train.log_every=1", "--workdir={out}/x")  # fmt: skip
# Of each command: its words, one of the files that it writes, and how many KB of space are left where the disk is full
# (the first is what `make test` tries; each stops another write).
COMMANDS = {
    "synthesize": (("synthesize", "--model={run}", f"--labels={LABELS}", "--output={out}/x"), f"x/{FIRST}", (12, 0)),
    "evaluate": (("evaluate", "--model={run}", "--output={out}/x"), "x/evaluation.json", (20, 0)),
    "compare": (("compare", "{run}", "{other}", "--output={out}/x"), "x/compare.json", (20, 0, 60, 200)),
    "segmenter": (("segmenter", "--config=spade_earth_tiles:toy", "--steps=1", "--output={out}/x.npz"), "x.npz",
                  (100, 0)),
    "take out": (("convert", "--from={run}", "--to={out}/x.npz"), "x.npz", (1000, 0)),
    "bring in": (("convert", "--from={weights}", "--config=spade_earth_tiles:toy", "--config.model.noise=none",
                  "--to={out}/x"), None,
                 (30, 0, 8, 12, 20, 1000)),
    "train": (TRAIN, "x/config.json", (20, 0, 8, 12, 28, 32, 36, 40, 60, 11000)),
    "export": (("export", "--run={run}", "--output={out}/x"), "x/model.json", (1000, 0, 8, 12, 6000, 8000, 11000)),
    "client": (("client", "--address={address}", "--protocol=rest", "--model=tiny", f"--labels={LABELS}",
                "--output={out}/x"), f"x/{FIRST}", (12, 0)),
    "on_device": (("--model={tflite}", f"--labels={LABELS}", "--output={out}/x", "--repeats=1"), f"x/{FIRST}", (12, 0)),
}  # fmt: skip
WORDS = {
    "full": "no space is left on the disk; free some, or give another folder",
    "read-only": "the file system is read-only; give another folder",
    "long name": "the name is too long for this file system; give a shorter one",
    "file for folder": "a file stands where a folder should be; remove it|is a file; give a folder",
    "folder for file": "is a folder|a folder stands where a file should be|something else; give another folder",
    "ulimit": "the file is larger than this machine allows (ulimit -f)",
    "no rights": "no permission; change the access rights, or give another folder",
}
# What `make test` tries beside the full disk: another error with each command.
QUICK = dict(zip(COMMANDS, ("read-only", "long name", "ulimit", "file for folder", "folder for file", "ulimit",
                            "no rights", "read-only", "long name", "file for folder")))  # fmt: skip


def cases():
    for name, (_, file, spaces) in COMMANDS.items():
        for space in spaces:
            yield pytest.param(name, "full", space, marks=[] if space == spaces[0] else [pytest.mark.slow])
        for error in WORDS:
            if error != "full" and not (error == "folder for file" and file is None):
                yield pytest.param(name, error, None, marks=[] if QUICK[name] == error else [pytest.mark.slow])


@pytest.fixture(scope="module")
def commands():
    with ForkServer() as server:
        yield server


@pytest.fixture(scope="module")
def given(make_run, tmp_path_factory, commands):
    """What the words of the commands name: dictionary from the name in braces to a path or an address."""
    folder = tmp_path_factory.mktemp("given")
    run = make_run("spade", num_classes=17)
    code, _, err = commands.run("convert", f"--from={run}", f"--to={folder / 'weights.npz'}")
    assert code == 0, err
    write_tflite(InferenceModel(run), str(folder / "model.tflite"), "float32")
    with TinyServer() as server:
        yield {"run": run, "other": shutil.copytree(run, folder / "other"), "weights": folder / "weights.npz",
               "tflite": folder / "model.tflite", "address": server.address}  # fmt: skip


def mount(folder, *options):
    done = subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"needs a mount of its own: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path):
    """A disk of 12 MB, on which a file of the user lies."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or os.geteuid():
        pytest.skip("needs root, for a mount of its own")
    mount(folder, "-o", "size=12m,mode=755")
    (folder / "mine.txt").write_text("mine")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder, left):
    """Leaves this many KB of a disk."""
    status = os.statvfs(folder)
    with open(folder / "filler", "wb") as file:
        file.write(b"x" * (status.f_bavail * status.f_frsize - 1024 * left))


@pytest.mark.parametrize(("name", "error", "space"), list(cases()))
def test_one_line_and_nothing_half_written(name, error, space, commands, given, tmp_path, request):
    words, final, _ = COMMANDS[name]
    out, options = tmp_path / "out", {}
    out.mkdir()
    if error in ("full", "read-only"):
        out = request.getfixturevalue("disk")
    (out / "mine.txt").write_text("mine")
    if error == "full":
        fill(out, space)
    elif error == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", out], check=True)
    elif error == "long name":
        words = [word.replace("{out}/x", "{out}/" + 300 * "x") for word in words]
    elif error == "file for folder":
        words = [word.replace("{out}", "{out}/mine.txt") for word in words]
    elif error == "folder for file":
        (out / final / "below").mkdir(parents=True)
        (out / final / "mine.txt").write_text("mine")
    elif error == "ulimit":
        options["file_size"] = 1000
    elif error == "no rights":
        out.chmod(0o555)
        options["ordinary"] = True
    before = contents(out)
    words = [word.format(out=out, **given) for word in words]
    code, said, err = commands.run(*words, module="export.on_device" if name == "on_device" else None, **options)
    lines = [line for line in err.splitlines() if not line.startswith("INFO: ")]  # LiteRT's
    assert code == 1 and len(lines) == 1 and lines[0].startswith("error: "), (code, said, err)
    assert any(text in lines[0] for text in WORDS[error].split("|")), lines[0]
    assert str(out) in lines[0] and ".partial-" not in lines[0], lines[0]
    after = contents(out)
    assert not [path for path in after if ".partial-" in path or path.endswith(".lock")]
    assert before == {path: content for path, content in after.items() if path in before}
    for path in after:
        if path not in before:
            check_whole(out / path)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_whole(path):
    """A file that the command left under its final name can be read to its end."""
    if path.suffix == ".png":
        Image.open(path).load()
    elif path.suffix == ".npz":
        with np.load(path) as arrays:
            assert all(arrays[name] is not None for name in arrays.files)
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".jsonl":
        assert all(json.loads(line) for line in path.read_text().splitlines())
    elif path.suffix == ".tflite":
        json.loads(read_metadata(path.read_bytes()))
    elif path.suffix == ".onnx":
        onnx.checker.check_model(str(path), full_check=True)
    elif path.suffix in (".xml", ".bin"):
        openvino_core().read_model(path.with_suffix(".xml"))
    elif path.suffix == ".pdf":
        assert path.read_bytes().rstrip().endswith(b"%%EOF")
    elif path.suffix == ".csv":
        assert len({line.count(",") for line in path.read_text().splitlines()}) == 1
    elif path.name == "saved_model.pb":
        assert (path.parent / "variables" / "variables.index").is_file()
        assert (path.parent / "fingerprint.pb").is_file()
    else:
        texts = ("command.txt", "index.html", "fingerprint.pb", "tf_serving_warmup_requests")
        assert path.name in texts or "tfevents" in path.name or path.name.startswith("variables."), path


@pytest.mark.slow
def test_a_command_that_a_full_disk_stopped_works_again_where_there_is_room(commands, given, disk):
    fill(disk, 1000)
    words = [word.format(out=disk, **given) for word in COMMANDS["bring in"][0]]
    assert commands.run(*words)[0] == 1
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    assert commands.run(*words)[::2] == (0, "")


SLOW = [pytest.param(kilobytes, marks=pytest.mark.slow) for kilobytes in (1000, 20000)]


@pytest.mark.parametrize("kilobytes", [6000, *SLOW])
def test_a_full_folder_of_temporary_files_is_named(commands, given, tmp_path, disk, kilobytes):
    """The converters of TensorFlow and ONNX Runtime would go on with half a file."""
    subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", disk], check=True)
    target = "tensorrt" if kilobytes == 20000 else "tflite"
    words = ["export", f"--run={given['run']}", f"--output={tmp_path / 'out'}", f"--targets={target}"]
    code, _, err = commands.run(*words, environment={"TMPDIR": str(disk)})
    (line,) = err.splitlines()
    assert code == 1 and line.startswith(f"error: {disk}, for temporary files, has "), line
    assert "name another folder in the variable TMPDIR" in line
    assert not [path for path in contents(tmp_path / "out") if ".partial-" in path]


def test_room_for_temporary_files_is_asked_for():
    need_temporary_room(1)
    with pytest.raises(Exception, match="for temporary files, has .* where 1000000000000 MB are needed"):
        need_temporary_room(10**18)


def test_tensorflows_own_words_are_understood(tmp_path):
    import tensorflow as tf

    with pytest.raises(MachineError, match=r"writing the file: a file stands where a folder should be"):
        with machine_errors("the file"):
            (tmp_path / "file").write_text("mine")
            tf.io.write_file(str(tmp_path / "file" / "below"), "content")


def test_the_final_name_is_told(tmp_path):
    """Not that of the folder in which it was being made."""
    inner = os.path.join(tmp_path, partial_name(), "model.json")
    with pytest.raises(MachineError, match=r"^writing final: no space"):
        with machine_errors("final"), machine_errors(inner):
            raise OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_old_artefact_stays_until_the_new_one_is_there(kind, tmp_path, monkeypatch):
    def make(path, text):
        if kind == "folder":
            path.mkdir()
            (path / "part").write_text(text)
        else:
            path.write_text(text)

    final = tmp_path / "artefact"
    make(final, "old")
    make(tmp_path / "new", "new")
    replace = os.replace

    def fail(source, target):
        if str(source).endswith("new"):
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        move_in(str(tmp_path / "new"), str(final))
    assert (final / "part" if kind == "folder" else final).read_text() == "old"
    monkeypatch.setattr(os, "replace", replace)
    move_in(str(tmp_path / "new"), str(final))
    assert (final / "part" if kind == "folder" else final).read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["artefact"]


def test_what_is_new_takes_nobodys_place(tmp_path):
    for name in ("new", "1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part").write_text(name)
    with pytest.raises(MachineError, match="the folder is not empty; another program writes to it"):
        with machine_errors(str(tmp_path / "1")):
            move_in(str(tmp_path / "new"), str(tmp_path / "1"), is_new=True)
    assert (tmp_path / "1" / "part").read_text() == "1"
