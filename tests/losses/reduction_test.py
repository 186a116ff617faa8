import numpy as np
import pytest

from ecgan_tf.losses.reduction import mean_absolute_difference, per_example_mean, pooled_difference


@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 6, 1)])
def test_each_example_is_averaged_alone(shape, rng):
    x = rng.normal(size=shape)
    np.testing.assert_allclose(per_example_mean(x), [example.mean() for example in x], rtol=1e-5)


def test_means_are_taken_in_float32():
    x = np.full((1, 100, 100), 30.0, np.float16)  # the sum exceeds what float16 holds
    assert per_example_mean(x).dtype == "float32"
    np.testing.assert_allclose(per_example_mean(x), [30.0])


def test_mean_absolute_difference_matches_numpy(rng):
    x, y = rng.normal(size=(2, 3, 4, 4, 2))
    np.testing.assert_allclose(mean_absolute_difference(x, y), np.abs(x - y).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(mean_absolute_difference(x, x), np.zeros(3))


def test_pooled_difference_compares_the_means_of_cells(rng):
    x, y = rng.normal(size=(2, 3, 8, 4, 2))
    means = (x - y).reshape(3, 2, 4, 1, 4, 2).mean((2, 4))
    np.testing.assert_allclose(pooled_difference(x, y, 4), np.abs(means).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(pooled_difference(x, y, 1), mean_absolute_difference(x, y), rtol=1e-6)


def test_cells_at_the_border_that_are_cut_count_what_they_hold():
    x = np.ones((1, 6, 5, 1))
    np.testing.assert_allclose(pooled_difference(x, 0 * x, 4), [1.0], rtol=1e-6)


def test_detail_within_cells_costs_nothing():
    x = np.indices((8, 8)).sum(0)[None, ..., None] % 2 - 0.5
    np.testing.assert_allclose(pooled_difference(x, 0 * x, 2), [0.0], atol=1e-7)
