"""What the ONNX files hold, and what TensorRT's own parser and builder make of them."""

import hashlib
import json

import numpy as np
import onnx
import onnxslim
import pytest
from onnxruntime.quantization import QuantType, quantize_static

from export import build_engine
from export import onnx as export_onnx
from export.inference_model import InferenceModel
from export.onnx import write_onnx
from export.tensorrt_parser import find_parser, parsed


@pytest.fixture(scope="module")
def model(make_run):
    return InferenceModel(make_run("ecgan"))


@pytest.fixture(scope="module")
def protos(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("onnx")
    for precision in ("float32", "float16", "int8"):
        write_onnx(model, str(folder / precision), precision)
    return {path.name: onnx.load(path) for path in folder.iterdir()}


def computation(proto):
    """What a graph computes, whatever its values are called: each operator with what it reads, sorted."""
    graph = proto.graph
    made = {value.name: value.name for value in graph.input}
    made |= {tensor.name: repr(onnx.numpy_helper.to_array(tensor).tobytes()) for tensor in graph.initializer}
    digest = lambda *parts: hashlib.sha256(repr(parts).encode()).hexdigest()
    for node in graph.node:
        attributes = sorted(attribute.SerializeToString(deterministic=True) for attribute in node.attribute)
        operator = digest(node.op_type, [made.get(name, name) for name in node.input], attributes)
        made |= {name: operator + str(index) for index, name in enumerate(node.output)}
    return [made[value.name] for value in graph.output], sorted(made[node.output[0]] for node in graph.node)


def dimensions(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def test_the_batch_is_open_or_fixed(model, protos, tmp_path):
    write_onnx(model, str(tmp_path / "fixed"), batch=4)
    fixed = onnx.load(tmp_path / "fixed").graph
    assert dimensions(protos["float32"].graph.input[0]) == ["batch", 32, 32]
    assert dimensions(protos["float32"].graph.output[0]) == ["batch", 32, 32, 3]
    assert dimensions(fixed.input[0]) == [4, 32, 32] and dimensions(fixed.output[0]) == [4, 32, 32, 3]


def test_every_file_describes_itself(model, protos):
    for proto in protos.values():
        metadata = {entry.key: entry.value for entry in proto.metadata_props}
        assert json.loads(metadata["ecgan_tf"])["source"] == model.description["source"]


def test_float16_keeps_means_in_float32(protos):
    graph = protos["float16"].graph
    types = {tensor.name: tensor.data_type for tensor in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert {types[node.input[1]] for node in convolutions} == {onnx.TensorProto.FLOAT16}
    inferred = {value.name: value.type.tensor_type.elem_type
                for value in onnx.shape_inference.infer_shapes(protos["float16"]).graph.value_info}  # fmt: skip
    means = [node for node in graph.node if node.op_type in ("ReduceMean", "GlobalAveragePool")]
    assert means  # of the semantic preserving module
    assert {inferred[node.input[0]] for node in means} == {onnx.TensorProto.FLOAT}


def test_every_convolution_of_int8_is_between_quantisers(protos):
    graph = protos["int8"].graph
    makers = {output: node.op_type for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert all(makers[name] == "DequantizeLinear" for node in convolutions for name in node.input[:2])
    assert not any(makers.get(name) for node in convolutions for name in node.input[2:])  # biases stay float


def test_int8_is_what_onnxruntime_makes_in_one_step(model, protos, tmp_path):
    onnx.save(protos["float32"], tmp_path / "float32")
    quantize_static(
        tmp_path / "float32",
        tmp_path / "int8",
        export_onnx._Calibration(model.calibration),
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        extra_options={"ActivationSymmetric": True, "QuantizeBias": False, "AddQDQPairToWeight": True},
    )
    assert computation(onnx.load(tmp_path / "int8")) == computation(protos["int8"])


def test_a_writer_that_lets_go_of_the_weights_writes_the_same(make_run, protos, tmp_path):
    model = InferenceModel(make_run("ecgan"))
    model.makes_one = True
    write_onnx(model, str(tmp_path / "int8"), "int8")
    assert model.generator is None
    assert computation(onnx.load(tmp_path / "int8")) == computation(protos["int8"])


def test_onnxslim_does_as_well_without_the_weights(model, monkeypatch):
    slim, given = export_onnx._slim, []
    monkeypatch.setattr(export_onnx, "_slim", lambda proto: given.append(copy_of(proto)) or slim(proto))
    monkeypatch.setattr(export_onnx, "LARGEST_SHOWN", 0)
    export_onnx._converted.cache_clear()
    without = export_onnx._converted(model)
    assert computation(without) == computation(onnxslim.slim(given[0]))
    onnx.checker.check_model(without, full_check=True)


@pytest.mark.parametrize(("last", "operators"), [(1, ["Gather", "Add"]), (2, ["Gather", "Gather", "Add"])])
def test_weights_that_onnxslim_does_not_see_are_one_where_they_are_equal(monkeypatch, last, operators):
    monkeypatch.setattr(export_onnx, "LARGEST_SHOWN", 0)
    tables = [("table", np.array([0, 1], np.float32)), ("other", np.array([0, last], np.float32))]
    proto = make(
        onnx.helper.make_node("Gather", ["table", "x"], ["a"]),
        onnx.helper.make_node("Gather", ["other", "x"], ["b"]),
        onnx.helper.make_node("Add", ["a", "b"], ["y"]),
        constants=tables,
    )
    proto.graph.input.append(onnx.helper.make_tensor_value_info("x", onnx.TensorProto.INT64, ["batch"]))
    proto.graph.output.append(onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch"]))
    assert [node.op_type for node in export_onnx._slim(proto).graph.node] == operators


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_tensorrt_parses_and_builds_every_file(model, protos, precision, tmp_path):
    trt, reason = find_parser()
    if trt is None:
        pytest.skip(f"{reason}; pip install tensorrt-rtx-cu12")
    (tmp_path / "model.onnx").write_bytes(protos[precision].SerializeToString())
    found = parsed(str(tmp_path / "model.onnx"))
    assert found["refused"] is None and found["warnings"] == []
    assert found["layers"] > len(protos[precision].graph.node) / 2
    shapes = {key: [batch, 32, 32] for key, batch in (("min", 1), ("opt", 1), ("max", 8))}
    engine, _ = build_engine.build(trt, protos[precision].SerializeToString(), {"labels": shapes}, precision)
    weights = 4 * model.parameters
    assert weights / 8 < len(engine) < 8 * weights


def test_int8_has_no_zero_points_but_0(protos):
    tensors = {tensor.name: tensor for tensor in protos["int8"].graph.initializer}
    nodes = [node for node in protos["int8"].graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    zero_points = [tensors[node.input[2]] for node in nodes]
    assert zero_points and {tensor.data_type for tensor in zero_points} == {onnx.TensorProto.INT8}
    assert not any(onnx.numpy_helper.to_array(tensor).any() for tensor in zero_points)


@pytest.mark.parametrize("precision", ["float32", "float16", "int8"])
def test_a_resize_reads_nothing_that_is_empty(protos, precision):
    empty = {tensor.name for tensor in protos[precision].graph.initializer if 0 in tensor.dims}
    resizes = [node for node in protos[precision].graph.node if node.op_type == "Resize"]
    assert resizes and not [node.name for node in resizes if not node.input[-1] or empty.intersection(node.input)]
    assert not empty


def copy_of(proto):
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    return copy


def make(*nodes, constants=()):
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in constants]
    return onnx.helper.make_model(onnx.helper.make_graph(list(nodes), "graph", [], [], initializers))
