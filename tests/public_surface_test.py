"""What `import ecgan_tf` offers, and that it costs nothing until it is asked for."""

import subprocess
import sys
import typing

import pytest

import ecgan_tf
from ecgan_tf import evaluate, synthesize
from ecgan_tf.inference.runtimes import open_tflite
from export.inference_model import InferenceModel
from export.tflite import write_tflite


def python(code, *words):
    result = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.mark.parametrize("name", ecgan_tf.__all__)
def test_every_name_is_there(name):
    value = getattr(ecgan_tf, name)
    assert name in dir(ecgan_tf)
    assert isinstance(value, dict) if name == "METHODS" else callable(value)
    if name not in ("METHODS", "RequestError"):
        assert typing.get_type_hints(value) and value.__doc__


def test_the_commands_are_functions_and_not_the_modules_of_their_names():
    assert (evaluate.__module__, synthesize.__module__) == (
        "ecgan_tf.evaluation.evaluate",
        "ecgan_tf.inference.requests",
    )


def test_another_name_is_not():
    with pytest.raises(AttributeError, match="module 'ecgan_tf' has no attribute 'paint'"):
        _ = ecgan_tf.paint


def test_an_import_loads_neither_tensorflow_nor_flags():
    names = python("import ecgan_tf, sys; print(*sys.modules)")
    assert not {"tensorflow", "keras", "absl", "absl.flags", "ml_collections", "numpy"} & set(names)


def test_a_tflite_is_opened_without_tensorflow(make_run, tmp_path):
    path = str(tmp_path / "model.tflite")
    write_tflite(InferenceModel(make_run("spade")), path, "float32")
    assert open_tflite(path).image_size == (32, 32)
    code = (
        "import sys, numpy, ecgan_tf\n"
        "picture = ecgan_tf.open_model(sys.argv[1])(numpy.zeros((20, 30), int))\n"
        "print(*picture.shape, picture.dtype, 'tensorflow' in sys.modules, 'absl.flags' in sys.modules)\n"
    )
    assert python(code, path) == ["32", "32", "3", "uint8", "False", "False"]
