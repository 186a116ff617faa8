"""A judge that somebody else trained: its network's file, and a JSON beside it that says how to feed and read it."""

import os

import numpy as np
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.foreign import open_network
from ecgan_tf.evaluation.networks.judge import JudgeNetwork, file_hash, mean_over_positions
from ecgan_tf.models.descriptions import UNKNOWN, channels_last, prepare, read_description
from ecgan_tf.pixels import nearest_rows


def open_described(path):
    """A judge from a description.

    Args:
        path: of the JSON, an object of `descriptions.FIELDS`.
    Returns:
        `JudgeNetwork`; its hash is of the description and the network's file, since both decide what it says.
    """
    fields, file = read_description(path)
    outputs = [fields[key] for key in ("output", "features") if key in fields] + fields.get("feature_maps", [])
    network = open_network(path, file, list(dict.fromkeys(outputs)), fields.get("architecture"))
    reader = _Reader(path, fields, network)
    return JudgeNetwork(
        name=fields["name"],
        title=f"{fields['name']} ({os.path.basename(file)})",
        hash=file_hash(path, file),
        network_hash=file_hash(file),
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
        ids = fields.get("classes")
        self.ids = None if ids is None else np.array([UNKNOWN if label is None else label for label in ids])

    def segment(self, images):
        """Ids at the images' size: of the largest logit after bilinear resizing, or ids resized to the nearest."""
        size, answers = images.shape[1:3], self._run(images, ["output"])["output"]
        if answers.ndim == 4:
            ids = np.argmax(tf.image.resize(channels_last(self.fields, answers), size), axis=-1)
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
        return mean_over_positions(channels_last(self.fields, answers)) if answers.ndim == 4 else answers

    def feature_maps(self, images):
        answers = self._run(images, ["feature_maps"])["feature_maps"]
        for maps in answers:
            if maps.ndim != 4:
                raise self._wrong("feature_maps", maps, "maps (batch, rows, columns, channels)")
        return [np.asarray(channels_last(self.fields, maps)) for maps in answers]

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
        answers = self.network(prepare(self.fields, tf.constant(images)).numpy())
        found = {}
        for key in keys:
            named = self.fields[key]
            found[key] = [answers[name] for name in named] if isinstance(named, list) else answers[named]
        return found

    def _wrong(self, field, answers, wanted):
        return RequestError(
            f"{self.path}: field {field!r} names an output of shape {answers.shape}; wanted is {wanted}."
        )
