"""A SavedModel for TF Serving: label ids or PNG bytes in, float images or PNG bytes out, any batch size."""

import os

import tensorflow as tf


def write_saved_model(model, folder):
    """Writes version 1 of a servable with two signatures.

        serving_default  labels int32 (batch, height, width) -> image float32 (batch, height, width, 3) in [-1, 1]
        png              labels_bytes, 8-bit greyscale PNGs of file values, any size -> image_bytes, PNGs
    A model with boundaries takes `boundaries` as well, and `instances_bytes`.

    Args:
        model: `InferenceModel`.
        folder: gets the sub-folder "1".
    """
    module = model.module()
    module.paint = tf.function(model.image, autograph=False)
    module.paint_png = tf.function(lambda **inputs: _paint_png(model, **inputs), autograph=False)
    png_inputs = {"labels_bytes": tf.TensorSpec((None,), tf.string, name="labels_bytes")}
    if model.generator.has_boundaries:
        png_inputs["instances_bytes"] = tf.TensorSpec((None,), tf.string, name="instances_bytes")
    signatures = {"serving_default": module.paint.get_concrete_function(**model.signature(None))}
    if set(model.signature(None)) <= {"labels", "boundaries"}:
        signatures["png"] = module.paint_png.get_concrete_function(**png_inputs)
    tf.saved_model.save(module, os.path.join(folder, "1"), signatures=signatures)


def _paint_png(model, labels_bytes, instances_bytes=None):
    table = tf.constant(model.ids_of_file_values())

    def read(png):
        return _decode(png, model.image_size, tf.uint8)

    values = tf.map_fn(read, labels_bytes, fn_output_signature=tf.TensorSpec(model.image_size, tf.int32))
    labels = tf.gather(table, values)
    check = tf.debugging.assert_greater_equal(
        labels, 0, message="a label map has a value that is no class; see classes in model.json"
    )
    with tf.control_dependencies([check]):
        inputs = {"labels": tf.identity(labels)}
    if instances_bytes is not None:
        inputs["boundaries"] = tf.map_fn(
            lambda png: _boundaries(_decode(png, model.image_size, tf.uint16)),
            instances_bytes,
            fn_output_signature=tf.TensorSpec((*model.image_size, 1), tf.float32),
        )
    image = model.image(**inputs)["image"]
    pixels = tf.cast(tf.floor((tf.clip_by_value(image, -1.0, 1.0) + 1.0) * 127.5 + 0.5), tf.uint8)
    return {"image_bytes": tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.TensorSpec((), tf.string))}


def _decode(png, size, dtype):
    """A greyscale PNG, nearest-resized with centre sampling as the data pipeline does, int32 (height, width)."""
    values = tf.cast(tf.io.decode_png(png, channels=1, dtype=dtype), tf.float32)
    resized = tf.image.resize(values[None], size, method="nearest")
    return tf.ensure_shape(tf.cast(resized[0, ..., 0], tf.int32), size)


def _boundaries(instances):
    """`label_boundaries` of the data pipeline, in TensorFlow: float32 (height, width, 1)."""
    rows = instances[1:] != instances[:-1]
    columns = instances[:, 1:] != instances[:, :-1]
    edge = (
        tf.pad(rows, [(0, 1), (0, 0)])
        | tf.pad(rows, [(1, 0), (0, 0)])
        | tf.pad(columns, [(0, 0), (0, 1)])
        | tf.pad(columns, [(0, 0), (1, 0)])
    )
    return tf.cast(edge, tf.float32)[..., None]
