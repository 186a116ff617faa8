"""ONNX files, opset 18: float32, and for TensorRT, which reads the precision from the file, float16 and int8."""

import collections
import functools
import hashlib
import logging
import math
import pathlib
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
import onnxslim
import tensorflow as tf
import tf2onnx

from ecgan_tf.atomic_files import machine_errors
from ecgan_tf.memory import give_back
from ecgan_tf.outputs import need_temporary_room

OPSET = 18  # the highest that tf2onnx writes
WEIGHTS = (("Conv", 1), ("ConvTranspose", 1), ("Gather", 0))  # operators and the input by which they read them
LARGEST_SHOWN = 16_384  # values of a weight that onnxslim gets to see
QUANTIZED = ["Conv"]  # operators of an int8 file with int8 arguments
# Statistics and normalised weights, which lose their meaning in float16.
KEEP_FLOAT32 = (
    "ReduceMean",
    "ReduceSum",
    "ReduceSumSquare",
    "Softmax",
    "Sqrt",
    "Reciprocal",
    "Pow",
    "GlobalAveragePool",
)


def write_onnx(model, path, precision="float32", batch=None):
    """Converts the generator: `labels` int32 -> `image` float32 (batch, height, width, 3), NHWC.

    Args:
        model: `InferenceModel`.
        path: of the .onnx.
        precision: "float32"; "float16": weights and activations, but for statistics; "int8": convolutions between
            explicit QuantizeLinear and DequantizeLinear, symmetric, weights per channel, with the ranges of the
            calibration layouts.
        batch: fixed number of examples, or None for an open axis named "batch".
    """
    proto = {"float32": _float32, "float16": _float16, "int8": _int8}[precision](model)
    if batch is not None:
        proto = _with_batch(proto, batch)
    for key, value in model.metadata().items():
        proto.metadata_props.add(key=key, value=value)
    onnx.save(proto, path)
    del proto
    give_back()
    onnx.checker.check_model(path, full_check=True)


def operators(path):
    """How often each operator occurs in an .onnx: `collections.Counter` by name."""
    return collections.Counter(node.op_type for node in onnx.load(path, load_external_data=False).graph.node)


@functools.lru_cache(maxsize=1)
def _converted(model):
    """The float32 proto with an open batch axis, from which the others are made."""
    signature, variables = model.signature(None), model.generator.variables
    weights = {f"weight_{index}": variable.value for index, variable in enumerate(variables)}
    specs = [tf.TensorSpec(weight.shape, weight.dtype, name=name) for name, weight in weights.items()]

    def run(*tensors):
        inputs, given = tensors[: len(signature)], tensors[len(signature) :]
        return model.image_of(given, dict(zip(signature, inputs)))

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    proto, _ = tf2onnx.convert.from_function(
        tf.function(run, autograph=False), input_signature=[*signature.values(), *specs], opset=OPSET
    )
    _bind(proto, weights)
    del variables, weights
    model.let_go_of_weights()
    _name_batch_axis(proto.graph, "batch")
    _leave_out_what_a_resize_does_not_read(proto.graph)
    return _slim(proto)


def _float32(model):
    converted = _converted(model)
    if model.makes_one:
        _converted.cache_clear()
        return converted
    proto = onnx.ModelProto()
    proto.CopyFrom(converted)
    return proto


