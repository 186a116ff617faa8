import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.semantic_upsampling import SemanticAwareUpsampling, UpsamplingBlock


def make(randomize, form="static", channels=3, **arguments):
    layer = SemanticAwareUpsampling(form=form, **arguments)
    layer.build((None, 5, 6, channels))
    return randomize(layer, scale=0.3)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def upsample_numpy(layer, x):
    """Cell by cell and neighbour by neighbour, as the definition says."""
    scale, size = layer.scale, layer.kernel_size
    margin = size // 2
    hidden = x @ np.asarray(layer.compress.kernel)[0, 0] + np.asarray(layer.compress.bias)
    logits = hidden @ np.asarray(layer.generate.kernel)[0, 0] + np.asarray(layer.generate.bias)
    batch, height, width, channels = x.shape
    y = np.zeros((batch, scale * height, scale * width, channels))
    for row in range(scale * height):
        for column in range(scale * width):
            part = (row % scale) * scale + column % scale
            of_cell = logits[:, row // scale, column // scale]
            weights = softmax(of_cell[:, part * size**2 : (part + 1) * size**2])
            for tap in range(size**2):
                dy, dx = tap // size - margin, tap % size - margin
                if layer.patch == "source":
                    i, j = row // scale + dy, column // scale + dx
                else:
                    i, j = (row + dy) // scale, (column + dx) // scale
                if 0 <= i < height and 0 <= j < width:
                    y[:, row, column] += weights[:, tap, None] * x[:, i, j]
    return y


@pytest.mark.parametrize("form", ["static", "plain"])
@pytest.mark.parametrize("patch", ["source", "upsampled"])
@pytest.mark.parametrize(("scale", "size"), [(2, 5), (2, 3), (1, 5)])
def test_both_forms_match_numpy(form, patch, scale, size, rng, randomize):
    layer = make(randomize, form, scale=scale, kernel_size=size, patch=patch)
    x = rng.normal(size=(2, 5, 6, 3))
    np.testing.assert_allclose(layer(x.astype(np.float32)), upsample_numpy(layer, x), atol=1e-4)


@pytest.mark.parametrize("patch", ["source", "upsampled"])
def test_both_forms_have_the_same_gradient(patch, rng, randomize):
    x = tf.constant(rng.normal(size=(2, 5, 6, 3)), tf.float32)
    gradients = []
    for form in ("static", "plain"):
        layer = make(randomize, form, patch=patch)
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(layer(x) ** 2)
        gradients.append(tape.gradient(total, [x, *(variable.value for variable in layer.trainable_variables)]))
    for static, plain in zip(*gradients, strict=True):
        np.testing.assert_allclose(static, plain, atol=1e-4 * np.abs(plain).max())
        assert np.any(plain)


def test_equal_weights_make_a_box_filter_of_the_enlarged_map(rng):
    layer = SemanticAwareUpsampling(patch="upsampled")
    layer.build((None, 5, 6, 3))
    for variable in layer.trainable_variables:
        variable.assign(0 * variable)
    x = rng.normal(size=(1, 5, 6, 3)).astype(np.float32)
    padded = np.pad(x.repeat(2, 1).repeat(2, 2), [(0, 0), (2, 2), (2, 2), (0, 0)])
    expected = np.mean([padded[:, i : i + 10, j : j + 12] for i in range(5) for j in range(5)], axis=0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("upsampler", ["deconv", "nearest_conv", "sau"])
def test_a_block_doubles_the_size_and_normalises(upsampler, rng, randomize):
    block = UpsamplingBlock(7, upsampler)
    block.build((None, 6, 8, 5))
    randomize(block)
    y = block(rng.normal(size=(2, 6, 8, 5)).astype(np.float32)).numpy()
    assert y.shape == (2, 12, 16, 7)
    assert y.min() == 0
    sau = [variable for variable in block.trainable_variables if "/sau/" in variable.path or "sau/" in variable.path]
    assert bool(sau) == (upsampler == "sau")


def test_nearest_conv_is_a_convolution_of_the_enlarged_map(rng, randomize, convolve_numpy):
    block = UpsamplingBlock(2, "nearest_conv")
    block.build((None, 3, 4, 5))
    randomize(block)
    x = rng.normal(size=(1, 3, 4, 5))
    y = convolve_numpy(x.repeat(2, 1).repeat(2, 2), block.convolution.kernel, padding=1)
    y = (y - y.mean((1, 2))) / np.sqrt(y.var((1, 2)) + 1e-5)
    np.testing.assert_allclose(block(x.astype(np.float32)), np.maximum(y, 0), atol=1e-3)
