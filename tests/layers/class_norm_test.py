import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.class_norm import ClassNormalization, SeparableBlock
from ecgan_tf.layers.layout import Layout

LABELS, SHAPE = 3, (2, 4, 6, 5)


@pytest.fixture
def x(rng):
    return rng.normal(1.0, 2.0, SHAPE).astype(np.float32)


@pytest.fixture
def labels(rng):
    return rng.integers(0, LABELS, SHAPE[:3])


def made(rng, layer):
    """The layer, built, with other numbers in each of its variables."""
    layer.build((None, *SHAPE[1:]))
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return layer


def layout_of(labels, boundaries=None):
    return Layout(tf.constant(labels, tf.int32), LABELS, boundaries)


def by_definition(layer, x, labels, mean, variance):
    normed = (x - mean) / np.sqrt(variance + 1e-5)
    gamma, beta = (np.asarray(table)[labels] for table in (layer.gamma, layer.beta))
    return normed * (1 + gamma) + beta


def test_it_is_clades_equation_in_training_and_after_it(rng, x, labels):
    layer = made(rng, ClassNormalization(LABELS))
    moving = [np.array(layer.norm.moving_mean), np.array(layer.norm.moving_variance)]
    expected = by_definition(layer, x, labels, *moving)
    np.testing.assert_allclose(layer(x, layout=layout_of(labels)), expected, atol=1e-5)
    expected = by_definition(layer, x, labels, x.mean((0, 1, 2)), x.var((0, 1, 2)))
    np.testing.assert_allclose(layer(x, layout=layout_of(labels), training=True), expected, atol=1e-4)


def test_boundaries_add_a_row_of_their_own(rng, x, labels):
    layer = made(rng, ClassNormalization(LABELS, has_boundaries=True))
    boundaries = rng.integers(0, 2, (*SHAPE[:3], 1)).astype(np.float32)
    without = layer(x, layout=layout_of(labels, np.zeros_like(boundaries)))
    found = layer(x, layout=layout_of(labels, boundaries))
    np.testing.assert_allclose(found - without, boundaries * np.asarray(layer.of_boundary), atol=1e-5)


@pytest.mark.parametrize("normalization", ["batch", "instance"])
def test_folding_changes_nothing_but_the_form(rng, x, labels, normalization):
    layer = made(rng, ClassNormalization(LABELS, normalization=normalization))
    before = layer(x, layout=layout_of(labels))
    layer.fold()
    layer.fold()  # a second time does nothing
    np.testing.assert_allclose(layer(x, layout=layout_of(labels)), before, atol=1e-4)
    assert layer.folded == (normalization == "batch")


def test_a_block_adds_a_depthwise_and_a_pointwise_convolution(rng, x, labels):
    layer = made(rng, SeparableBlock({"num_labels": LABELS}))
    y = np.asarray(layer.norm(x, layout=layout_of(labels)))
    y = np.pad(np.where(y > 0, y, 0.2 * y), ((0, 0), (1, 1), (1, 1), (0, 0)))
    kernel = np.asarray(layer.depthwise.kernel)[..., 0]
    near = sum(y[:, i : i + 4, j : j + 6] * kernel[i, j] for i in range(3) for j in range(3))
    expected = x + near @ np.asarray(layer.pointwise.kernel)[0, 0] + np.asarray(layer.pointwise.bias)
    np.testing.assert_allclose(layer(x, layout=layout_of(labels)), expected, rtol=1e-4, atol=1e-3)
