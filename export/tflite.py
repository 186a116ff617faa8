"""LiteRT (.tflite) files of builtin operators only: no Flex, so every phone runs them."""

import tensorflow as tf


def write_tflite(model, path, precision):
    """Converts the generator at batch 1: `labels` int32 (1, height, width) -> `image` float32 (1, height, width, 3).

    Args:
        model: `InferenceModel`.
        path: of the .tflite.
        precision: "float32", or "float16" for weights of half the size.
    """
    module = model.module()
    module.paint = tf.function(model.image, autograph=False)
    function = module.paint.get_concrete_function(**model.signature(1))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    content = converter.convert()
    _check(content, model.parameters * {"float32": 4, "float16": 2}[precision])
    with open(path, "wb") as file:
        file.write(content)


def operators(content):
    """The names of a .tflite's operators, in order."""
    from ai_edge_litert.interpreter import Interpreter

    return [operator["op_name"] for operator in Interpreter(model_content=content)._get_ops_details()]


def _check(content, weight_bytes):
    """The converter can lose the weights or call TensorFlow without a word: both show in the file."""
    names = set(operators(content))
    foreign = {name for name in names if name.startswith("Flex") or name in ("VAR_HANDLE", "READ_VARIABLE", "CUSTOM")}
    if foreign:
        raise ValueError(f"the .tflite has operators that are no builtins: {', '.join(sorted(foreign))}")
    if len(content) < 0.9 * weight_bytes:
        raise ValueError(f"the .tflite has {len(content)} bytes for {weight_bytes} bytes of weights: some are missing")
