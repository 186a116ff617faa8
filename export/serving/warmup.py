"""Warm-up requests, which TF Serving replays before a model takes its first real one."""

import importlib.util
import os

import numpy as np
import tensorflow as tf

from ecgan_tf.atomic_files import atomic_path
from ecgan_tf.console import say
from ecgan_tf.data.classes import ClassList
from ecgan_tf.pixels import to_uint8
from export.serving.pictures import encode_png, file_values

WARMUP = os.path.join("assets.extra", "tf_serving_warmup_requests")


def write_warmup(model, version, signatures):
    """Writes a request per signature, of the first layout that the run keeps; or says that it cannot.

    Args:
        model: `InferenceModel`.
        version: the folder that holds saved_model.pb.
        signatures: dictionary from name to concrete function.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        say("no warm-up requests for TF Serving: they need tensorflow-serving-api; pip install 'ecgan_tf[serving]'.")
        return
    from tensorflow_serving.apis import model_pb2, predict_pb2, prediction_log_pb2

    with atomic_path(os.path.join(version, WARMUP)) as path, tf.io.TFRecordWriter(path) as writer:
        for name, function in signatures.items():
            request = predict_pb2.PredictRequest(
                model_spec=model_pb2.ModelSpec(name=model.description["name"], signature_name=name)
            )
            for spec in function.structured_input_signature[1].values():
                request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(_example(model, spec), dtype=spec.dtype))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def _example(model, spec):
    """The first layout's part of an input, in the form that a signature asks for."""
    if spec.name == "instances_bytes":  # layouts do not keep instances; any map has boundaries to find
        return [encode_png(model.layouts["labels"][0].astype(np.uint8))]
    value = model.layouts[spec.name.removesuffix("_bytes")][:1]
    if spec.dtype == tf.string:
        is_labels = value.dtype == np.int32
        classes = ClassList.from_dict(model.description["classes"])
        return [encode_png(file_values(value[0], classes) if is_labels else to_uint8(value[0]))]
    if spec.dtype == tf.uint8 and value.dtype != np.int32 and value.shape[-1] == 3:
        return to_uint8(value)
    return value.astype(spec.dtype.as_numpy_dtype)
