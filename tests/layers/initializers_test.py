import numpy as np
import pytest

from ecgan_tf.layers.initializers import make_initializer


@pytest.mark.parametrize(
    ("name", "variance"),
    [("xavier_0.02", 0.02**2 * 2 / (9 * 16 + 9 * 64)), ("he", 2 / (9 * 16)), ("normal_0.02", 0.02**2)],
)
def test_kernels_have_the_variance_of_the_method(name, variance):
    kernel = np.asarray(make_initializer(name)((3, 3, 16, 64)))
    assert kernel.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / kernel.size))
    assert kernel.var() == pytest.approx(variance, rel=0.06)
    assert np.abs(kernel).max() > 3 * np.sqrt(variance)  # not truncated


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="Unknown initializer 'xavier'. Known initializers: he, normal_0.02, xavier"):
        make_initializer("xavier")
