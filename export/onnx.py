"""ONNX files, opset 18."""

import onnx
import tensorflow as tf
import tf2onnx

OPSET = 18  # the highest that tf2onnx writes


def write_onnx(model, path):
    """Converts the generator with an open batch axis: `labels` int32 -> `image` float32, NHWC.

    Args:
        model: `InferenceModel`.
        path: of the .onnx.
    """
    signature = model.signature(None)

    def paint(*inputs):
        return model.image(**dict(zip(signature, inputs)))

    proto, _ = tf2onnx.convert.from_function(
        tf.function(paint, autograph=False), input_signature=list(signature.values()), opset=OPSET
    )
    _name_batch_axis(proto.graph)
    onnx.checker.check_model(proto, full_check=True)
    onnx.save(proto, path)


def _name_batch_axis(graph):
    """tf2onnx calls the open axis unk__420 or so."""
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    del graph.value_info[:]  # inferred shapes that name the axis otherwise
