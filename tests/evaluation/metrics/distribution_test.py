"""Frechet and kernel distance against closed forms and plain loops."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.distribution import (
    FeatureStatistics,
    frechet_distance,
    halves,
    kernel_distance,
    squared_mmd,
)


def whitened(rng, count, dimensions):
    """Features of mean 0 and covariance 1, to rounding."""
    features = rng.normal(size=(count, dimensions))
    features -= features.mean(axis=0)
    return features @ np.linalg.inv(np.linalg.cholesky(np.cov(features.T))).T


def test_covariances_that_commute_have_a_closed_form(rng):
    features, deviations, others = whitened(rng, 50, 4), np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 2.0, 5.0, 0.5])
    expected = 4 * 3.0**2 + np.square(deviations - others).sum()
    assert frechet_distance(features * deviations, features * others + 3.0) == pytest.approx(expected)


@pytest.mark.parametrize("count, dimensions", [(20, 300), (300, 20), (2, 50)])
@pytest.mark.parametrize("offset, scale", [(0.0, 1.0), (1000.0, 30.0), (-0.5, 1e-3)])
def test_real_against_real_is_zero(rng, count, dimensions, offset, scale):
    features = offset + scale * rng.normal(size=(count, dimensions))
    assert frechet_distance(features, rng.permutation(features)) == pytest.approx(0.0, abs=1e-3)


def test_directions_that_one_set_lacks_cost_their_variance(rng):
    features = np.zeros((30, 6))
    features[:, :3] = whitened(rng, 30, 3)
    assert frechet_distance(features, np.roll(features, 3, axis=1)) == pytest.approx(6.0)


def test_a_rotation_of_both_changes_nothing(rng):
    features, others = rng.normal(size=(40, 6)), rng.normal(1.0, 2.0, (30, 6))
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    distance = frechet_distance(features, others)
    assert frechet_distance(others @ rotation, features @ rotation) == pytest.approx(distance)


@pytest.mark.parametrize("chunk", [1, 7, 100])
def test_chunks_give_what_the_whole_gives(rng, chunk):
    features = rng.normal(500.0, 3.0, (100, 5)) @ rng.normal(size=(5, 5))
    statistics = FeatureStatistics()
    for start in range(0, 100, chunk):
        statistics.add(features[start : start + chunk])
    np.testing.assert_allclose(statistics.mean, features.mean(axis=0))
    factor = statistics.factor()
    assert factor.shape == (5, 5)
    np.testing.assert_allclose(factor.T @ factor, np.cov(features.T), rtol=1e-9)
    statistics.add(features)  # goes on after it was read
    np.testing.assert_allclose(
        statistics.factor().T @ statistics.factor(), np.cov(np.tile(features, (2, 1)).T), rtol=1e-9
    )


def test_squared_mmd_is_its_sum(rng):
    features, others = rng.normal(size=(5, 3)), rng.normal(0.5, 1.0, (4, 3))

    def kernel(x, y):
        return (x @ y / 3 + 1) ** 3

    expected = (
        sum(kernel(x, y) for i, x in enumerate(features) for j, y in enumerate(features) if i != j) / (5 * 4)
        + sum(kernel(x, y) for i, x in enumerate(others) for j, y in enumerate(others) if i != j) / (4 * 3)
        - 2 * sum(kernel(x, y) for x in features for y in others) / (5 * 4)
    )
    assert squared_mmd(features, others) == pytest.approx(expected)


def test_the_kernel_distance_is_unbiased_and_the_frechet_distance_is_not():
    rng = np.random.default_rng(3)
    draws = [(rng.normal(size=(10, 4)), rng.normal(size=(10, 4))) for _ in range(400)]
    kernel = np.array([squared_mmd(*draw) for draw in draws])
    assert abs(kernel.mean()) < 3 * kernel.std() / np.sqrt(400)
    assert min(frechet_distance(*draw) for draw in draws[:50]) > 0.1


def test_a_subset_is_no_larger_than_the_smaller_set_and_the_result_says_so(rng):
    features, others = rng.normal(size=(30, 4)), rng.normal(1.0, 1.0, (12, 4))
    result = kernel_distance(features, others, subsets=20)
    assert (result.subset_size, result.clipped) == (12, True)
    assert kernel_distance(features, others, subsets=20, subset_size=12)[2:] == (12, False)
    whole = kernel_distance(others, features[:12], subsets=5)
    assert whole.standard_deviation == pytest.approx(0.0, abs=1e-12)
    assert whole.mean == pytest.approx(squared_mmd(others, features[:12]))


def test_subsets_are_those_of_the_seed(rng):
    features, others = rng.normal(size=(30, 4)), rng.normal(1.0, 1.0, (30, 4))
    first = kernel_distance(features, others, 50, 10, seed=1)
    assert first == kernel_distance(features, others, 50, 10, seed=1)
    assert first != kernel_distance(features, others, 50, 10, seed=2)
    assert first.standard_deviation > 0
    assert first.mean == pytest.approx(squared_mmd(features, others), abs=first.standard_deviation)


def test_halves_share_no_example(rng):
    features = rng.normal(size=(11, 3))
    first, second = halves(features, seed=4)
    assert (len(first), len(second)) == (5, 6)
    together = np.concatenate([first, second])
    np.testing.assert_array_equal(np.sort(together, axis=0), np.sort(features, axis=0))
    assert {tuple(row) for row in together} == {tuple(row) for row in features}
    assert not np.array_equal(halves(features, seed=5)[0], first)


@pytest.mark.parametrize(
    "features, others, words",
    [
        (np.zeros((1, 4)), np.zeros((5, 4)), "at least 2"),
        (np.zeros((5, 4)), np.zeros((5, 3)), "dimensions"),
        (np.zeros((5, 4)), np.zeros(4), "shape"),
        (np.full((5, 4), np.inf), np.zeros((5, 4)), "finite"),
    ],
)
def test_features_that_have_no_distance_are_refused(features, others, words):
    with pytest.raises(RequestError, match=words):
        frechet_distance(features, others)
    with pytest.raises(RequestError):
        kernel_distance(features, others)


def test_chunks_of_other_features_are_refused():
    statistics = FeatureStatistics()
    statistics.add(np.zeros((2, 3)))
    with pytest.raises(RequestError, match="4 dimensions after some of 3"):
        statistics.add(np.zeros((2, 4)))
    with pytest.raises(RequestError, match="of 0 examples"):
        FeatureStatistics().factor()
