"""Each kind of artefact in processes without this project, and without TensorFlow, on two runtimes: one picture."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from ecgan_tf.inference.runtimes import open_keras_run
from ecgan_tf.pixels import as_float
from export.parity import compare
from export.targets import artefact_of

PROGRAM = pathlib.Path(__file__).parent / "alone.py"
# Artefact, the runtimes that open it, and what of it they are given. TensorFlow is the SavedModel's own.
CASES = {
    "saved_model": ("tensorflow", "openvino_of_saved_model"),
    "model_float32.tflite": ("litert", "openvino_of_tflite"),
    "model_float32.onnx": ("onnxruntime", "openvino"),
    "openvino_float32": ("openvino",),
    "tensorrt/model_float16.onnx": ("onnxruntime", "openvino"),
}
GIVEN = {"openvino_float32": "model.xml"}


@pytest.fixture(scope="module")
def expected(toy_run, toy_model):
    return open_keras_run(toy_run).generate(toy_model.layouts)


@pytest.fixture(scope="module", params=CASES)
def artefact(request, toy_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("artefact") / request.param
    path.parent.mkdir(exist_ok=True)
    write, precision = artefact_of(request.param)
    write(toy_model, str(path))
    assert not list(path.parent.glob("*.json"))
    return path / GIVEN.get(request.param, ""), CASES[request.param], precision


def test_the_file_is_enough(artefact, toy_model, expected, tmp_path):
    path, runtimes, precision = artefact
    labels = toy_model.layouts["labels"]
    values = np.where(labels == 3, 255, labels).astype(np.uint8)
    np.save(tmp_path / "layouts.npy", values.repeat(3, 1).repeat(2, 2))  # at another size, as label maps have it
    assert np.ptp(expected) > 0.3
    for runtime in runtimes:
        words = [sys.executable, "-I", PROGRAM, runtime, path, tmp_path / "layouts.npy", tmp_path / f"{runtime}.npy"]
        result = subprocess.run(list(map(str, words)), cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
        found = compare(expected, as_float(np.load(tmp_path / f"{runtime}.npy")), precision, rounded=True)
        assert found["passed"], (runtime, found)