def _float16(model):
    from onnxruntime.transformers.float16 import convert_float_to_float16
    from onnxruntime.transformers.onnx_model import OnnxModel

    proto = _float32(model)
    statistics = [node.name for node in proto.graph.node if "/norm/" in node.name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tiny weights become the smallest number of float16, which is meant
        half = convert_float_to_float16(
            proto, keep_io_types=True, op_block_list=list(KEEP_FLOAT32), node_block_list=statistics
        )
    sorted_model = OnnxModel(half)
    sorted_model.topological_sort()  # the casts around float32 nodes were put at the end
    return sorted_model.model


def _int8(model):
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
    from onnxruntime.quantization.quant_utils import load_model_with_shape_infer

    need_temporary_room(3 * 4 * model.parameters)
    with tempfile.TemporaryDirectory() as folder, machine_errors(folder):
        source = pathlib.Path(folder, "float32.onnx")
        onnx.save(_float32(model), source, save_as_external_data=True)
        ranges = _ranges(source, model.calibration)
        give_back()  # before the model is read again
        quantizer = QDQQuantizer(
            load_model_with_shape_infer(source),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QInt8,
            tensors_range=ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=[],
            op_types_to_quantize=QUANTIZED,
            extra_options={
                "ActivationSymmetric": True,  # TensorRT knows no zero points
                "WeightSymmetric": True,
                "QuantizeBias": False,  # nor int32 biases
                "AddQDQPairToWeight": True,  # and every version of it folds a pair on a constant
            },
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        return quantizer.model.model


def _ranges(path, layouts):
    """The least and greatest value of what convolutions read and give, over calibration layouts.

    `quantize_static` does this, too, but holds the model twice meanwhile.

    Args:
        path: of a float32 .onnx with external data.
        layouts: dictionary of NumPy arrays.
    """
    from onnxruntime.quantization import create_calibrator

    augmented = path.with_name("augmented.onnx")
    calibrator = create_calibrator(path, QUANTIZED, str(augmented), use_external_data_format=True)
    calibrator.collect_data(_Calibration(layouts))
    return calibrator.compute_data()


class _Calibration:
    """Feeds the calibration layouts to the quantiser, one at a time."""

    def __init__(self, layouts):
        self.layouts = layouts
        self.index = 0

    def get_next(self):
        if self.index == len(self.layouts["labels"]):
            return None
        self.index += 1
        return {name: np.ascontiguousarray(array[self.index - 1 : self.index]) for name, array in self.layouts.items()}


def _with_batch(proto, batch):
    del proto.graph.value_info[:]
    for value in (*proto.graph.input, *proto.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = batch
    return _slim(proto)


def _bind(proto, weights):
    """Makes constants of the inputs that stand for weights, and of what is computed of constants alone.

    Args:
        proto: `onnx.ModelProto`, whose nodes are sorted.
        weights: dictionary from the name of an input to its tensor.
    """
    graph = proto.graph
    constant = {"", *weights, *(tensor.name for tensor in graph.initializer)}
    of_constants, others = [], []
    for node in graph.node:
        is_constant = node.op_type == "Constant" or (node.input and constant.issuperset(node.input))
        (of_constants if is_constant else others).append(node)
        constant.update(node.output if is_constant else ())
    read = {name for node in others for name in node.input}
    given = {name: weight.numpy() for name, weight in weights.items()}
    wanted = [name for node in of_constants for name in node.output if name in read]
    values = _computed(proto, of_constants, given, wanted)
    values |= {name: array for name, array in given.items() if name in read}
    _keep(graph.node, others)
    _keep(graph.input, [value for value in graph.input if value.name not in weights])
    _keep(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in read])
    graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in values.items())


def _computed(proto, nodes, given, wanted):
    """What some nodes of a proto compute, by name.

    Args:
        proto: `onnx.ModelProto`.
        nodes: of its graph, sorted.
        given: dictionary of NumPy arrays for those of its inputs that the nodes read.
        wanted: names of outputs of the nodes.
    """
    read = {name for node in nodes for name in node.input}
    inputs = [value for value in proto.graph.input if value.name in read]
    constants = [tensor for tensor in proto.graph.initializer if tensor.name in read]
    outputs = [onnx.ValueInfoProto(name=name) for name in wanted]
    part = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "part", inputs, outputs, constants),
        opset_imports=proto.opset_import,
        ir_version=proto.ir_version,
    )
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip(wanted, session.run(wanted, {value.name: given[value.name] for value in inputs})))


def _keep(field, kept):
    """Leaves some of the messages in a repeated field of a proto."""
    del field[:]
    field.extend(kept)


def _slim(proto):
    """`onnxslim.slim`, which copies every constant in each of its steps: it gets digests in place of large weights.

    Of these it reads no value; it only looks for equal ones.

    Args:
        proto: `onnx.ModelProto`, which is changed.
    """
    values = {}
    places = [(name, (node.op_type, place)) for node in proto.graph.node for place, name in enumerate(node.input)]
    shown = {name for name, place in places if place not in WEIGHTS}
    for tensor in proto.graph.initializer:
        if tensor.name not in shown and math.prod(tensor.dims) > LARGEST_SHOWN:
            content = tensor.raw_data
            tensor.raw_data = hashlib.sha256(content).digest()
            values[tensor.raw_data] = content
    slimmed = onnxslim.slim(proto)
    give_back()  # its graphs, whose nodes refer to each other
    for tensor in slimmed.graph.initializer:
        if tensor.raw_data in values:
            tensor.raw_data = values[tensor.raw_data]
    return slimmed


def _leave_out_what_a_resize_does_not_read(graph):
    """A Resize has an empty tensor for its region, of which TensorRT's parser warns.

    One by sizes has another for its scales, of which float16 makes a cast that is not empty.
    """
    for node in graph.node:
        if node.op_type == "Resize":
            node.input[1] = ""
            if len(node.input) == 4:
                node.input[2] = ""


def _name_batch_axis(graph, name):
    """tf2onnx calls the open axis unk__420 or so."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = name
    del graph.value_info[:]  # inferred shapes that name the axis otherwise
