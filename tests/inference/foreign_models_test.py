"""Exported models of somebody else, or that were changed: one line each, before the first picture."""

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.foreign_files import find_saved_model
from ecgan_tf.inference.runtimes import check_size, checked_description, open_model
from ecgan_tf.runs.folder import RunFolder, read_config, read_layouts

CLASSES = ClassList(("sky", "tree"), np.uint8([[1, 2, 3], [4, 5, 6]]))
MODEL = {"arguments": {"image_size": [8, 8]}, "classes": CLASSES.to_dict()}


def write_onnx(path, name="labels", kind=TensorProto.INT32, shape=("batch", 8, 8), output="image", metadata=MODEL):
    given = helper.make_tensor_value_info(name, kind, shape)
    made = helper.make_tensor_value_info(output, TensorProto.FLOAT, [*shape])
    node = helper.make_node("Cast", [name], [output], to=TensorProto.FLOAT)
    graph = helper.make_graph([node], "tiny", [given], [made])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        helper.set_model_props(model, {"ecgan_tf": text})
    onnx.save(model, path)


def test_a_sound_one_opens(tmp_path):
    write_onnx(tmp_path / "a.onnx")
    assert open_model(str(tmp_path / "a.onnx")).image_size == (8, 8)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"name": "x"}, "its inputs are x"),
        ({"kind": TensorProto.DOUBLE}, "its inputs are labels"),
        ({"kind": TensorProto.BOOL}, "its inputs are labels"),
        ({"shape": ("batch", 16, 8)}, r"its labels are \('batch', 16, 8\), it describes itself as \(8, 8\)"),
        ({"shape": ("batch", 8, 8, 3)}, "its labels are"),
        ({"shape": ()}, "its labels are"),
        ({"output": "picture"}, "no output is called image"),
        ({"metadata": None}, "no model.json beside it"),
        ({"metadata": "{"}, "does not describe a model"),
        ({"metadata": []}, "does not describe a model"),
        ({"metadata": "[" * 10_000}, "nested too deep"),
        ({"metadata": {"arguments": {}, "classes": {}}}, "does not describe a model"),
    ],
    ids=str,
)
def test_a_foreign_onnx_is_one_line(tmp_path, changed, problem):
    write_onnx(tmp_path / "a.onnx", **changed)
    with pytest.raises(RequestError, match=problem) as error:
        open_model(str(tmp_path / "a.onnx"))
    assert "\n" not in str(error.value)


def test_a_size_that_is_open_fits():
    check_size(MODEL, (1, None, -1))
    check_size(MODEL, np.int32([1, 8, 8]))
    with pytest.raises(ValueError, match="its labels are"):
        check_size(MODEL, np.int32([1, 8, 9]))


@pytest.mark.parametrize(
    "size", [[float("inf"), 8], [1e300, 8], [0, 8], [8], [10**6, 10**6], "ab", None, [None, 8], {}]
)
def test_a_size_that_is_none_is_one_line(size):
    with pytest.raises(RequestError, match="does not describe a model") as error:
        checked_description("model.json", {**MODEL, "arguments": {"image_size": size}})
    assert len(str(error.value)) < 300


def test_versions_are_plain_digits(tmp_path):
    """ "²".isdigit() holds, and int("²") fails; "٣" is 3 to both."""
    for name in ("²", "٣", "1", "10", "x"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_bytes(b"")
    assert find_saved_model(str(tmp_path)) == str(tmp_path / "10")
    with pytest.raises(RequestError, match="is not a SavedModel of this project"):
        open_model(str(tmp_path))


# ---- the files of a run


@pytest.mark.parametrize("text", ["[]", "3", "{}", '{"model": []}', '{"model": {"name": []}}', "[" * 10_000,
                                  '{"model": {"name": "spade"}, "data": {"name": ["a"]}}'])  # fmt: skip
def test_a_config_that_is_none_is_one_line(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(RequestError, match=r"config.json (is no config of a run|cannot be read as JSON)"):
        read_config(tmp_path)


@pytest.mark.parametrize("stored", [{}, {"classes": []}, {**MODEL, "classes": {"classes": 3}},
                                    {**MODEL, "classes": {"classes": [3]}}, {**MODEL, "arguments": [1]}])  # fmt: skip
def test_a_stored_model_that_is_none_is_another_one(tmp_path, stored):
    (tmp_path / "model.json").write_text(json.dumps(stored))
    with pytest.raises(RequestError, match="holds another run"):
        RunFolder(tmp_path)._check_model(MODEL)


@pytest.mark.parametrize(
    "arrays",
    [{}, {"labels": np.zeros(3, int)}, {"labels": np.zeros((2, 4, 4))}, {"labels": np.zeros((0, 4, 4), int)},
     {"labels": np.zeros((2, 4, 4), int), "source": np.zeros((3, 4, 4, 3))}],
    ids=["none", "flat", "no ids", "empty", "unequal"],
)  # fmt: skip
def test_layouts_that_are_none_are_one_line(tmp_path, arrays):
    np.savez(tmp_path / "layouts.npz", **arrays)
    with pytest.raises(RequestError, match="layouts.npz holds no layouts of a run"):
        read_layouts(tmp_path)
