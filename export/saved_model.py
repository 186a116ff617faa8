"""A SavedModel for TF Serving: label ids or PNG bytes in, images, pixels or PNG bytes out, any batch size."""

import functools
import os

import numpy as np
import tensorflow as tf

from ecgan_tf.atomic_files import write_json
from ecgan_tf.data.classes import ClassList
from ecgan_tf.data.images import MAX_PIXELS
from ecgan_tf.inference.runtimes import DESCRIPTION, EXTRA
from ecgan_tf.pixels import nearest_rows, to_uint8_tensor
from export.serving.requests import BY_NEIGHBOURHOODS
from export.serving.warmup import write_warmup

PNG_HEADER = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def write_saved_model(model, folder):
    """Writes version 1 of a servable: saved_model.pb, weights, its description and, for TF Serving's start, requests.

    Signatures, each with the inputs of the model by their names:

        serving_default  labels int32 (batch, height, width) -> image float32 (batch, height, width, 3) in [-1, 1]
        labels_uint8     labels uint8, ids too           -> pixels uint8 (batch, height, width, 3): a quarter of
                         the bytes on the wire, both ways; not there for more than 256 label ids
        png              labels_bytes (batch,), greyscale PNGs of file values, any size -> image_bytes (batch,), PNGs
        labels_neighbourhoods, png_neighbourhoods
                         as serving_default and png, the same pictures up to rounding, for servers without a GPU:
                         what a layout's distinct neighbourhoods give is computed once each (`Layout`)

    What else a model takes: `boundaries` are float32 (batch, height, width, 1), uint8 zeros and ones, or
    `instances_bytes`, greyscale PNGs with an id per instance. Pictures are float32 (batch, height, width, 3) in
    [-1, 1], uint8, or RGB PNGs named `<name>_bytes`. Further label maps are as `labels`. Other inputs keep their
    form in every signature.

    Ids without a class, PNGs that are not what they should be and batches of different lengths are refused with
    INVALID_ARGUMENT; with TF Serving's batching, that takes along the requests that share the batch. The size of ids
    and images is the generator's, fixed when it is exported; PNGs are resized to it.

    Args:
        model: `InferenceModel`.
        folder: gets the sub-folder "1".
    """
    specs = model.signature(None)
    signatures_of = {
        "serving_default": (_synthesise, specs),
        "labels_uint8": (_synthesise_uint8, {name: _uint8_spec(spec) for name, spec in specs.items()}),
        "png": (_synthesise_png, {png_name(spec): _png_spec(spec) for spec in specs.values()}),
    }
    if num_labels(model) > 256:
        del signatures_of["labels_uint8"]
    for name, source in (("labels", "serving_default"), ("png", "png")):
        synthesise, inputs = signatures_of[source]
        signatures_of[f"{name}{BY_NEIGHBOURHOODS}"] = functools.partial(_by_neighbourhoods, synthesise), inputs
    module = model.module()
    signatures = {name: _function(model, *painter) for name, painter in signatures_of.items()}
    version = os.path.join(folder, "1")
    tf.saved_model.save(module, version, signatures=signatures)
    write_json(os.path.join(version, EXTRA, DESCRIPTION), model.description)
    write_warmup(model, version, signatures)


def num_labels(model):
    """Number of label ids that the generator knows: the classes, and unknown."""
    return model.generator.num_classes + bool(model.generator.has_unknown)


def png_name(spec):
    """The name in the signature `png` of the input with this `tf.TensorSpec`."""
    if spec.name == "boundaries":
        return "instances_bytes"
    return f"{spec.name}_bytes" if _is_labels(spec) or _is_picture(spec) else spec.name


# ---- the signatures


def _function(model, synthesise, specs):
    return tf.function(lambda **inputs: synthesise(model, inputs), autograph=False).get_concrete_function(**specs)


def _synthesise(model, inputs):
    return model.image(**_checked(inputs, model.signature(None), num_labels(model)))


def _by_neighbourhoods(synthesise, model, inputs):
    model.generator.by_neighbourhoods = True
    try:
        return synthesise(model, inputs)
    finally:
        model.generator.by_neighbourhoods = False


def _synthesise_uint8(model, inputs):
    specs = model.signature(None)
    return {
        "pixels": to_uint8_tensor(
            _synthesise(model, {name: _from_uint8(inputs[name], specs[name]) for name in specs})["image"]
        )
    }


def _synthesise_png(model, inputs):
    decoded = {name: _from_png(model, inputs[png_name(spec)], spec) for name, spec in model.signature(None).items()}
    pixels = to_uint8_tensor(_synthesise(model, decoded)["image"])
    return {"image_bytes": tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.TensorSpec((), tf.string))}


