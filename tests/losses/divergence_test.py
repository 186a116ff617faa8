"""L_KL against its closed form, integrated."""

import numpy as np
import pytest

from ecgan_tf.losses.divergence import kl_divergence


def test_it_is_the_integral_of_the_definition():
    x = np.linspace(-40.0, 40.0, 400_001)

    def density(mean, variance):
        return np.exp(-((x - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)

    mean, log_variance = np.array([[0.3, -1.2]]), np.array([[0.5, -0.7]])
    expected = 0.0
    for m, v in zip(mean[0], np.exp(log_variance[0])):
        p, q = density(m, v), density(0.0, 1.0)
        inside = p > 0
        expected += np.trapezoid(
            p[inside] * (np.log(p[inside]) + x[inside] ** 2 / 2 + np.log(2 * np.pi) / 2), x[inside]
        )
        assert q.sum() > 0
    assert kl_divergence(mean, log_variance).numpy() == pytest.approx([expected], rel=1e-4)


def test_it_is_nothing_of_the_distribution_itself_and_per_example():
    found = kl_divergence(np.array([[0.0, 0.0], [1.0, 0.0]]), np.zeros((2, 2))).numpy()
    np.testing.assert_allclose(found, [0.0, 0.5])
