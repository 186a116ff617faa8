"""OpenVINO's files: what they hold, how they are opened, and what is refused."""

import errno
import importlib.util
import json
import os
import shutil

import numpy as np
import openvino
import pytest

from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.openvino_core import openvino_core
from export.openvino import write_openvino
from export.parity import compare
from export.report import inspect
from export.targets import artefacts_of

CLASSES = ClassList(("sky", "tree"), np.uint8([[1, 2, 3], [4, 5, 6]]))
MODEL = {"arguments": {"image_size": [8, 8]}, "classes": CLASSES.to_dict()}


@pytest.fixture(scope="module")
def folders(toy_model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("openvino")
    for precision in ("float32", "float16"):
        write_openvino(toy_model, str(folder / precision), precision)
    return folder


def test_it_is_opened_by_its_folder_or_its_file_without_a_model_json(toy_model, folders):
    """That it gives what Keras gives is a row of conformance_test.py."""
    pictures = []
    for path in (folders / "float32", folders / "float32" / "model.xml", folders / "float16"):
        synthesizer = open_model(str(path))
        assert synthesizer.inputs == {"labels": np.int32} and synthesizer.classes.names[1] == "class 1"
        pictures.append(synthesizer.generate(toy_model.layouts))
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert compare(pictures[0], pictures[2], "float16")["passed"] and np.any(pictures[0] != pictures[2])


def test_it_has_the_description_once_an_open_batch_and_float16_by_request(toy_model, folders):
    network = openvino_core().read_model(folders / "float32" / "model.xml")
    information = network.get_rt_info()
    assert json.loads(network.get_rt_info(["ecgan_tf"]).astype(str)) == json.loads(json.dumps(toy_model.description))
    assert "framework" not in information
    assert network.input("labels").partial_shape.to_string() == "[?,64,96]"
    sizes = [os.path.getsize(folders / precision / "model.bin") for precision in ("float32", "float16")]
    assert sizes[0] >= 4 * 0.95 * toy_model.parameters and sizes[1] < 0.6 * sizes[0]
    assert inspect(str(folders / "float32"))["operators"]["Convolution"] > 5


def write(folder, name="labels", kind=np.int32, shape=(-1, 8, 8), output="image", metadata=MODEL):
    """A model that gives its input as floats."""
    given = openvino.opset13.parameter(shape, kind, name=name)
    made = openvino.opset13.convert(given, "f32")
    given.output(0).set_names({name})
    made.output(0).set_names({output})
    network = openvino.Model([made], [given], "tiny")
    if metadata is not None:
        network.set_rt_info(metadata if isinstance(metadata, str) else json.dumps(metadata), ["ecgan_tf"])
    folder.mkdir(exist_ok=True)
    openvino.save_model(network, folder / "model.xml", compress_to_fp16=False)
    return folder


def test_a_sound_one_opens(tmp_path):
    assert open_model(str(write(tmp_path / "a"))).image_size == (8, 8)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": "x"}, "its inputs are x"),
        ({"kind": np.float64}, "its inputs are labels"),
        ({"shape": (-1, 16, 8)}, r"its labels are \(-1, 16, 8\), it describes itself as \(8, 8\)"),
        ({"shape": (-1, 8, 8, 3)}, "its labels are"),
        ({"output": "picture"}, "no output is called image"),
        ({"metadata": None}, "no model.json beside it"),
        ({"metadata": "{"}, "does not describe a model"),
        ({"metadata": {"arguments": {}, "classes": {}}}, "does not describe a model"),
    ],
    ids=str,
)
def test_a_foreign_one_is_one_line(tmp_path, changed, problem):
    with pytest.raises(RequestError, match=problem) as error:
        open_model(str(write(tmp_path / "a", **changed)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "content"),
    [("model.xml", b""), ("model.xml", b"\0\1"), ("model.xml", b"<net/>"),
     ("model.xml", b'<net name="a" version="11"/>'), ("model.xml", "half"), ("model.bin", "half"),
     ("model.bin", None)],
    ids=str,
)  # fmt: skip
def test_a_damaged_one_is_one_line(folders, tmp_path, capfd, file, content):
    folder = shutil.copytree(folders / "float32", tmp_path / "a")
    whole = (folder / file).read_bytes()
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    with pytest.raises(
        RequestError, match=r"model.xml is not a model for OpenVINO of this project \(.+\); export"
    ) as error:
        open_model(str(folder))
    assert "\n" not in str(error.value) and "src/" not in str(error.value)
    assert not capfd.readouterr().err


def test_a_file_that_openvino_cannot_write_is_an_error_of_the_machine(toy_model, tmp_path):
    (tmp_path / "a" / "model.bin").mkdir(parents=True)
    with pytest.raises(OSError, match="OpenVINO could not write it") as error:
        write_openvino(toy_model, str(tmp_path / "a"))
    assert error.value.errno == errno.EIO


def test_without_the_package_the_request_is_refused(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "openvino" else find(name))
    for targets in (["all"], ["onnx", "openvino"]):
        with pytest.raises(RequestError, match="openvino needs the package 'openvino'.*--targets=saved_model,tflite"):
            artefacts_of(targets)
    assert artefacts_of(["onnx"])
