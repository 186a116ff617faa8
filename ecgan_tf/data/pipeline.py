"""Batches of examples, each a pure function of the seed and the step."""

import contextlib
import dataclasses
import functools
import math
import re

import cv2
import numpy as np
import tensorflow as tf

from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.exemplars import pair_at, with_exemplar
from ecgan_tf.errors import RequestError
from ecgan_tf.latents import LATENTS, draw_latents
from ecgan_tf.memory import keep_freed

ALIGNMENT = 64  # bytes


def training_batches(dataset, data_config, global_batch_size, seed, start_step, steps, share=None):
    """Batches of the training stream, in which every epoch visits each example once, in its own order.

    The example at position p of the stream is fixed by (seed, p), and so are its crop and flip; crops of the whole
    Earth have no epochs. Starting at any step is therefore free and exact, and the number of replicas changes nothing.

    Args:
        dataset: `LabelledPhotographs`.
        data_config: `config.data`.
        global_batch_size: examples per step.
        seed: 0 or more, below 2**63.
        start_step: the first step to give a batch for.
        steps: how many batches to give; None: without end.
        share: `Share`; None: the whole batch of each step.
    Returns:
        `tf.data.Dataset` of dicts: image float32 (batch, height, width, 3) in [-1, 1]; labels int32
        (batch, height, width), 0..num_classes; and where they are used edges float32 (batch, height, width, 1), -1 or
        1; boundaries float32 (batch, height, width, 1), 0 or 1; with sources, source as image. With exemplars,
        exemplar as image, exemplar_labels as labels, and has_target float32 (batch,), 1 where image is what the layout
        looks like in the exemplar's style, see `exemplars.pair_at`. With latents, those of `draw_latents`.
    """

    keep_freed()
    share = share or Share()
    size = global_batch_size // share.of_all

    def batch_at(element):
        step, replica = divmod(int(element), share.replicas)
        first = step * global_batch_size + (share.first + replica) * size
        positions = range(first, first + size)
        latents = draw_latents(dataset.latents, seed, map(int, positions), dataset.class_codes)
        return {**examples_at(positions), **latents}

    def examples_at(positions):
        if dataset.cuts_crops:
            return to_batch([dataset.cut(seed, int(position)) for position in positions])
        if dataset.has_exemplars:
            indices = [example_at(seed, int(position), len(dataset)) for position in positions]
            pairs = zip(map(int, positions), indices)
            return to_batch([pair_at(dataset, data_config, seed, position, index) for position, index in pairs])
        offsets, flips = augmentations(dataset, data_config, seed, positions)
        indices = (example_at(seed, position, len(dataset)) for position in positions)
        return to_batch(
            [
                crop_and_flip(dataset.load(index), dataset.image_size, offset, flip)
                for index, offset, flip in zip(indices, offsets, flips)
            ]
        )

    first = start_step * share.replicas
    if steps is None:
        elements = tf.data.Dataset.counter(first)
    else:
        elements = tf.data.Dataset.range(first, first + steps * share.replicas)
    return _with_options(_map(elements, batch_at, dataset, size))


@dataclasses.dataclass(frozen=True)
class Share:
    """The part of every batch that some replicas take: `replicas` of `of_all`, from the `first` on, one by one."""

    first: int = 0
    replicas: int = 1
    of_all: int = 1


def distributed_batches(strategy, *arguments):
    """`training_batches(*arguments)` for a strategy: each worker makes what its own replicas take, and nothing else.

    Give no end: where there is one, several workers ask each other before every batch whether all have one.
    """

    def of_worker(context):
        here = context.num_replicas_in_sync // context.num_input_pipelines
        share = Share(context.input_pipeline_id * here, here, context.num_replicas_in_sync)
        return training_batches(*arguments, share=share)

    return strategy.distribute_datasets_from_function(of_worker)


def validation_batches(dataset, data_config, batch_size):
    """Every example once, in order, resized straight to image_size; the last batch may be smaller.

    Args:
        dataset: `LabelledPhotographs`.
        data_config: `config.data`.
        batch_size: examples per batch.
    Returns:
        `tf.data.Dataset` of dicts as `training_batches` gives them, with `name`: string (batch,).
    """
    del data_config  # nothing here is random
    indices = tf.data.Dataset.range(len(dataset)).batch(batch_size)
    batches = _map(indices, functools.partial(layout_batch, dataset), dataset, None)
    names = tf.data.Dataset.from_tensor_slices([example.name for example in dataset.examples]).batch(batch_size)
    return _with_options(tf.data.Dataset.zip(batches, names).map(lambda batch, name: {**batch, "name": name}))


def layout_batch(dataset, indices, class_codes=0.0):
    """The examples of `indices` as one batch of NumPy arrays, resized straight to image_size, not flipped.

    Latents are those of seed 0 and the index: the same each time, others for each layout; see `draw_latents`.
    """
    if dataset.has_exemplars:
        batch = to_batch([with_exemplar(dataset, int(index)) for index in indices])
    else:
        batch = to_batch([dataset.load(index, dataset.image_size) for index in indices])
    return {**batch, **draw_latents(dataset.latents, 0, map(int, indices), class_codes)}


def layouts_to_keep(dataset, count, class_codes=0.0):
    """A few layouts of a data set, spread over it, as the generator takes them."""
    batch = layout_batch(dataset, evenly_spread(len(dataset), count), class_codes)
    kept = ("labels", "boundaries", "source", "exemplar", "exemplar_labels", *LATENTS)
    return {key: value for key, value in batch.items() if key in kept}


