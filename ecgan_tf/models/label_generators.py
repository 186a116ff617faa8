"""The label generator G_l, whoever trained it: our own segmenter, or any that has a description."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.foreign_files import foreign_file
from ecgan_tf.models.described_networks import open_keras, open_saved_model
from ecgan_tf.models.descriptions import channels_last, prepare, read_description, resize
from ecgan_tf.models.segmenter import label_logits, load_segmenter

TINY = 1e-30  # probability of a class that the network does not know
STRIDE = 4  # of the logits, where the network's own grid does not fit the images


@dataclasses.dataclass(frozen=True)
class LabelGenerator:
    """G_l as the objective uses it: frozen, in float32, gradients pass to the images.

    Attributes:
        title: what it is, for people.
        logits: function of images float (batch, height, width, 3) in [-1, 1] to logits float32 (batch, height / n,
            width / n, N), n an integer.
        known: bool (N,), which classes of the data set it can give; None: all.
    """

    title: str
    logits: Callable[[Any], Any]
    known: np.ndarray | None = None

    def __call__(self, images: Any) -> Any:
        return self.logits(images)


def load_label_generator(path, num_classes, image_size=None):
    """Opens G_l.

    Args:
        path: the .npz of `ecgan segmenter`, or a .json that describes a segmenter (`descriptions.FIELDS`).
        num_classes: N of the data set.
        image_size: (height, width) of the images; a .json needs it.
    Returns:
        `LabelGenerator`. Of an .npz n is 4, or 1 where it was trained for that; of a .json see `open_described`.
    Raises:
        RequestError: where the file is none, or its classes are others.
    """
    if path.lower().endswith(".json"):
        return open_described(path, num_classes, tuple(image_size))
    segmenter = load_segmenter(path, num_classes)
    return LabelGenerator(f"own segmenter ({os.path.basename(path)})", label_logits(segmenter))


def label_generator_mistake(path):
    """What can be said against a label generator before its network is opened; None where nothing."""
    if not os.path.isfile(path):
        return (
            f"config.loss.segmenter is {path!r}, which is no file; ecgan segmenter makes one, or give a .json that "
            "describes another network"
        )
    if path.lower().endswith(".json"):
        try:
            read_segmenter(path)
        except RequestError as error:
            return f"config.loss.segmenter: {str(error).rstrip('.')}"
    return None


def read_segmenter(path):
    """The fields and the network's file of a description, if that can be a label generator; else a `RequestError`."""
    fields, file = read_description(path)
    if fields["kind"] != "segmenter":
        raise RequestError(f"{path}: field 'kind' is {fields['kind']!r}; a label generator is a segmenter.")
    if not os.path.isdir(file) and not file.lower().endswith(".keras"):
        raise RequestError(
            f"{path}: field 'file' is {fields['file']!r}, through which no gradient passes; a label generator is a "
            ".keras or a SavedModel folder: export the network as one of them."
        )
    if "architecture" in fields:
        raise RequestError(f"{path}: field 'architecture' is for a .weights.h5; leave it out.")
    return fields, file


