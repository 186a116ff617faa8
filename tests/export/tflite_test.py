"""What a .tflite must hold, and what is refused."""

import pytest

from export.model import InferenceModel
from export.tflite import _check, operators, write_tflite


@pytest.fixture(scope="module")
def content(make_run, tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "model.tflite"
    write_tflite(InferenceModel(make_run("ecgan")), str(path), "float32")
    return path.read_bytes()


def test_all_operators_are_builtins(content):
    names = set(operators(content))
    assert {"CONV_2D", "GATHER", "RESIZE_NEAREST_NEIGHBOR", "TANH"} <= names
    assert not {name for name in names if name.startswith("Flex") or "VAR" in name}


def test_lost_weights_are_noticed(content):
    with pytest.raises(ValueError, match="some are missing"):
        _check(content, 2 * len(content))
