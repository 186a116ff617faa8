import numpy as np
import pytest

from ecgan_tf.layers.upsampling import upsample_nearest


@pytest.mark.parametrize("factor", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (4, 5)])
def test_each_cell_becomes_a_square(factor, size, rng):
    x = rng.normal(size=(2, *size, 3)).astype(np.float32)
    np.testing.assert_array_equal(upsample_nearest(x, factor), x.repeat(factor, 1).repeat(factor, 2))
