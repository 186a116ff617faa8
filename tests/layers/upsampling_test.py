import numpy as np
import pytest

from ecgan_tf.layers.upsampling import upsample_bilinear, upsample_nearest


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (4, 5)])
def test_each_cell_becomes_a_square(factor, size, rng):
    x = rng.normal(size=(2, *size, 3)).astype(np.float32)
    np.testing.assert_array_equal(upsample_nearest(x, factor), x.repeat(factor, 1).repeat(factor, 2))


def test_bilinear_enlargement_by_hand():
    x = np.array([[0.0, 4.0], [8.0, 12.0]], np.float32)[None, :, :, None]
    expected = np.add.outer([0, 2, 6, 8], [0, 1, 3, 4])
    np.testing.assert_allclose(upsample_bilinear(x)[0, :, :, 0], expected)
