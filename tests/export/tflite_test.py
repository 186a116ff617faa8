"""What a .tflite must hold, and what is refused."""

import json

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from ecgan_tf.inference.runtimes import open_model, read_tflite_metadata
from ecgan_tf.pixels import to_uint8
from export.inference_model import InferenceModel
from export.tflite import _check, delegation, operators, write_tflite


@pytest.fixture(scope="module")
def model(make_run):
    return InferenceModel(make_run("ecgan"))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "model.tflite"
    write_tflite(model, str(path), "float32")
    return path


def test_the_pictures_on_the_way_are_further_outputs(make_run, tmp_path):
    run = make_run("ecgan", has_unknown=True)
    model = InferenceModel(run, intermediates=True)
    for precision, uint8_io in (("float32", False), ("dynamic_int8", True)):
        path = str(tmp_path / f"{precision}.tflite")
        write_tflite(model, path, precision, uint8_io)
        runner = Interpreter(model_path=path).get_signature_runner("serving_default")
        assert set(runner.get_output_details()) == {"image", "edge", "initial_image"}
        labels = model.layouts["labels"][:1]
        found = runner(labels=labels.astype(np.uint8 if uint8_io else np.int32))
        expected = model.generator({"labels": labels})
        for name in ("edge", "initial_image"):
            wanted = np.clip(expected[name], -1, 1)
            np.testing.assert_allclose(found[name], wanted, atol=1e-4 if precision == "float32" else 0.15)
            assert np.ptp(found[name]) > 0.01
        assert (found["image"].dtype == np.uint8) == uint8_io


def test_all_operators_are_builtins(path):
    names = set(operators(path.read_bytes()))
    assert {"CONV_2D", "GATHER", "RESIZE_NEAREST_NEIGHBOR", "TANH"} <= names
    assert not {name for name in names if name.startswith("Flex") or "VAR" in name}


def test_the_report_counts_what_the_delegate_leaves(path):
    content = path.read_bytes()
    found = delegation(content)
    assert found["operators"] == sum(operators(content).values())
    assert found["partitions"] > 0
    assert found["not_delegated"]["GATHER"] == operators(content)["GATHER"]  # XNNPACK has none
    assert "CONV_2D" not in found["not_delegated"]


def test_lost_weights_are_noticed(path):
    content = path.read_bytes()
    with pytest.raises(ValueError, match="some are missing"):
        _check(content, 2 * len(content))


def test_the_file_describes_itself(model, path):
    description = json.loads(read_tflite_metadata(str(path)))
    assert description == json.loads(json.dumps(model.description))
    assert {"classes", "arguments", "step", "source", "licence"} <= description.keys()
    assert open_model(str(path)).image_size == (32, 32)  # without a model.json beside it


def test_bytes_in_and_bytes_out(model, path, tmp_path):
    write_tflite(model, str(tmp_path / "app.tflite"), "float32", uint8_io=True)
    app, plain = open_model(str(tmp_path / "app.tflite")), open_model(str(path))
    assert app.inputs == {"labels": np.uint8}
    np.testing.assert_array_equal(to_uint8(app.generate(model.layouts)), to_uint8(plain.generate(model.layouts)))
    np.testing.assert_array_equal(app(model.layouts["labels"]), plain(model.layouts["labels"]))


def test_int8_learns_its_ranges_from_the_calibration_layouts(model, tmp_path):
    kept = model.calibration
    contents = []
    try:
        for labels in (kept["labels"], np.zeros_like(kept["labels"])):
            model.calibration = {"labels": labels}
            write_tflite(model, str(tmp_path / "int8.tflite"), "static_int8")
            contents.append((tmp_path / "int8.tflite").read_bytes())
    finally:
        model.calibration = kept
    assert contents[0] != contents[1]
    assert len(contents[0]) < 2 * model.parameters


def test_a_writer_that_lets_go_of_the_weights_writes_the_same(make_run, model, tmp_path):
    alone = InferenceModel(make_run("ecgan"))
    alone.makes_one = True
    for name, one in (("kept", model), ("alone", alone)):
        write_tflite(one, str(tmp_path / name), "dynamic_int8")
    assert alone.generator is None and model.generator is not None
    assert (tmp_path / "kept").read_bytes() == (tmp_path / "alone").read_bytes()
