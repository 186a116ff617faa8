import numpy as np
import pytest

from ecgan_tf.layers.convolution import PaddedConv2D, TransposedConv2D, pad_reflect


def test_reflection_does_not_repeat_the_edge(rng):
    x = rng.normal(size=(2, 5, 6, 3)).astype(np.float32)
    np.testing.assert_array_equal(pad_reflect(x, 3), np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect"))
    labels = rng.integers(0, 4, (2, 5, 6)).astype(np.int32)
    np.testing.assert_array_equal(pad_reflect(labels, 2), np.pad(labels, [(0, 0), (2, 2), (2, 2)], mode="reflect"))


def test_a_map_that_is_too_small_to_mirror_is_refused():
    with pytest.raises(ValueError, match="cannot mirror 3 cells of a map of 3x8"):
        pad_reflect(np.zeros((1, 3, 8, 1), np.float32), 3)


@pytest.mark.parametrize(("mode", "numpy_mode"), [("zeros", "constant"), ("reflect", "reflect")])
@pytest.mark.parametrize(("size", "strides"), [(3, 1), (3, 2), (7, 1)])
def test_a_padded_convolution_matches_numpy(mode, numpy_mode, size, strides, rng, randomize, convolve_numpy):
    layer = PaddedConv2D(4, size, strides, size // 2, mode)
    layer.build((None, 6, 8, 3))
    randomize(layer)
    x = rng.normal(size=(2, 6, 8, 3))
    margin = (size // 2, size // 2)
    padded = np.pad(x, [(0, 0), margin, margin, (0, 0)], mode=numpy_mode)
    expected = convolve_numpy(padded, layer.kernel, strides) + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(x.astype(np.float32)), expected, atol=1e-4)


def test_a_transposed_convolution_matches_the_definition_of_pytorch(rng, randomize):
    layer = TransposedConv2D(2)
    layer.build((None, 3, 4, 5))
    randomize(layer)
    x, kernel = rng.normal(size=(2, 3, 4, 5)), np.asarray(layer.kernel)
    expected = np.zeros((2, 6, 8, 2)) + np.asarray(layer.bias)
    for i in range(3):
        for j in range(4):
            for k in range(3):
                for m in range(3):  # padding 1 takes the first row and column of the full output away
                    row, column = 2 * i + k - 1, 2 * j + m - 1
                    if 0 <= row < 6 and 0 <= column < 8:
                        expected[:, row, column] += np.einsum("bf,of->bo", x[:, i, j], kernel[k, m])
    np.testing.assert_allclose(layer(x.astype(np.float32)), expected, atol=1e-4)
