"""LiteRT (.tflite) files of builtin operators only: no Flex, so every phone runs them."""

import collections

import numpy as np
import tensorflow as tf

from ecgan_tf.memory import give_back
from ecgan_tf.outputs import need_temporary_room
from ecgan_tf.pixels import to_uint8_tensor
from export.tflite_graph import with_float32_tables
from export.tflite_int8 import with_int8_convolutions
from export.tflite_metadata import write_described

WEIGHT_BYTES = {"float32": 4, "float16": 2, "dynamic_int8": 1}


def write_tflite(model, path, precision, uint8_io=False):
    """Converts the generator at batch 1: `labels` int32 (1, height, width) -> `image` float32 (1, height, width, 3).

    Where the model has `intermediates`, their pictures are further outputs, float32.

    Args:
        model: `InferenceModel`.
        path: of the .tflite.
        precision: "float32"; "float16": weights of half the size; "dynamic_int8": int8 weights, activations quantised
            as they come; "static_int8": those of the convolutions by the ranges of the calibration layouts.
        uint8_io: takes the labels as uint8 and gives the image as uint8, as an app has and shows them.
            Exemplars, boundaries and random inputs stay float32.
    Returns:
        what the report says of it beside what is inside, a dictionary.
    """
    need_temporary_room(2 * 4 * model.parameters)
    kind = "float32" if precision == "static_int8" else precision
    content, found = convert(model, model.pictures, model.signature(1), kind, uint8_io, let_go=True), {}
    give_back()
    if precision == "static_int8":
        content, quantised = with_int8_convolutions(content, list(_examples(model, uint8_io)))
        found = {"int8": quantised}
        give_back()
    write_described(path, content, model)
    return found


def convert(model, function, signature, precision, uint8_io=False, let_go=False):
    """The bytes of a .tflite of a function of a model, of builtin operators only.

    Args:
        model: `InferenceModel` whose weights it reads.
        function: of keyword tensors to a dictionary of tensors.
        signature: names to `tf.TensorSpec` of its inputs.
        precision, uint8_io: as `write_tflite`, but for "static_int8".
        let_go: whether the model's weights are not needed afterwards.
    """
    concrete, module = _concrete(model, function, signature, uint8_io)
    weight_bytes = WEIGHT_BYTES[precision] * sum(int(np.prod(v.shape)) for v in concrete.graph.variables)
    converter = _Converter.from_concrete_functions([concrete], module)
    del concrete, module
    converter.model = model if let_go else None
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    content = converter.convert()
    if precision == "float16":
        content = with_float32_tables(content)
    _check(content, weight_bytes)
    return content


class _Converter(tf.lite.TFLiteConverter):
    """Lets go of the function and its weights, which are not read again once they are a float32 .tflite."""

    model = None

    def _optimize_tflite_model(self, *content, **options):
        self._funcs = self._trackable_obj = None
        if self.model:
            self.model.let_go_of_weights()
        return super()._optimize_tflite_model(*content, **options)


def operators(content):
    """How often each operator occurs in a .tflite: `collections.Counter` by name."""
    return collections.Counter(node["op_name"] for node in _nodes(content, delegate=False)[0])


def delegation(content):
    """What LiteRT's XNNPACK delegate takes over on this machine.

    Returns:
        dictionary: `operators`, how many there are; `partitions`, the pieces of the graph that the delegate runs; and
        `not_delegated`, how often each operator is left to the plain kernels.
    """
    nodes, outputs = _nodes(content, delegate=True)
    maker = {}
    for index, node in enumerate(nodes):  # the nodes of the delegate come last, over those that they replace
        maker.update(dict.fromkeys(map(int, node["outputs"]), index))
    run, wanted = set(), list(outputs)
    while wanted:
        index = maker.get(wanted.pop())
        if index is not None and index not in run:
            run.add(index)
            wanted += map(int, nodes[index]["inputs"])
    left = collections.Counter(nodes[index]["op_name"] for index in run)
    partitions = left.pop("DELEGATE", 0)
    return {
        "operators": sum(node["op_name"] != "DELEGATE" for node in nodes),
        "partitions": partitions,
        "not_delegated": dict(sorted(left.items())),
    }


def _concrete(model, function, signature, uint8_io):
    """The concrete function of a .tflite and the module that keeps it; ids are cast and pixels made inside of it."""
    outer = {name: _outer_spec(spec, uint8_io) for name, spec in signature.items()}

    def run(**inputs):
        outputs = function(**{name: tf.cast(value, signature[name].dtype) for name, value in inputs.items()})
        if uint8_io and "image" in outputs:
            outputs["image"] = to_uint8_tensor(outputs["image"])
        return {name: tf.identity(value, name=name) for name, value in outputs.items()}

    module = model.module()
    module.synthesise = tf.function(run, autograph=False)
    return module.synthesise.get_concrete_function(**outer), module


def _outer_spec(spec, uint8_io):
    """What a .tflite takes for an input: ids as uint8 with `uint8_io`; else, and all others, as it is."""
    return tf.TensorSpec(spec.shape, tf.uint8 if uint8_io and spec.dtype == tf.int32 else spec.dtype, name=spec.name)


def _examples(model, uint8_io):
    for index in range(len(model.calibration["labels"])):
        example = {name: array[index : index + 1] for name, array in model.calibration.items()}
        if uint8_io:
            example = {name: array.astype("uint8") if array.dtype == "int32" else array
                       for name, array in example.items()}  # fmt: skip
        yield example


def _nodes(content, delegate):
    """The operators of a .tflite and the indices of its output tensors, with or without the delegate's."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    resolver = OpResolverType.AUTO if delegate else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    if delegate:
        interpreter.allocate_tensors()
    return interpreter._get_ops_details(), [details["index"] for details in interpreter.get_output_details()]


def _check(content, weight_bytes):
    """The converter can lose the weights or call TensorFlow without a word: both show in the file."""
    names = set(operators(content))
    foreign = {name for name in names if name.startswith("Flex") or name in ("VAR_HANDLE", "READ_VARIABLE", "CUSTOM")}
    if foreign:
        raise ValueError(f"the .tflite has operators that are no builtins: {', '.join(sorted(foreign))}")
    if len(content) < 0.9 * weight_bytes:
        raise ValueError(f"the .tflite has {len(content)} bytes for {weight_bytes} bytes of weights: some are missing")
