import numpy as np
import pytest

from ecgan_tf.models import make_discriminator

CLASSES = 3


@pytest.fixture
def images(rng):
    return rng.uniform(-1, 1, (6, 32, 48, 3)).astype(np.float32)


@pytest.fixture
def discriminator(images, labels):
    discriminator = make_discriminator("segmentation", num_classes=CLASSES, has_unknown=True, base_filters=2)
    for _ in range(3):  # power iterations
        discriminator({"labels": labels}, images, training=True)
    return discriminator


@pytest.fixture
def labels(rng):
    labels = rng.integers(0, CLASSES + 1, (2, 32, 48)).astype(np.int32)  # unknown, too
    labels[:, :10] = 1
    return labels


def probabilities(discriminator, images, labels):
    """Of the N + 1 classes, from what the discriminator says of layouts of one class each."""
    alone = [discriminator({"labels": np.full_like(labels, c)}, images)[0][1].numpy() for c in range(CLASSES)]
    return np.exp(np.stack([each[..., 0] for each in alone] + [alone[0][..., 1]], -1))


def test_the_probabilities_of_the_classes_and_of_a_fake_add_up_to_one(discriminator, images, labels):
    np.testing.assert_allclose(probabilities(discriminator, images, labels).sum(-1), 1, rtol=1e-4)


def test_every_class_counts_the_same_however_small_it_is(discriminator, images, labels):
    ((features, logs),) = discriminator({"labels": labels}, images)
    assert features == []
    p = probabilities(discriminator, images, labels)
    expected = np.zeros((6, 32, 48))
    for n in range(6):  # image n belongs to layout n modulo 2
        layout = labels[n % 2]
        for c in range(CLASSES):
            shown = layout == c
            expected[n][shown] = layout.size / (CLASSES * shown.sum()) * np.log(p[n, ..., c])[shown]
    np.testing.assert_allclose(logs[..., 0], expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(logs[..., 1], np.log(p[..., -1]), rtol=1e-3, atol=1e-4)


def test_a_class_that_is_not_shown_does_not_count(discriminator, images):
    halves = np.zeros((2, 32, 48), np.int32)
    halves[:, :, :12] = 2
    p = probabilities(discriminator, images, halves)
    logs = discriminator({"labels": halves}, images)[0][1].numpy()
    np.testing.assert_allclose(logs[..., :12, 0], 2 * np.log(p[..., :12, 2]), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(logs[..., 12:, 0], 2 / 3 * np.log(p[..., 12:, 0]), rtol=1e-3, atol=1e-4)


def test_an_unknown_layout_says_nothing_of_classes(discriminator, images):
    logs = discriminator({"labels": np.full((2, 32, 48), CLASSES, np.int32)}, images)[0][1].numpy()
    np.testing.assert_array_equal(logs[..., 0], 0)
    assert np.all(logs[..., 1] < 0)
