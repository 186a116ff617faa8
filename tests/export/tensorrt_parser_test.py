"""TensorRT's own parser: what the report says of it where it is installed, and where it is not."""

import sys

import onnx
import pytest

from export import build_engine
from export.artefact import export_one
from export.inference_model import InferenceModel
from export.onnx import write_onnx
from export.report import write_model_card
from export.tensorrt_parser import PACKAGES, find_parser, in_words, parsed

NAME = f"{build_engine.FOLDER}/model_float32.onnx"


@pytest.fixture
def trt():
    module, reason = find_parser()
    if module is None:
        pytest.skip(f"{reason}; pip install tensorrt-rtx-cu12")
    return module


@pytest.fixture
def without_parser(monkeypatch):
    for package in PACKAGES:
        monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    find_parser.cache_clear()
    yield
    find_parser.cache_clear()


@pytest.fixture
def small(tmp_path):
    """An .onnx of one operator, by its name and attributes."""

    def make(operator, **attributes):
        shapes = {name: onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", 4]) for name in "xy"}
        node = onnx.helper.make_node(operator, ["x"], ["y"], **attributes)
        graph = onnx.helper.make_graph([node], "graph", [shapes["x"]], [shapes["y"]])
        path = tmp_path / f"{operator}.onnx"
        onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8), path)
        return str(path)

    return make


def test_what_it_takes_is_counted(trt, small):
    found = parsed(small("Relu"))
    assert found == {"parser": f"{trt.__name__} {trt.__version__}", "layers": 1, "warnings": [], "refused": None}
    assert in_words(found) == f"parsed by {trt.__name__} {trt.__version__}: 1 layers"


@pytest.mark.parametrize("operator", ["Unique", "Det", "MyOperator"])
def test_what_it_refuses_is_named(trt, small, operator):
    found = parsed(small(operator, **({"domain": "mine"} if operator == "MyOperator" else {})))
    assert operator in found["refused"] and found["layers"] is None
    assert in_words(found).startswith(f"REFUSED by TensorRT's parser ({trt.__name__} {trt.__version__}): ")


def test_without_it_nothing_is_claimed(without_parser, small):
    found = parsed(small("Det"))
    reason = "tensorrt is not installed; tensorrt_rtx is not installed"
    assert found == {"parser": None, "reason": reason}
    assert in_words(found) == f"not parsed by TensorRT's parser: {reason}"


def test_a_package_that_does_not_work_here_is_passed_over(monkeypatch, without_parser, tmp_path):
    (tmp_path / "tensorrt.py").write_text("raise OSError('libnvinfer.so.10: cannot open shared object file')")
    monkeypatch.delitem(sys.modules, "tensorrt")
    monkeypatch.syspath_prepend(tmp_path)
    module, reason = find_parser()
    assert module is None and reason == (
        "tensorrt does not work here (libnvinfer.so.10: cannot open shared object file); tensorrt_rtx is not installed"
    )


@pytest.fixture(scope="module")
def model(make_run):
    return InferenceModel(make_run("lggan", fusion="local", num_residual_blocks=0, local_kernel_size=1))


@pytest.fixture(scope="module")
def expected(model):
    return model.image(**model.layouts)["image"].numpy()


def card(model, entry, folder):
    report = {"step": 1, "graph": model.graph, "layouts": 2, "machine": "", "threads": 1, "peak_bytes": None}
    write_model_card(folder / "card.md", model, {**report, "artefacts": {NAME: entry}})
    return (folder / "card.md").read_text()


def with_unique(model, path):
    """A file that onnxruntime runs, and TensorRT has no operator for."""
    write_onnx(model, path)
    proto = onnx.load(path)
    proto.graph.node.append(onnx.helper.make_node("Unique", ["image"], ["unread"], name="values_of_image"))
    onnx.save(proto, path)


def test_the_report_and_the_card_say_what_was_parsed(trt, model, expected, tmp_path, capsys):
    entry, _ = export_one(model, expected, str(tmp_path), NAME, write_onnx, "float32")
    found = entry["tensorrt_parser"]
    assert entry["passed"] and found["layers"] > 50 and found["warnings"] == [] and (tmp_path / NAME).is_file()
    assert f"passed; {in_words(found)}" in capsys.readouterr().out
    assert f"- `{NAME}`: {in_words(found)}.\n" in card(model, entry, tmp_path)


def test_a_file_that_it_refuses_is_put_aside(trt, model, expected, tmp_path, capsys):
    entry, _ = export_one(model, expected, str(tmp_path), NAME, with_unique, "float32")
    assert not entry["passed"] and "values_of_image" in entry["missed"][0]
    assert (tmp_path / "rejected" / NAME).is_file() and not (tmp_path / NAME).exists()
    assert "REJECTED: REFUSED by TensorRT's parser" in capsys.readouterr().out
    assert "REFUSED by TensorRT's parser" in card(model, entry, tmp_path)


def test_the_report_and_the_card_say_what_was_not_parsed(without_parser, model, expected, tmp_path, capsys):
    entry, _ = export_one(model, expected, str(tmp_path), NAME, with_unique, "float32")
    assert entry["passed"] and entry["tensorrt_parser"]["parser"] is None
    assert "not parsed by TensorRT's parser: tensorrt is not installed" in capsys.readouterr().out
    assert f"- `{NAME}`: not parsed by TensorRT's parser" in card(model, entry, tmp_path)


@pytest.mark.slow
def test_lggan_plus_is_as_many_layers_as_lggan_takes_three_times_at_most(trt, make_run, tmp_path):
    layers = {}
    for name in ("lggan", "lggan_plus"):
        write_onnx(InferenceModel(make_run(name)), str(tmp_path / name))
        layers[name] = parsed(str(tmp_path / name))["layers"]
    assert layers["lggan"] < layers["lggan_plus"] <= 3 * layers["lggan"]
