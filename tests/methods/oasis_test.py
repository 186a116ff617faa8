"""The numbers of OASIS' losses, in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.config import base_config, check_config
from ecgan_tf.errors import RequestError
from ecgan_tf.methods.base import Judge, Pair
from ecgan_tf.methods.oasis import OASISObjective
from ecgan_tf.models import make_discriminator

CLASSES, BATCH, SIZE = 3, 2, 4


@pytest.fixture
def objective():
    config = base_config("oasis")
    judge = Judge("discriminator", None, {"image": "c"}, matches_features=False, gan_mode="segmentation")
    return OASISObjective(config, [Pair("I", "image")], [judge], num_classes=CLASSES)


@pytest.fixture
def batch(rng):
    return {
        "labels": tf.constant(rng.integers(0, CLASSES + 1, (BATCH, SIZE, SIZE)), tf.int32),
        "image": tf.constant(rng.uniform(-1, 1, (BATCH, SIZE, SIZE, 3)), tf.float32),
        "mix": tf.constant([[0.5, -0.1, 2.0, -3.0], [-1.0, 1.0, -1.0, 1.0]], tf.float32),
    }


def mask_of(batch):
    """1 where the layout's class has a positive number: that pixel is the photograph's."""
    taken = [(np.asarray(mix) > 0)[np.asarray(labels)] for mix, labels in zip(batch["mix"], batch["labels"])]
    return np.stack(taken)[..., None].astype(np.float32)


def test_a_mixture_has_whole_classes_of_the_photograph(objective, batch, rng):
    fake = rng.uniform(-1, 1, (BATCH, SIZE, SIZE, 3)).astype(np.float32)
    mask = mask_of(batch)
    expected = mask * batch["image"] + (1 - mask) * fake
    np.testing.assert_allclose(objective.mixtures(batch, {"image": fake})["mix"], expected)
    objective.loss.label_mix = 0.0
    assert objective.mixtures(batch, {"image": fake}) == {}


def test_label_mix_compares_the_logits(objective, batch, rng):
    fake, mix, real = (rng.normal(size=(BATCH, SIZE, SIZE, CLASSES + 2)).astype(np.float32) for _ in range(3))
    logarithms = tf.zeros((BATCH, SIZE, SIZE, 2))
    said = [[([tf.constant(x)], logarithms)] for x in (fake, mix, real)]
    judged = {"discriminator": ({"image": said[0], "mix": said[1]}, {"image": said[2]})}
    weight, found = objective.discriminator_terms(judged, batch)["L_LM"]
    mask = mask_of(batch)
    np.testing.assert_allclose(found, np.mean((mask * real + (1 - mask) * fake - mix) ** 2, axis=(1, 2, 3)), rtol=1e-5)
    assert weight == 10.0


def test_a_class_counts_the_same_however_small_it_is(rng):
    network = make_discriminator("oasis", num_classes=CLASSES, has_unknown=True, base_filters=2)
    labels = rng.choice([0, 0, 0, 0, 2, 3], (BATCH, SIZE, SIZE)).astype(np.int32)  # no class 1; 3 is unknown
    logits = rng.normal(size=(2 * BATCH, SIZE, SIZE, CLASSES + 2))
    log_probabilities = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    found = network._logarithms(tf.constant(log_probabilities, tf.float32), tf.constant(labels)).numpy()
    counts = np.bincount(labels.ravel(), minlength=4)[:CLASSES]
    for pair in range(2):
        for example, rows in enumerate(labels):
            for place, label in np.ndenumerate(rows):
                alpha = 0.0 if label == 3 else labels.size / (counts[label] * 2)
                expected = log_probabilities[pair * BATCH + example][place]
                here = found[pair * BATCH + example][place]
                np.testing.assert_allclose(here, [alpha * expected[label], expected[-1]], rtol=1e-4, atol=1e-5)
    weights = [counts[label] * labels.size / (counts[label] * 2) for label in (0, 2)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train.update_order": "simultaneous"}, "config.loss.label_mix mixes pictures"),
        ({"train.layout_form": "neighbourhoods"}, "no two layouts have the same neighbourhoods"),
        ({"data.image_size": (96, 96)}, "must be a multiple of 64"),
    ],
)
def test_what_does_not_go_together_is_refused(values, message):
    config = base_config("oasis")
    config.data.image_size = (64, 64)
    config.update_from_flattened_dict(values)
    with pytest.raises(RequestError, match=message):
        check_config(config)
