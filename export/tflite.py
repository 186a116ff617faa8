"""LiteRT (.tflite) files of builtin operators only: no Flex, so every phone runs them."""

import collections

import tensorflow as tf

from ecgan_tf.memory import give_back
from ecgan_tf.outputs import need_temporary_room
from ecgan_tf.pixels import to_uint8_tensor
from export.tflite_metadata import write_described

WEIGHT_BYTES = {"float32": 4, "float16": 2, "dynamic_int8": 1, "int8": 1, "int16": 1}


def write_tflite(model, path, precision, uint8_io=False):
    """Converts the generator at batch 1: `labels` int32 (1, height, width) -> `image` float32 (1, height, width, 3).

    Args:
        model: `InferenceModel`.
        path: of the .tflite.
        precision: "float32"; "float16": weights of half the size; "dynamic_int8": int8 weights, activations quantised
            as they come; "int8": activations too, by the ranges of the calibration layouts; "int16": int8 weights and
            int16 activations, which no phone computes fast.
        uint8_io: takes the labels as uint8 and gives the image as uint8, as an app has and shows them.
    """
    need_temporary_room(2 * 4 * model.parameters)
    content = _convert(model, precision, uint8_io)
    give_back()
    _check(content, model.parameters * WEIGHT_BYTES[precision])
    write_described(path, content, model)


class _Converter(tf.lite.TFLiteConverter):
    """Lets go of the function and its weights, which are not read again once they are a float32 .tflite."""

    model = None

    def _optimize_tflite_model(self, *content, **options):
        self._funcs = self._trackable_obj = None
        self.model.let_go_of_weights()
        return super()._optimize_tflite_model(*content, **options)


def _convert(model, precision, uint8_io):
    """The bytes of a .tflite; arguments as `write_tflite`."""
    converter = _Converter.from_concrete_functions(*_function(model, uint8_io))
    converter.model = model
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision in ("int8", "int16"):
        converter.representative_dataset = lambda: _examples(model, uint8_io)
    if precision == "int16":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
    return converter.convert()


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


def _function(model, uint8_io):
    signature = model.signature(1)
    if uint8_io:
        signature = {
            name: tf.TensorSpec(spec.shape, tf.uint8 if spec.dtype == tf.int32 else spec.dtype, name=name)
            for name, spec in signature.items()
        }

    def run(**inputs):
        image = model.image(**{name: tf.cast(value, model.signature(1)[name].dtype) for name, value in inputs.items()})
        image = to_uint8_tensor(image["image"]) if uint8_io else image["image"]
        return {"image": tf.identity(image, name="image")}

    module = model.module()
    module.synthesise = tf.function(run, autograph=False)
    return [module.synthesise.get_concrete_function(**signature)], module


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
