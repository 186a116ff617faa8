import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.spade import SPADE, SPADEResidualBlock

SETTINGS = {"num_labels": 4, "has_boundaries": True, "hidden_filters": 8}


@pytest.fixture
def layout(rng):
    return Layout(rng.integers(0, 4, (3, 6, 6)), 4, rng.integers(0, 2, (3, 6, 6, 1)).astype(np.float32))


@pytest.fixture
def x(rng):
    return rng.normal(2, 3, (3, 6, 6, 5)).astype(np.float32)


@pytest.fixture
def make_spade(randomize):
    def make(normalization):
        spade = SPADE(**SETTINGS, normalization=normalization)
        spade.build((3, 6, 6, 5))
        return randomize(spade)

    return make


@pytest.fixture
def modulate(convolve_numpy, layout):
    """x * (1 + gamma) + beta, in NumPy."""

    def conv(x, layer):
        return convolve_numpy(x, layer.kernel, padding=1) + np.asarray(layer.bias)

    def modulate(spade, normalized):
        semantic = np.concatenate([np.eye(4)[layout.labels], layout.boundaries], axis=-1)
        hidden = np.maximum(conv(semantic, spade.shared), 0)
        return normalized * (1 + conv(hidden, spade.gamma)) + conv(hidden, spade.beta)

    return modulate


def normalize(x, axes):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)


@pytest.mark.parametrize(("normalization", "axes"), [("batch", (0, 1, 2)), ("instance", (1, 2))])
def test_spade_in_training_matches_numpy(normalization, axes, make_spade, modulate, x, layout):
    spade = make_spade(normalization)
    expected = modulate(spade, normalize(x, axes))
    np.testing.assert_allclose(spade(x, layout=layout, training=True), expected, rtol=1e-3, atol=1e-3)


def test_batch_norm_in_inference_uses_the_moving_statistics(make_spade, modulate, x, layout):
    spade = make_spade("batch")
    spade(x, layout=layout, training=True)
    mean, variance = 0.1 * x.mean((0, 1, 2)), 0.9 + 0.1 * x.var((0, 1, 2))
    expected = modulate(spade, (x - mean) / np.sqrt(variance + 1e-5))
    np.testing.assert_allclose(spade(x, layout=layout), expected, rtol=1e-3, atol=1e-3)


def test_instance_norm_is_the_same_in_inference(make_spade, x, layout):
    spade = make_spade("instance")
    np.testing.assert_array_equal(spade(x, layout=layout), spade(x, layout=layout, training=True))


@pytest.fixture
def make_block(randomize, x, layout):
    """A block after one training call, so that its statistics and vectors are those of its kernels."""

    def make(filters):
        block = SPADEResidualBlock(filters, SETTINGS)
        block.build(x.shape)
        randomize(block)(x, layout=layout, training=True)
        return block

    return make


def leaky_relu(x):
    return np.where(np.asarray(x) > 0, x, 0.2 * np.asarray(x))


def main_path(block, x, layout):
    middle = block.conv_0(leaky_relu(block.norm_0(x, layout=layout)))
    return block.conv_1(leaky_relu(block.norm_1(middle, layout=layout)))


def test_a_block_that_keeps_the_width_adds_its_input(make_block, x, layout):
    block = make_block(5)
    expected = main_path(block, x, layout) + x
    np.testing.assert_allclose(block(x, layout=layout), expected, rtol=1e-4, atol=1e-4)
    assert not hasattr(block, "conv_s")


@pytest.mark.parametrize("filters", [3, 8])
def test_a_block_that_changes_the_width_learns_its_shortcut(filters, make_block, x, layout):
    block = make_block(filters)
    expected = main_path(block, x, layout) + block.conv_s(block.norm_s(x, layout=layout))
    np.testing.assert_allclose(block(x, layout=layout), expected, rtol=1e-4, atol=1e-4)
    assert block.conv_s.kernel.shape == (1, 1, 5, filters) and not block.conv_s.use_bias
    assert block.conv_0.filters == min(5, filters)


@pytest.mark.parametrize("normalization", ["batch", "instance"])
@pytest.mark.parametrize("filters", [5, 8])
@pytest.mark.parametrize("by_neighbourhoods", [False, True])
def test_what_training_makes_again_changes_nothing(
    filters, normalization, by_neighbourhoods, x, layout, randomize, snapshot, monkeypatch
):
    monkeypatch.setattr("ecgan_tf.layers.layout.FEWEST_CELLS", 0)
    block = SPADEResidualBlock(filters, {**SETTINGS, "normalization": normalization})
    block.build(x.shape)
    randomize(block)
    x, state, results = tf.constant(x), snapshot(block.variables), []
    for call in (block, lambda *args, **kwargs: plain_training_call(block, *args, **kwargs)):
        for variable, value in zip(block.variables, state):
            variable.assign(value)
        given = Layout(tf.constant(layout.labels, tf.int32), layout.num_labels, layout.boundaries, by_neighbourhoods)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(call(x, layout=given, training=True)))
        sources = [x, *(variable.value for variable in block.trainable_variables)]
        results.append([loss, *tape.gradient(loss, sources), *snapshot(block.non_trainable_variables)])
    for found, wanted in zip(*results, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def plain_training_call(block, x, layout, training):
    main = block.conv_0(tf.nn.leaky_relu(block.norm_0(x, layout=layout, training=True)), training=True)
    main = block.conv_1(tf.nn.leaky_relu(block.norm_1(main, layout=layout, training=True)), training=True)
    if block.learned_shortcut:
        x = block.conv_s(block.norm_s(x, layout=layout, training=True), training=True)
    return main + x


def test_a_block_scales_its_layout_down(make_block, x, layout, rng):
    block = make_block(5)
    large = Layout(rng.integers(0, 4, (3, 12, 24)), 4, rng.integers(0, 2, (3, 12, 24, 1)).astype(np.float32))
    np.testing.assert_array_equal(block(x, layout=large), block(x, layout=large.at(6, 6)))


def test_training_reaches_every_part_of_a_block(make_block, x, layout, snapshot):
    block = make_block(8)
    before = snapshot(block.non_trainable_variables)
    block(x + 1, layout=layout, training=True)
    still = [v.path for v, old in zip(block.non_trainable_variables, before) if np.array_equal(v, old)]
    assert not still
    after = snapshot(block.non_trainable_variables)
    block(x, layout=layout)
    for variable, old in zip(block.non_trainable_variables, after):
        np.testing.assert_array_equal(variable, old)
