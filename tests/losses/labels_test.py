import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.labels import label_cross_entropy, similarity_loss

UNKNOWN = 3


@pytest.fixture
def logits(rng):
    return rng.normal(0, 2, (3, 4, 5, 3)).astype(np.float32)


@pytest.fixture
def labels(rng):
    """Of three classes and unknown; the last image shows one class."""
    labels = rng.integers(0, 4, (3, 4, 5)).astype(np.int32)
    labels[2] = 1
    return labels


def softmax(logits):
    exponents = np.exp(logits.astype(np.float64))
    return exponents / exponents.sum(-1, keepdims=True)


def similarity_loop(logits, labels):
    """The formula of the docstring, pair by pair."""
    losses = []
    for image, ids in zip(softmax(logits).reshape(len(logits), -1, 3), labels.reshape(len(labels), -1)):
        entropies = []
        for i in range(len(ids)):
            for j in range(len(ids)):
                if UNKNOWN not in (ids[i], ids[j]):
                    share = np.clip(image[i] @ image[j], 1e-6, 1 - 1e-6)
                    entropies.append(-np.log(share) if ids[i] == ids[j] else -np.log(1 - share))
        losses.append(np.mean(entropies) if entropies else 0.0)
    return losses


def cross_entropy_loop(logits, labels):
    losses = []
    for image, ids in zip(softmax(logits).reshape(len(logits), -1, 3), labels.reshape(len(labels), -1)):
        entropies = [-np.log(image[i, ids[i]]) for i in range(len(ids)) if ids[i] != UNKNOWN]
        losses.append(np.mean(entropies) if entropies else 0.0)
    return losses


LOOPS = [(similarity_loss, similarity_loop), (label_cross_entropy, cross_entropy_loop)]


@pytest.mark.parametrize(("loss", "loop"), LOOPS)
def test_losses_match_a_loop(loss, loop, logits, labels):
    np.testing.assert_allclose(loss(logits, labels), loop(logits, labels), rtol=1e-4)
    assert loss(logits.astype(np.float16), labels).dtype == tf.float32


@pytest.mark.parametrize(("loss", "_"), LOOPS)
def test_what_is_predicted_of_unknown_pixels_does_not_matter(loss, _, logits, labels):
    expected = loss(logits, labels)
    changed = np.where(labels[..., None] == UNKNOWN, -logits, logits)
    np.testing.assert_allclose(loss(changed, labels), expected, rtol=1e-5)


@pytest.mark.parametrize(("loss", "_"), LOOPS)
def test_a_layout_of_unknown_pixels_costs_nothing(loss, _, logits):
    logits = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        cost = loss(logits, np.full((3, 4, 5), UNKNOWN, np.int32))
    np.testing.assert_array_equal(cost, np.zeros(3))
    np.testing.assert_array_equal(tape.gradient(cost, logits), np.zeros(logits.shape))


@pytest.mark.parametrize("scale", [1.0, 200.0], ids=["unsure", "saturated"])
@pytest.mark.parametrize(("loss", "_"), LOOPS)
def test_gradients_are_finite(loss, _, scale, logits, labels):
    logits = tf.constant(scale * logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        cost = loss(logits, labels)
    assert np.all(np.isfinite(cost)) and np.all(np.isfinite(tape.gradient(cost, logits)))


def test_the_names_of_the_classes_do_not_matter_to_the_similarity(logits, labels):
    """It compares pixels with each other; the cross-entropy would notice."""
    renamed = np.array([1, 2, 0, UNKNOWN])[labels]
    np.testing.assert_allclose(similarity_loss(logits, renamed), similarity_loss(logits, labels), rtol=1e-6)
    assert not np.allclose(label_cross_entropy(logits, renamed), label_cross_entropy(logits, labels))


def test_the_true_layout_costs_almost_nothing(labels):
    logits = 40.0 * np.eye(4, 3, dtype=np.float32)[labels]
    assert np.all(similarity_loss(logits, labels) < 1e-4) and np.all(label_cross_entropy(logits, labels) < 1e-4)
