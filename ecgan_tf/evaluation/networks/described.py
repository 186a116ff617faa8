"""A judge that somebody else trained: its network's file, and a JSON beside it that says how to feed and read it."""

import os
import re

import numpy as np
import tensorflow as tf

from ecgan_tf.atomic_files import read_json
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.foreign import open_network
from ecgan_tf.evaluation.networks.judge import UNKNOWN, JudgeNetwork, file_hash, mean_over_positions
from ecgan_tf.pixels import nearest_rows

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


def open_described(path):
    """A judge from a description.

    Args:
        path: of the JSON, an object of `FIELDS`.
    Returns:
        `JudgeNetwork`; its hash is of the description and the network's file, since both decide what it says.
    """
    fields = checked_fields(path, read_json(path))
    file = os.path.join(os.path.dirname(os.path.abspath(path)), fields["file"])
    if not os.path.exists(file):
        raise RequestError(f"{path}: field 'file' is {fields['file']!r}, which is not there.")
    outputs = [fields[key] for key in ("output", "features") if key in fields] + fields.get("feature_maps", [])
    network = open_network(path, file, list(dict.fromkeys(outputs)), fields.get("architecture"))
    reader = _Reader(path, fields, network)
    return JudgeNetwork(
        name=fields["name"],
        title=f"{fields['name']} ({os.path.basename(file)})",
        hash=file_hash(path, file),
        segment=reader.segment if fields["kind"] == "segmenter" else None,
        features=reader.features if "features" in fields else None,
        feature_maps=reader.feature_maps if "feature_maps" in fields else None,
        classify=reader.classify if fields["kind"] == "classifier" else None,
        known={label for label in fields["classes"] if label is not None} if "classes" in fields else None,
    )


class _Reader:
    """Feeds a network as its description says, and reads its outputs."""

    def __init__(self, path, fields, network):
        self.path, self.fields, self.network = path, fields, network
        self.black, self.white = fields.get("range", (0.0, 1.0))
        self.mean, self.std = (np.float32(fields.get(key, default)) for key, default in (("mean", 0), ("std", 1)))
        ids = fields.get("classes")
        self.ids = None if ids is None else np.array([UNKNOWN if label is None else label for label in ids])

    def segment(self, images):
        """Ids at the images' size: of the largest logit after bilinear resizing, or ids resized to the nearest."""
        size, answers = images.shape[1:3], self._run(images, ["output"])["output"]
        if answers.ndim == 4:
            ids = np.argmax(tf.image.resize(tf.constant(self._nhwc(answers)), size), axis=-1)
        elif answers.ndim == 3 and np.array_equal(answers, np.floor(answers)):
            rows, columns = (nearest_rows(new, old) for new, old in zip(size, answers.shape[1:]))
            ids = answers.astype(np.int64)[:, rows][:, :, columns]
        else:
            raise self._wrong("output", answers, "logits (batch, height, width, classes) or ids (batch, height, width)")
        if self.ids is None:
            return ids
        if ids.min() < 0 or ids.max() >= len(self.ids):
            raise RequestError(
                f"{self.path}: field 'classes' maps {len(self.ids)} ids, the network gave {ids.min()}..{ids.max()}."
            )
        return self.ids[ids]

    def features(self, images):
        answers = self._run(images, ["features"])["features"]
        if answers.ndim not in (2, 4):
            raise self._wrong("features", answers, "(batch, dims), or maps (batch, rows, columns, dims)")
        return mean_over_positions(self._nhwc(answers)) if answers.ndim == 4 else answers

    def feature_maps(self, images):
        answers = self._run(images, ["feature_maps"])["feature_maps"]
        for maps in answers:
            if maps.ndim != 4:
                raise self._wrong("feature_maps", maps, "maps (batch, rows, columns, channels)")
        return [self._nhwc(maps) for maps in answers]

    def classify(self, images):
        """Probabilities: the output where its rows are some, else its softmax."""
        answers = self._run(images, ["output"])["output"]
        if answers.ndim != 2:
            raise self._wrong("output", answers, "logits or probabilities (batch, classes)")
        answers = np.asarray(answers, np.float32)
        if (answers >= 0).all() and np.allclose(answers.sum(axis=1), 1.0, atol=1e-3):
            return answers
        exponents = np.exp(answers - answers.max(axis=1, keepdims=True))
        return exponents / exponents.sum(axis=1, keepdims=True)

    def _run(self, images, keys):
        """The outputs that the fields `keys` name, float32 or integers."""
        answers = self.network(self._prepared(images))
        found = {}
        for key in keys:
            named = self.fields[key]
            found[key] = [answers[name] for name in named] if isinstance(named, list) else answers[named]
        return found

    def _prepared(self, images):
        if "size" in self.fields and tuple(self.fields["size"]) != images.shape[1:3]:
            # Smoothed where it makes smaller, as image libraries do.
            images = tf.image.resize(images, self.fields["size"], antialias=True).numpy()
        if self.fields.get("channels") == "bgr":
            images = images[..., ::-1]
        images = self.black + (images + 1.0) / 2.0 * (self.white - self.black)
        images = np.ascontiguousarray((images - self.mean) / self.std, np.float32)
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2)) if self.fields.get("layout") == "nchw" else images

    def _nhwc(self, maps):
        return maps.transpose(0, 2, 3, 1) if self.fields.get("layout") == "nchw" else maps

    def _wrong(self, field, answers, wanted):
        return RequestError(
            f"{self.path}: field {field!r} names an output of shape {answers.shape}; wanted is {wanted}."
        )


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
