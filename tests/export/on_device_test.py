"""`export/on_device.py` in a process that has no TensorFlow, and nothing of this project beside the file."""

import importlib.util
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

import export.on_device
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.pixels import to_uint8
from export.inference_model import InferenceModel
from export.tflite import write_tflite

NEEDED = ("ai_edge_litert", "numpy", "PIL", "flatbuffers")


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """A virtual environment that sees the four packages alone, and the script in a folder of its own."""
    folder = tmp_path_factory.mktemp("device")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], check=True)
    (packages,) = (folder / "venv").glob("lib/python*/site-packages")
    for name in NEEDED:
        origin = pathlib.Path(importlib.util.find_spec(name).origin).parent
        (packages / name).symlink_to(origin)
        for libraries in origin.parent.glob(f"{name.replace('PIL', 'pillow')}.libs"):
            (packages / libraries.name).symlink_to(libraries)
    script = shutil.copy(export.on_device.__file__, folder)
    python = str(folder / "venv" / "bin" / "python")
    missing = subprocess.run([python, "-c", "import tensorflow"], capture_output=True, text=True)
    assert "No module named 'tensorflow'" in missing.stderr

    def call(before=None, **flags):
        words = [f"--{name}={value}" for name, value in flags.items()]
        program = ["-c", before, str(script)] if before else [str(script)]
        return subprocess.run([python, *program, *words], capture_output=True, text=True, timeout=120)

    call.words = [python, str(script)]
    return call


