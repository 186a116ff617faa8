import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.upsampling import upsample_bilinear, upsample_nearest


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (4, 5)])
def test_each_cell_becomes_a_square(factor, size, rng):
    x = rng.normal(size=(2, *size, 3)).astype(np.float32)
    np.testing.assert_array_equal(upsample_nearest(x, factor), x.repeat(factor, 1).repeat(factor, 2))


@pytest.mark.parametrize("by_xla", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_the_gradient_of_a_cell_is_the_sum_over_its_square(factor, by_xla, rng):
    """XLA has no gradient of the raw operator."""
    x = tf.constant(rng.normal(size=(2, 3, 5, 4)), tf.float32)
    upstream = rng.normal(size=(2, 3 * factor, 5 * factor, 4)).astype(np.float32)

    @tf.function(jit_compile=by_xla or None, autograph=False)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            enlarged = upsample_nearest(x, factor)
        return tape.gradient(enlarged, x, upstream)

    expected = upstream.reshape(2, 3, factor, 5, factor, 4).sum(axis=(2, 4), dtype=np.float64)
    np.testing.assert_allclose(gradient(x), expected, rtol=1e-5, atol=1e-6)


def test_bilinear_enlargement_by_hand():
    x = np.array([[0.0, 4.0], [8.0, 12.0]], np.float32)[None, :, :, None]
    expected = np.add.outer([0, 2, 6, 8], [0, 1, 3, 4])
    np.testing.assert_allclose(upsample_bilinear(x)[0, :, :, 0], expected)
