"""Distances in feature maps against plain loops."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.perceptual import diversity, feature_distance

SHAPES = [(2, 4, 5, 3), (2, 2, 2, 7)]


@pytest.fixture
def maps(rng):
    return [[rng.normal(size=shape) for shape in SHAPES] for _ in range(3)]


@pytest.mark.parametrize("weights", [None, [0.5, 2.0], [np.arange(3.0), np.arange(7.0)]])
def test_the_distance_is_its_sum(maps, weights):
    expected = np.zeros(2)
    for layer, (a, b) in enumerate(zip(*maps[:2])):
        weight = np.broadcast_to(1.0 if weights is None else weights[layer], a.shape[-1:])
        for n, y, x in np.ndindex(a.shape[:3]):
            unit_a, unit_b = (each[n, y, x] / np.sqrt((each[n, y, x] ** 2).sum()) for each in (a, b))
            expected[n] += (weight * (unit_a - unit_b) ** 2).sum() / (a.shape[1] * a.shape[2])
    np.testing.assert_allclose(feature_distance(*maps[:2], weights), expected)


def test_only_directions_count(maps):
    first, second, _ = maps
    scaled = [3.0 * layer for layer in first]
    np.testing.assert_allclose(feature_distance(first, scaled), 0.0, atol=1e-12)
    np.testing.assert_allclose(feature_distance(scaled, second), feature_distance(second, first))
    opposite = [-layer for layer in first]
    np.testing.assert_allclose(feature_distance(first, opposite), 4.0 * len(SHAPES))


def test_dead_positions_are_no_division_by_zero():
    dead = [np.zeros((1, 2, 2, 3))]
    assert feature_distance(dead, dead) == [0.0]
    assert feature_distance(dead, [np.ones((1, 2, 2, 3))]) == pytest.approx([1.0])


def test_diversity_is_the_mean_over_pairs(maps):
    a, b, c = maps
    expected = (feature_distance(a, b) + feature_distance(a, c) + feature_distance(b, c)) / 3
    np.testing.assert_allclose(diversity(maps), expected)
    np.testing.assert_array_equal(diversity([a, a, a]), 0.0)
    with pytest.raises(RequestError, match="at least 2"):
        diversity([a])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [np.ones(3), np.ones(3)], [1.0, float("nan")]])
def test_weights_that_do_not_fit_are_refused(maps, weights):
    with pytest.raises(RequestError, match="weights"):
        feature_distance(*maps[:2], weights)


def test_maps_that_do_not_fit_are_refused(maps):
    for others in (maps[1][:1], maps[1][::-1], []):
        with pytest.raises(RequestError, match="feature maps"):
            feature_distance(maps[0], others)
    with pytest.raises(RequestError, match="feature maps"):
        feature_distance([np.ones((2, 3))], [np.ones((2, 3))])