@pytest.fixture(scope="module")
def model(make_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    inference = InferenceModel(make_run("ecgan", has_unknown=True))
    write_tflite(inference, str(path), "float32")
    return inference, path


@pytest.fixture
def layouts(model, tmp_path):
    labels = model[0].layouts["labels"]
    (tmp_path / "layouts").mkdir()
    for index, values in enumerate(np.where(labels == 3, 255, labels)):
        Image.fromarray(values.astype(np.uint8)).save(tmp_path / "layouts" / f"{index}.png")
    return tmp_path / "layouts"


def test_it_gives_what_the_interpreter_here_synthesises(device, model, layouts, tmp_path):
    inference, path = model
    result = device(model=path, labels=layouts, output=tmp_path / "synthesised", threads=1, repeats=2)
    assert result.returncode == 0, result.stderr
    assert "synthesised 2 layouts" in result.stdout and "median" in result.stdout and "MB" in result.stdout
    synthesised = [np.asarray(Image.open(tmp_path / "synthesised" / f"{index}.png")) for index in range(2)]
    np.testing.assert_array_equal(synthesised, to_uint8(open_model(str(path)).generate(inference.layouts)))


def test_without_layouts_it_measures(device, model):
    result = device(model=model[1], repeats=1)
    assert result.returncode == 0 and "32x32" in result.stdout


def refusal(result):
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("content", [b"", b"not a model at all", "half"], ids=str)
def test_a_foreign_or_damaged_model_is_refused(device, model, tmp_path, content):
    whole = model[1].read_bytes()
    (tmp_path / "bad.tflite").write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    assert "bad.tflite is not a .tflite of this project" in refusal(device(model=tmp_path / "bad.tflite"))


def test_a_broken_layout_is_found_before_anything_is_synthesised(device, model, layouts, tmp_path):
    whole = (layouts / "1.png").read_bytes()
    (layouts / "1.png").write_bytes(whole[: len(whole) // 2])
    assert "1.png is not a label map" in refusal(
        device(model=model[1], labels=layouts, output=tmp_path / "synthesised")
    )
    assert not (tmp_path / "synthesised").exists()


def test_a_value_without_a_class_is_refused(device, model, layouts, tmp_path):
    Image.fromarray(np.full((8, 8), 77, np.uint8)).save(layouts / "2.png")
    assert "value 77 is no class" in refusal(device(model=model[1], labels=layouts, output=tmp_path / "synthesised"))


@pytest.mark.parametrize("flags", [{"labels": "x"}, {"threads": 0}, {"repeats": 0}], ids=str)
def test_flags_that_make_no_sense_are_refused(device, model, flags):
    assert "--" in refusal(device(model=model[1], **flags))


# ---- where it writes


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_label_maps_are_never_written_over(device, model, layouts, tmp_path):
    before = contents(layouts)
    for output in (layouts, layouts / ".." / "layouts"):
        line = refusal(device(model=model[1], labels=layouts, output=output))
        assert "would write over" in line and "0.png, which this command reads; give another folder" in line
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "1.png").hardlink_to(layouts / "1.png")
    assert "would write over" in refusal(device(model=model[1], labels=layouts, output=tmp_path / "link"))
    assert contents(layouts) == before and len(contents(tmp_path / "link")) == 1


def test_two_label_maps_do_not_become_one_picture(device, model, layouts, tmp_path):
    (layouts / "0.png").rename(layouts / "1.PNG")
    line = refusal(device(model=model[1], labels=layouts, output=tmp_path / "synthesised"))
    assert "1.PNG and" in line and "would both become" in line
    assert not (tmp_path / "synthesised").exists()


def test_the_home_folder_is_expanded(device, model, layouts, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    result = device(model=model[1], labels="~/layouts", output="~/synthesised", repeats=1)
    assert result.returncode == 0, result.stderr
    assert sorted(contents(tmp_path / "synthesised")) == ["0.png", "1.png"]


def test_a_file_is_no_folder(device, model, layouts, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert "file is a file; give a folder" in refusal(device(model=model[1], labels=layouts, output=tmp_path / "file"))
    line = refusal(device(model=model[1], labels=layouts, output=tmp_path / "file" / "below"))
    assert f"writing {tmp_path / 'file' / 'below'}: a file stands where a folder should be" in line


def test_what_a_killed_process_left_is_removed_and_only_that(device, model, layouts, tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder, host = tmp_path / "synthesised", export.on_device.HOST
    folder.mkdir()
    names = [f".partial-{host}-{pid}-0.png" for pid in (dead.pid, os.getpid())] + [
        f".partial-elsewhere-{dead.pid}-0.png"
    ]
    for name in names:
        (folder / name).write_bytes(b"half")
    assert device(model=model[1], labels=layouts, output=folder, repeats=1).returncode == 0
    assert sorted(contents(folder)) == sorted([*names[1:], "0.png", "1.png"])


# ---- the machine


def test_windows_has_no_module_of_resources(device, model):
    """There the line leaves the memory out."""
    before = "import sys, runpy; sys.modules['resource'] = None; del sys.argv[0]; "
    result = device(f"{before}runpy.run_path(sys.argv[0], None, '__main__')", model=model[1], repeats=1)
    assert result.returncode == 0, result.stderr
    assert "median" in result.stdout and "MB" not in result.stdout


@pytest.mark.parametrize(("number", "word", "code"), [("SIGINT", "interrupted", 130), ("SIGTERM", "terminated", 143)])
def test_a_signal_is_one_line_and_leaves_nothing_half_written(device, model, layouts, tmp_path, number, word, code):
    for index in range(2, 400):
        shutil.copy(layouts / "0.png", layouts / f"{index}.png")
    words = [f"--model={model[1]}", f"--labels={layouts}", f"--output={tmp_path / 'synthesised'}"]
    process = subprocess.Popen([*device.words, *words], stderr=subprocess.PIPE, text=True)
    while not list(tmp_path.glob("synthesised/[0-9]*.png")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(getattr(signal, number))
    _, err = process.communicate(timeout=60)
    said = [line for line in err.splitlines() if not line.startswith("INFO: ")]  # LiteRT's
    assert (process.returncode, said) == (
        code,
        [f"error: {word}; what it wrote is whole; the same command begins anew"],
    )
    assert 0 < len(contents(tmp_path / "synthesised")) <= 400
    for path in (tmp_path / "synthesised").iterdir():
        assert np.asarray(Image.open(path)).shape == (32, 32, 3) and not path.name.startswith(".")


def test_a_seed_chooses_one_of_many_pictures(device, make_run, tmp_path):
    path, run = tmp_path / "model.tflite", make_run("spade", use_vae=True, noise="classes")
    write_tflite(InferenceModel(run), str(path), "float32")
    labels = np.random.default_rng(0).integers(0, 3, (8, 8)).repeat(4, 0).repeat(4, 1).astype(np.uint8)
    Image.fromarray(labels).save(tmp_path / "a.png")
    for seed in (0, 6):
        result = device(model=path, labels=tmp_path / "a.png", output=tmp_path / "out", seed=seed, repeats=1)
        assert result.returncode == 0, result.stderr
        found = np.asarray(Image.open(tmp_path / "out" / "a.png"))
        np.testing.assert_array_equal(found, open_model(str(path))(labels, seed=seed))


def test_a_model_with_one_picture_has_no_seed(device, model):
    result = device(model=model[1], seed=1)
    assert result.returncode == 1 and "gives one picture of a layout" in result.stderr