def _checked(inputs, specs, labels_below):
    """The inputs, which cannot be had before the checks have passed."""
    batch = tf.shape(inputs["labels"])[0]
    checks, sized = [], {}
    for name, value in inputs.items():
        sized[name] = tf.ensure_shape(value, specs[name].shape)  # TF Serving compares no shapes with the signature's
        checks.append(_check(tf.shape(value)[0] == batch, f"{name} and labels are not equally many"))
        if value.dtype == tf.int32:
            within = tf.reduce_all((value >= 0) & (value < labels_below))
            checks.append(_check(within, f"{name} are not all ids of classes; see model.json"))
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in sized.items()}


def _check(condition, message):
    return tf.debugging.Assert(condition, [message])


# ---- the three kinds of input


def _is_labels(spec):
    return spec.dtype == tf.int32


def _is_picture(spec):
    return len(spec.shape) == 4 and spec.shape[3] == 3


def _uint8_spec(spec):
    if _is_labels(spec) or _is_picture(spec) or spec.name == "boundaries":
        return tf.TensorSpec(spec.shape, tf.uint8, name=spec.name)
    return spec


def _from_uint8(value, spec):
    return _scaled(value) if _is_picture(spec) else tf.cast(value, spec.dtype)


def _scaled(pixels):
    """RGB in 0..255 as float32 in [-1, 1]."""
    return tf.cast(pixels, tf.float32) / 127.5 - 1.0


def _png_spec(spec):
    name = png_name(spec)
    return spec if name == spec.name else tf.TensorSpec((None,), tf.string, name=name)


def _from_png(model, content, spec):
    """The input of a spec from its form in the signature `png`."""
    size = model.image_size
    if spec.name == "boundaries":
        read = lambda png: _boundaries(_resize_labels(_decode_values(png, "instances"), size))
    elif _is_labels(spec):
        read = lambda png: _ids(_resize_labels(_decode_values(png, spec.name), size), model)
    elif _is_picture(spec):
        read = lambda png: _scaled(tf.image.resize(_decode(png, spec.name, 3, tf.uint8), size, antialias=True))
    else:
        return content
    return tf.map_fn(read, content, fn_output_signature=tf.TensorSpec(spec.shape[1:], spec.dtype))


# ---- PNGs


def _decode_values(png, name):
    """A greyscale PNG of 8 or 16 bits: its values as they are stored, int32 (height, width).

    TensorFlow by itself would halve 16 bits, and turn colours and palettes into shades of grey.
    """
    header = _header(png, name)
    depth = tf.cast(header[24], tf.int32)
    is_grey = (header[25] == 0) & (depth >= 8)
    with tf.control_dependencies([_check(is_grey, f"a PNG of {name} is not greyscale with 8 or 16 bits")]):
        values = tf.cast(_decode(tf.identity(png), name, 1, tf.uint16)[..., 0], tf.int32)
    return tf.where(depth == 8, values // 257, values)


def _decode(png, name, channels, dtype):
    size = tf.cast(tf.reshape(_header(png, name)[16:24], (2, 4)), tf.int64)
    pixels = tf.reduce_prod(tf.reduce_sum(size * [1 << 24, 1 << 16, 1 << 8, 1], axis=1))
    small = _check(pixels <= MAX_PIXELS, f"a PNG of {name} has more than {MAX_PIXELS // 1024**2} megapixels")
    with tf.control_dependencies([small]):
        return tf.io.decode_png(tf.identity(png), channels=channels, dtype=dtype)


def _header(png, name):
    """The first 26 bytes of a PNG, up to its bit depth and colour type: uint8 (26,)."""
    header = tf.io.decode_raw(tf.strings.substr(tf.strings.join([png, " " * 26]), 0, 26), tf.uint8)
    is_png = tf.reduce_all(header[: len(PNG_HEADER)] == np.frombuffer(PNG_HEADER, np.uint8))
    with tf.control_dependencies([_check(is_png, f"what should be {name} is no PNG")]):
        return tf.identity(header)


def _resize_labels(values, size):
    """`resize_labels` of the data pipeline, in TensorFlow."""
    height, width = tf.shape(values)[0], tf.shape(values)[1]
    rows, columns = nearest_rows(size[0], height, tf.range), nearest_rows(size[1], width, tf.range)
    return tf.ensure_shape(tf.gather(tf.gather(values, rows), columns, axis=1), size)


def _ids(values, model):
    """The label ids of the values of label files; -1 where a value has no class."""
    classes = ClassList.from_dict(model.description["classes"])
    table = np.full(max(*classes.file_values, classes.unknown_label or 0) + 2, -1, np.int32)  # the last: all beyond
    table[list(classes.file_values)] = np.arange(classes.num_classes)
    if classes.has_unknown:
        table[classes.unknown_label] = classes.num_classes
    return tf.gather(tf.constant(table), tf.minimum(values, len(table) - 1))


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
