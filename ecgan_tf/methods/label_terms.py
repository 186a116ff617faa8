"""The terms of a label generator G_l: what it sees in a picture, against the layout that was asked for (ECGAN, 3.3)."""

import numpy as np
import tensorflow as tf

from ecgan_tf.config_keys import Key
from ecgan_tf.console import say
from ecgan_tf.losses.labels import label_cross_entropy, similarity_loss
from ecgan_tf.models.label_generators import label_generator_mistake, load_label_generator

SYMBOLS = {"similarity": ["L_s"], "cross_entropy": ["L_ce"], "both": ["L_s", "L_ce"], "none": []}  # by loss.label_loss
LABEL_KEYS = {
    "loss.similarity": Key(1.0, "lambda_s; needs a segmenter", least=0),
    "loss.label_loss": Key("similarity", "L_s, or what it is compared with", tuple(SYMBOLS)),
    "loss.similarity_rows": Key(
        32, "of the grid whose pixels are compared: its matrices have (rows * columns)^2 entries", above=0
    ),
    "loss.segmenter": Key(
        "", "the label generator: an .npz of `ecgan segmenter`, or a .json that describes a .keras or SavedModel"
    ),
}


def label_terms(loss):
    """The terms of a config's `loss`: dictionary from symbol to weight."""
    return dict.fromkeys(SYMBOLS[loss.label_loss], loss.similarity) if loss.similarity else {}


def check_label_terms(loss):
    """Yields what is wrong with the keys of `LABEL_KEYS`."""
    if loss.segmenter and (mistake := label_generator_mistake(loss.segmenter)):
        yield mistake
    if loss.segmenter and not label_terms(loss):
        yield (
            f"config.loss.segmenter is {loss.segmenter!r}, but no term reads it; "
            "set config.loss.similarity and config.loss.label_loss, or leave it out"
        )


def missing_label_terms(loss):
    """The terms without a label generator: dictionary from symbol to the remedy."""
    remedy = (
        "config.loss.segmenter names no label generator; make one by ecgan segmenter --config=... "
        "--output=FILE.npz and give --config.loss.segmenter=FILE.npz, or a .json that describes another's network "
        "(docs/evaluation.md), or --config.loss.similarity=0"
    )
    return {} if loss.segmenter else dict.fromkeys(label_terms(loss), remedy)


def open_label_objective(config, num_classes):
    """The `LabelObjective` of a config, or None where it has no such term."""
    if not set(label_terms(config.loss)) - set(config.missing_terms):
        return None
    label_generator = load_label_generator(config.loss.segmenter, num_classes, config.data.image_size)
    say(f"the label generator is {label_generator.title}")
    return LabelObjective(config.loss, label_generator, label_generator.known)


class LabelObjective:
    """L_s, or the plain cross-entropy that it is compared with, on a grid that its matrices leave room for.

    Args:
        loss: of the config.
        label_logits: G_l, a function of images to logits.
        known: bool (N,), the classes that G_l can give, None: all; pixels of others count as unknown.
    """

    def __init__(self, loss, label_logits, known=None):
        self.loss = loss
        self.label_logits = label_logits
        self.asked = None if known is None else asked_labels(known)

    def __call__(self, labels, image):
        """The terms of a picture: dictionary from symbol to (weight, float32 (batch,)).

        Args:
            labels: int32 (batch, height, width), what was asked for.
            image: float (batch, height, width, 3).
        """
        logits = self.label_logits(image)
        stride = max(logits.shape[1] // self.loss.similarity_rows, 1)
        step = stride * (labels.shape[1] // logits.shape[1])
        probabilities = tf.nn.avg_pool2d(tf.nn.softmax(tf.cast(logits, tf.float32)), stride, stride, "VALID")
        logits = tf.math.log(tf.maximum(probabilities, 1e-12))  # whose softmax is the pooled probabilities again
        labels = labels[:, ::step, ::step][:, : logits.shape[1], : logits.shape[2]]
        labels = labels if self.asked is None else tf.gather(self.asked, labels)
        terms = {}
        if self.loss.label_loss in ("similarity", "both"):
            terms["L_s"] = (self.loss.similarity, similarity_loss(logits, labels))
        if self.loss.label_loss in ("cross_entropy", "both"):
            terms["L_ce"] = (self.loss.similarity, label_cross_entropy(logits, labels))
        return terms


def asked_labels(known):
    """What G_l can be asked for: int32 (N + 1,), from a label id to itself, or to N where it is not known."""
    return np.where([*known, False], np.arange(len(known) + 1), len(known)).astype(np.int32)
