"""ONNX files, opset 18: float32, and for TensorRT, which reads the precision from the file, float16 and int8."""

import collections
import functools
import logging
import os
import tempfile
import warnings

import numpy as np
import onnx
import onnxslim
import tensorflow as tf
import tf2onnx

from ecgan_tf.atomic_files import machine_errors
from ecgan_tf.memory import give_back
from ecgan_tf.outputs import need_temporary_room

OPSET = 18  # the highest that tf2onnx writes
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
    _bind(proto.graph, weights)
    _name_batch_axis(proto.graph, "batch")
    _leave_out_empty_scales(proto.graph)
    return onnxslim.slim(proto)


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
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    need_temporary_room(5 * 4 * model.parameters)
    with tempfile.TemporaryDirectory() as folder, machine_errors(folder):
        source, target = os.path.join(folder, "float32.onnx"), os.path.join(folder, "int8.onnx")
        onnx.save(_float32(model), source)
        logging.disable(logging.WARNING)  # its advice to pre-process the graph, which is slim already
        try:
            quantize_static(
                source,
                target,
                _Calibration(model.calibration),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": True,  # TensorRT knows no zero points
                    "WeightSymmetric": True,
                    "QuantizeBias": False,  # nor int32 biases
                    "AddQDQPairToWeight": True,  # and every version of it folds a pair on a constant
                },
            )
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(target)


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
    return onnxslim.slim(proto)


def _bind(graph, weights):
    """Makes constants of the inputs that stand for weights; of what nothing reads, none.

    Args:
        graph: `onnx.GraphProto`.
        weights: dictionary from the name of an input to its tensor.
    """
    read = {name for node in graph.node for name in node.input}
    inputs = [value for value in graph.input if value.name not in weights]
    del graph.input[:]
    graph.input.extend(inputs)
    for name, weight in weights.items():
        if name in read:
            graph.initializer.append(onnx.numpy_helper.from_array(weight.numpy(), name))


def _leave_out_empty_scales(graph):
    """A Resize by sizes comes with an empty tensor for its scales, of which float16 makes a cast that is not empty."""
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 4:
            node.input[2] = ""


def _name_batch_axis(graph, name):
    """tf2onnx calls the open axis unk__420 or so."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = name
    del graph.value_info[:]  # inferred shapes that name the axis otherwise
