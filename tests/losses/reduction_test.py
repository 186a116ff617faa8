import numpy as np
import pytest

from ecgan_tf.losses.reduction import mean_absolute_difference, per_example_mean


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
