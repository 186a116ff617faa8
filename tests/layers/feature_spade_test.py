import numpy as np
import pytest

from ecgan_tf.layers.feature_spade import FeatureSPADE, FeatureSPADEResidualBlock


@pytest.fixture
def x(rng):
    return rng.normal(size=(2, 5, 4, 3)).astype(np.float32)


@pytest.fixture
def features(rng):
    return rng.normal(size=(2, 5, 4, 6)).astype(np.float32)


@pytest.fixture
def style(rng):
    return rng.normal(size=(2, 1, 1, 7)).astype(np.float32)


def spade_numpy(layer, x, features, style, convolve):
    def convolution(x, of):
        return convolve(x, of.kernel, padding=1) + of.bias.numpy()

    hidden = convolution(features, layer.shared)
    if style is not None:
        hidden = hidden + style @ layer.of_style.kernel.numpy()
    hidden = np.maximum(hidden, 0)
    centred = x - x.mean((1, 2), keepdims=True)
    normalized = centred / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    return normalized * (1 + convolution(hidden, layer.gamma)) + convolution(hidden, layer.beta)


@pytest.mark.parametrize("styled", [True, False])
def test_feature_spade_matches_numpy(x, features, style, styled, randomize, convolve_numpy):
    style = style if styled else None
    layer = FeatureSPADE(8, normalization="instance")
    layer.build(x.shape, features.shape, style.shape if styled else None)
    randomize(layer)
    expected = spade_numpy(layer, x, features, style, convolve_numpy)
    np.testing.assert_allclose(layer(x, features, style), expected, rtol=1e-4, atol=1e-4)


def test_a_style_per_position_reaches_its_position(x, features, style, randomize):
    layer = FeatureSPADE(8, normalization="instance")
    layer.build(x.shape, features.shape, style.shape)
    randomize(layer)
    everywhere = np.broadcast_to(style, (2, 5, 4, 7))
    np.testing.assert_allclose(layer(x, features, everywhere), layer(x, features, style), atol=1e-5)
    elsewhere = everywhere.copy()
    elsewhere[:, 0, 0] += 1.0
    change = np.abs(np.array(layer(x, features, elsewhere)) - np.array(layer(x, features, style)))
    assert change[:, 0, 0].max() > 1e-2 and change[:, 3:, 3:].max() < 1e-5  # gamma and beta look one pixel around


@pytest.mark.parametrize("filters", [3, 5])
def test_the_block_matches_its_parts(x, features, style, filters, randomize, convolve_numpy):
    block = FeatureSPADEResidualBlock(filters, {"hidden_filters": 8, "normalization": "instance"})
    block.build(x.shape, features.shape, style.shape)
    randomize(block)

    def leaky(x):
        return np.where(x > 0, x, 0.2 * x)

    def convolve(x, of):
        y = convolve_numpy(x, of.normalized_kernel(), padding=of.padding)
        return y + of.bias.numpy() if of.use_bias else y

    def modulate(x, norm):
        return spade_numpy(norm, x, features, style, convolve_numpy)

    main = convolve(leaky(modulate(x, block.norm_0)), block.conv_0)
    main = convolve(leaky(modulate(main, block.norm_1)), block.conv_1)
    shortcut = x if filters == 3 else convolve(modulate(x, block.norm_s), block.conv_s)
    np.testing.assert_allclose(block(x, features, style), main + shortcut, rtol=1e-3, atol=1e-3)


def test_folding_folds_the_batch_statistics(x, features, style, randomize, rng):
    layer = FeatureSPADE(8)
    layer.build(x.shape, features.shape, style.shape)
    randomize(layer)
    layer.norm.moving_mean.assign(rng.normal(size=3))
    layer.norm.moving_variance.assign(rng.uniform(0.5, 2.0, 3))
    before = np.array(layer(x, features, style))
    layer.fold()
    np.testing.assert_allclose(layer(x, features, style), before, rtol=1e-4, atol=1e-4)
    layer.norm.moving_mean.assign(np.full(3, 100.0))  # no longer read
    np.testing.assert_allclose(layer(x, features, style), before, rtol=1e-4, atol=1e-4)