def _names_of(error):
    """The names of a class of errors and of all that are derived from it."""
    return [error.__name__, *(name for derived in error.__subclasses__() for name in _names_of(derived))]


@contextlib.contextmanager
def readable_errors():
    """Turns TensorFlow's report of a file that could not be read for a batch back into our `RequestError`."""
    try:
        yield
    except tf.errors.OpError as error:
        ours = re.search(rf"\b(?:{'|'.join(_names_of(RequestError))}): (.*)", error.message)
        if not ours:
            raise
        raise RequestError(ours[1]) from None


# --- the stream: what stands at a position ---------------------------------------------------------------------------


def example_at(seed, position, num_examples):
    """Index of the example at a position of the stream."""
    epoch, offset = divmod(position, num_examples)
    return epoch_order(seed, epoch, num_examples)[offset]


@functools.lru_cache(maxsize=4)
def epoch_order(seed, epoch, num_examples):
    """The order of an epoch: a permutation of all indices, int64 (num_examples,)."""
    indices = tf.range(num_examples, dtype=tf.int64)
    return tf.random.experimental.index_shuffle(indices, tf.constant([seed, epoch], tf.int64), num_examples - 1).numpy()


def augmentations(dataset, data_config, seed, positions):
    """Crop offsets and flips for a range of positions.

    Philox gives four random words per value of its counter, so those of position p depend on (seed, p) alone.

    Returns:
        offsets, int (batch, 2), top and left; flips, bool (batch,).
    """
    words = np.random.Philox(key=seed, counter=positions[0]).random_raw(4 * len(positions)).reshape(-1, 4)
    choices = np.subtract(dataset.load_size, dataset.image_size).astype(np.uint64) + np.uint64(1)
    offsets = (words[:, :2] % choices).astype(int)
    flips = (words[:, 2] % np.uint64(2) == 1) & data_config.flip
    return offsets, flips


def crop_and_flip(arrays, size, offset, flip):
    """The same window of every array of an example, mirrored or not."""
    (top, left), (height, width) = offset, size
    window = {key: array[top : top + height, left : left + width] for key, array in arrays.items()}
    return {key: cv2.flip(array, 1) for key, array in window.items()} if flip else window


# --- from arrays to batches ------------------------------------------------------------------------------------------


def to_batch(examples):
    """Stacks what `LabelledPhotographs.load` gives and scales it for the networks."""
    batch = {
        "image": _stack(examples, "image", np.float32),
        "labels": _stack(examples, "labels", np.int32),
    }
    if "edges" in examples[0]:
        batch["edges"] = _stack(examples, "edges", np.float32)[..., np.newaxis]
    if "source" in examples[0]:
        batch["source"] = _stack(examples, "source", np.float32)
    if "exemplar" in examples[0]:
        batch["exemplar"] = _stack(examples, "exemplar", np.float32)
        batch["exemplar_labels"] = _stack(examples, "exemplar_labels", np.int32)
        batch["has_target"] = _stack(examples, "has_target", np.float32)
    for key in {"image", "edges", "source", "exemplar"} & batch.keys():
        batch[key] /= 127.5
        batch[key] -= 1.0
    if "boundaries" in examples[0]:
        batch["boundaries"] = _stack(examples, "boundaries", np.float32)[..., np.newaxis]
    return batch


def _stack(examples, key, dtype):
    arrays = [np.asarray(example[key]) for example in examples]
    return np.stack(arrays, out=_aligned((len(arrays), *arrays[0].shape), dtype), casting="unsafe")


def _aligned(shape, dtype):
    """An empty array that TensorFlow takes for a tensor as it is; one that begins elsewhere it would copy."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    room = np.empty(size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    return room[start : start + size].view(dtype).reshape(shape)


def _map(elements, batch_of, dataset, batch_size):
    """Makes each batch by one call of Python: cheaper than a call per example, and later batches run beside it."""
    height, width = dataset.image_size
    spec = {
        "image": tf.TensorSpec((batch_size, height, width, 3), tf.float32),
        "labels": tf.TensorSpec((batch_size, height, width), tf.int32),
    }
    if dataset.has_edges:
        spec["edges"] = tf.TensorSpec((batch_size, height, width, 1), tf.float32)
    if dataset.has_boundaries:
        spec["boundaries"] = tf.TensorSpec((batch_size, height, width, 1), tf.float32)
    if dataset.has_exemplars:
        spec["exemplar"], spec["exemplar_labels"] = spec["image"], spec["labels"]
        spec["has_target"] = tf.TensorSpec((batch_size,), tf.float32)
    if dataset.has_sources:
        spec["source"] = spec["image"]
    for name, shape in dataset.latents.items():
        spec[name] = tf.TensorSpec((batch_size, *shape), tf.float32)

    def arrays_of(element):
        batch = batch_of(element)
        return [batch[key] for key in spec]

    def tensors_of(element):
        arrays = tf.numpy_function(arrays_of, [element], [spec[key].dtype for key in spec], stateful=False)
        return {key: tf.ensure_shape(array, spec[key].shape) for key, array in zip(spec, arrays)}

    return elements.map(tensors_of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)


def _with_options(batches):
    options = tf.data.Options()
    options.deterministic = True
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)
