"""A network that somebody else trained: a JSON beside its file that says how to feed and read it."""

import os
import re

import tensorflow as tf

from ecgan_tf.atomic_files import read_json
from ecgan_tf.errors import RequestError

UNKNOWN = 255  # id of a class that the data set does not have
LARGEST_SIDE = 4096
# The fields of a description, and what each is for. Images go into the network as (x - mean) / std, x in `range`.
FIELDS = {
    "name": "for the names of numbers: small letters, digits and _",
    "file": "the network's, from the description's folder: .keras, .weights.h5, .tflite, .onnx or a SavedModel folder",
    "kind": "segmenter, classifier or features",
    "architecture": "of a .weights.h5 alone: the name of a function of keras.applications; its top is left out",
    "size": "[height, width] that it takes; without it images go in as they are",
    "range": "[black, white] of its input; [0, 1] without it",
    "mean": "of the three channels, to be subtracted, in their order; 0 without it",
    "std": "of the three channels, to divide by; 1 without it",
    "channels": "rgb or bgr; rgb without it",
    "layout": "nhwc or nchw, of input and outputs; nhwc without it",
    "output": "of a segmenter: the output, or of Keras the layer, that gives logits or ids; of a classifier: logits or "
    "probabilities (batch, classes)",
    "classes": "of a segmenter: for each of its ids the data set's, null for none; without it they are the same",
    "features": "the output with features (batch, dims), or maps to be averaged over their positions",
    "feature_maps": "list of outputs with feature maps",
}
CHOICES = {"kind": ("segmenter", "classifier", "features"), "channels": ("rgb", "bgr"), "layout": ("nhwc", "nchw")}


def read_description(path):
    """A description, checked.

    Args:
        path: of the JSON, an object of `FIELDS`.
    Returns:
        the fields, and the path of the network's file or folder, which is there.
    """
    fields = checked_fields(path, read_json(path))
    file = os.path.join(os.path.dirname(os.path.abspath(path)), fields["file"])
    if not os.path.exists(file):
        raise RequestError(f"{path}: field 'file' is {fields['file']!r}, which is not there.")
    return fields, file


def prepare(fields, images):
    """Images as a network wants them, by TensorFlow's operations, so that gradients pass.

    Args:
        fields: of its description.
        images: float32 (batch, height, width, 3) in [-1, 1].
    Returns:
        float32 of the network's size, range, channels and layout.
    """
    if "size" in fields:
        images = resize(images, fields["size"])  # smoothed where it makes smaller, as image libraries do
    if fields.get("channels") == "bgr":
        images = images[..., ::-1]
    black, white = fields.get("range", (0.0, 1.0))
    mean, std = (tf.constant(fields.get(key, default), tf.float32) for key, default in (("mean", 0.0), ("std", 1.0)))
    images = (black + (images + 1.0) / 2.0 * (white - black) - mean) / std
    return tf.transpose(images, (0, 3, 1, 2)) if fields.get("layout") == "nchw" else images


def channels_last(fields, maps):
    """Maps (batch, rows, columns, channels) of a network that gives them so, or with the channels first."""
    return tf.transpose(maps, (0, 2, 3, 1)) if fields.get("layout") == "nchw" else maps


def resize(maps, size):
    """`tf.image.resize`, bilinear and antialiased, as two products of matrices: any device and XLA have those.

    Args:
        maps: float32 (batch, rows, columns, channels).
        size: (rows, columns) of the result.
    """
    if tuple(size) == tuple(maps.shape[1:3]):
        return maps
    rows, columns = (_resizing(old, new) for old, new in zip(maps.shape[1:3], size))
    return tf.einsum("ih,bhwc,jw->bijc", rows, maps, columns)


def _resizing(old, new):
    """float32 (new, old): what each of `old` rows adds to each of `new` ones."""
    with tf.init_scope():
        return tf.image.resize(tf.eye(old)[None, :, :, None], (new, old), antialias=True)[0, :, :, 0].numpy()


# ---- the check of a description --------------------------------------------------------------------------------------


def checked_fields(path, fields):
    """The fields of a description, if each is what it should be; a `RequestError` that names file and field."""
    for name in fields:
        if name not in FIELDS:
            raise RequestError(f"{path}: unknown field {name!r}; there are {', '.join(FIELDS)}.")
    needed = ["name", "file", "kind", "features" if fields.get("kind") == "features" else "output"]
    for name in needed:
        if name not in fields:
            raise RequestError(f"{path}: field {name!r} is missing, {FIELDS[name]}.")
    for name, value in fields.items():
        if not _fits(name, value):
            raise RequestError(f"{path}: field {name!r} is {str(value)[:60]!r}; it is {FIELDS[name]}.")
    return fields


def _fits(name, value):
    if name == "name":
        return isinstance(value, str) and re.fullmatch(r"[a-z0-9_]{1,40}", value) is not None
    if name in CHOICES:
        return value in CHOICES[name]
    if name == "size":
        return _numbers(value, 2, int) and all(1 <= length <= LARGEST_SIDE for length in value)
    if name == "range":
        return _numbers(value, 2) and value[0] != value[1]
    if name == "mean":
        return _numbers(value, 3)
    if name == "std":
        return _numbers(value, 3) and min(value) > 0
    if name == "classes":
        return isinstance(value, list) and value != [] and all(map(_is_label, value))
    if name == "feature_maps":
        return isinstance(value, list) and value != [] and all(isinstance(part, str) for part in value)
    return isinstance(value, str) and value != ""


def _is_label(value):
    return value is None or (type(value) is int and 0 <= value < UNKNOWN)


def _numbers(value, count, kinds=(int, float)):
    """Whether a list of so many finite numbers; True and False are none."""
    if not isinstance(value, list) or len(value) != count:
        return False
    return all(isinstance(number, kinds) and not isinstance(number, bool) and abs(number) < 1e6 for number in value)