def open_described(path, num_classes, image_size):
    """G_l from a description.

    The network's logits are resized bilinearly to a quarter of the image's size, unless they are of an n-th already;
    probabilities, which sum to 1, are taken by their logarithms. The field `classes` maps the network's ids: the
    probabilities of ids of one class are added up, ids mapped to null are left out and the rest is divided by its sum.
    A class that no id is mapped to has probability 0; `known` says so.

    Args:
        path: of the JSON.
        num_classes: N of the data set.
        image_size: (height, width) of the images.
    """
    fields, file = read_segmenter(path)
    ids = fields.get("classes")
    known = None if ids is None else sorted({label for label in ids if label is not None})
    if known == []:
        raise RequestError(f"{path}: field 'classes' maps every id to null; say which are classes of the data set.")
    if known and known[-1] >= num_classes:
        raise RequestError(
            f"{path}: field 'classes' names class {known[-1]}, the data set has {num_classes}: 0..{num_classes - 1}."
        )
    output = fields["output"]
    network = (open_saved_model if os.path.isdir(file) else open_keras)(path, file, [output])

    def answers(images):
        return channels_last(fields, network(prepare(fields, tf.cast(images, tf.float32)))[output])

    size = f"{image_size[0]}x{image_size[1]}"
    wrong = f"gives no labels of two images of {size} ({{reason}}); field 'size' of {path} says what it takes"
    with foreign_file(file, "segmenter", wrong):
        images = np.random.default_rng(0).uniform(-1.0, 1.0, (2, *image_size, 3)).astype(np.float32)
        found = np.asarray(tf.function(answers, autograph=False)(images))
    _check_found(path, fields, found, num_classes)
    are_probabilities = found.min() >= 0 and np.allclose(found.sum(axis=-1, dtype=np.float32), 1.0, atol=1e-2)
    grid = _grid(found.shape[1:3], image_size)

    def logits(images):
        maps = tf.cast(tf.ensure_shape(answers(images), (None, *found.shape[1:])), tf.float32)
        maps = tf.math.log(tf.maximum(maps, TINY)) if are_probabilities else maps
        maps = resize(maps, grid)
        return maps if ids is None else map_classes(maps, ids, num_classes)

    with foreign_file(file, "segmenter", "lets no gradient pass ({reason}); export it again, for training"):
        if not np.any(tf.function(_gradient_of(logits), autograph=False)(tf.constant(images))):
            raise ValueError("its gradient by the image is 0 everywhere")
    told = num_classes if known is None else len(known)
    title = f"{fields['name']} ({os.path.basename(file)}), {told} of {num_classes} classes at {grid[0]}x{grid[1]}"
    return LabelGenerator(title, logits, None if known is None else np.isin(np.arange(num_classes), known))


def map_classes(logits, ids, num_classes):
    """Logits of a network's ids as those of a data set's classes.

    Args:
        logits: float32 (batch, height, width, ids).
        ids: for each id the class, or None for none.
        num_classes: N.
    Returns:
        float32 (batch, height, width, N), whose exponentials are the sums of those of each class's ids, up to one
        factor per pixel; `TINY` where there is none. Their softmax knows nothing of ids without a class.
    """
    used = [index for index, label in enumerate(ids) if label is not None]
    to_class = np.eye(num_classes, dtype=np.float32)[[ids[index] for index in used]]
    logits = tf.gather(logits, used, axis=-1)
    logits -= tf.stop_gradient(tf.reduce_max(logits, axis=-1, keepdims=True))
    return tf.math.log(tf.maximum(tf.tensordot(tf.exp(logits), to_class, 1), TINY))


def _check_found(path, fields, found, num_classes):
    """Refuses what is no map of logits of the data set's classes."""
    output, ids = fields["output"], fields.get("classes")
    if found.ndim != 4 or found.dtype.kind not in "fV":  # V: bfloat16 in NumPy
        raise RequestError(
            f"{path}: field 'output' is {output!r}, which gives {found.dtype} {found.shape}, not logits "
            "(batch, height, width, classes); label ids let no gradient pass: name the output with the logits."
        )
    if ids is None and found.shape[-1] != num_classes:
        raise RequestError(
            f"{path}: the network tells {found.shape[-1]} classes apart, the data set has {num_classes}; say in field "
            "'classes' which of the data set's each of them is."
        )
    if ids is not None and found.shape[-1] != len(ids):
        raise RequestError(f"{path}: field 'classes' maps {len(ids)} ids, the network has {found.shape[-1]}.")


def _grid(found, image_size):
    """(rows, columns) of the logits: the network's own, if both are the same share of the image's, else a quarter."""
    (rows, columns), (height, width) = found, image_size
    fits = height % rows == 0 and width % columns == 0 and height // rows == width // columns
    return (rows, columns) if fits else (height // STRIDE, width // STRIDE)


def _gradient_of(logits):
    def gradient(images):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(images)
            total = tf.reduce_sum(logits(images) ** 2)
        return tape.gradient(total, images, unconnected_gradients="zero")

    return gradient
