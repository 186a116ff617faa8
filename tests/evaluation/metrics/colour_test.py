"""The colour error: distances of mean colours, per class and image."""

import numpy as np
import pytest

from ecgan_tf.evaluation.metrics.colour import SMALLEST_AREA, ClassColourError


def test_a_shift_of_a_class_is_its_error():
    labels = np.zeros((1, 8, 8), int)
    labels[:, :, 4:] = 1
    photograph = np.zeros((1, 8, 8, 3))
    image = photograph.copy()
    image[:, :, 4:] += np.array([10, 20, 30]) / 127.5
    error = ClassColourError(3)
    error.add(labels, photograph, image)
    np.testing.assert_allclose(error.per_class(), [0, 20, np.nan])
    assert error.mean() == pytest.approx(10)


def test_texture_around_the_right_mean_costs_nothing(rng):
    labels = np.zeros((1, 8, 8), int)
    texture = rng.uniform(-0.4, 0.4, (1, 8, 8, 3))
    error = ClassColourError(1)
    error.add(labels, np.zeros_like(texture), texture - texture.mean(axis=(1, 2), keepdims=True))
    assert error.mean() == pytest.approx(0, abs=1e-9)


def test_small_regions_and_unknown_pixels_do_not_count():
    labels = np.full((1, 8, 8), 2)
    labels.flat[: SMALLEST_AREA - 1] = 0
    error = ClassColourError(2)
    error.add(labels, np.zeros((1, 8, 8, 3)), np.ones((1, 8, 8, 3)))
    assert np.isnan(error.per_class()).all()
