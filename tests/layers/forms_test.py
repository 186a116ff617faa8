"""A layout that is read once per distinct neighbourhood gives what it gives cell by cell, and the same gradients."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from ecgan_tf.layers import label_conv, spade
from ecgan_tf.layers import layout as layout_module
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.spade import SPADE, SPADEResidualBlock


@pytest.fixture(params=["neighbourhoods", "fallback"])
def branch(request, monkeypatch):
    """Both branches in turn, whatever the layout: by neighbourhoods, and cell by cell since there are too many."""
    most = {"neighbourhoods": np.inf, "fallback": -1.0}[request.param]
    monkeypatch.setattr(label_conv, "MOST_WINDOWS", most)
    monkeypatch.setattr(spade, "MOST_WORK", most)
    monkeypatch.setattr(layout_module, "FEWEST_CELLS", 0)
    return request.param


@st.composite
def layouts(draw):
    """Arguments of a `Layout`: patches of any size from noise to one class, of any batch and uneven sizes."""
    batch, patch, num_labels = draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 5))
    height, width = draw(st.integers(4, 9)), draw(st.integers(4, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = rng.integers(0, num_labels, (batch, 9, 9)).repeat(patch, 1).repeat(patch, 2)[:, :height, :width]
    boundaries = rng.integers(0, 2, (batch, height, width, 1)).astype(np.float32) if draw(st.booleans()) else None
    return labels.astype(np.int32), num_labels, boundaries


def run(layer, arguments, call, upstream, by_neighbourhoods):
    """Output and gradients of all variables of a layer over a layout, in a graph."""
    values = [variable.value for variable in layer.trainable_variables]

    @tf.function(autograph=False)
    def forward_and_backward():
        with tf.GradientTape() as tape:
            output = call(Layout(*arguments, by_neighbourhoods=by_neighbourhoods))
            loss = tf.reduce_sum(tf.cast(output, tf.float32) * upstream)
        return output, tape.gradient(loss, values)

    return forward_and_backward()


def both(*arguments):
    return [run(*arguments, by_neighbourhoods) for by_neighbourhoods in (False, True)]


def assert_equal_forms(results, tolerance=1e-4):
    (output, gradients), (other, others) = results
    np.testing.assert_allclose(other, output, rtol=tolerance, atol=tolerance)
    for gradient, twin in zip(gradients, others, strict=True):
        difference = np.linalg.norm(np.asarray(twin - gradient, np.float64))
        assert difference <= tolerance * max(np.linalg.norm(np.asarray(gradient, np.float64)), 0.1)


@settings(max_examples=12, deadline=None)
@given(arguments=layouts(), padding=st.sampled_from(["zeros", "reflect"]), size=st.sampled_from([1, 3, 5, 7]))
def test_a_convolution_over_any_layout(arguments, padding, size):
    labels, num_labels, boundaries = arguments
    layer = LabelConv2D(3, num_labels, boundaries is not None, size, padding=padding)
    layer.build()
    rng = np.random.default_rng(0)
    layer.kernel.assign(rng.normal(size=layer.kernel.shape))
    upstream = rng.normal(size=(*labels.shape, 3)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_conv, "MOST_WINDOWS", np.inf)
        patch.setattr(layout_module, "FEWEST_CELLS", 0)
        assert_equal_forms(both(layer, arguments, lambda layout: layer(layout=layout), upstream))


@settings(max_examples=12, deadline=None)
@given(arguments=layouts())
def test_spade_over_any_layout(arguments):
    labels, num_labels, boundaries = arguments
    layer = SPADE(num_labels, boundaries is not None, hidden_filters=6)
    rng = np.random.default_rng(0)
    x, upstream = (rng.normal(size=(*labels.shape, 4)).astype(np.float32) for _ in range(2))
    layer.build(x.shape)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spade, "MOST_WORK", np.inf)
        patch.setattr(layout_module, "FEWEST_CELLS", 0)
        assert_equal_forms(both(layer, arguments, lambda layout: layer(x, layout=layout), upstream))


@pytest.fixture
def arguments(rng):
    labels = rng.integers(0, 4, (2, 4, 4)).repeat(4, 1).repeat(4, 2).astype(np.int32)
    return labels, 4, rng.integers(0, 2, (2, 4, 4, 1)).repeat(4, 1).repeat(4, 2).astype(np.float32)


def test_both_branches_of_a_block_in_training(branch, arguments, randomize, rng):
    block = SPADEResidualBlock(5, {"num_labels": 4, "has_boundaries": True, "hidden_filters": 6})
    block.build((2, 16, 16, 3))
    randomize(block)
    x, upstream = (rng.normal(size=(2, 16, 16, count)).astype(np.float32) for count in (3, 5))
    kept = [variable.numpy() for variable in block.non_trainable_variables]

    def call(layout):
        for variable, value in zip(block.non_trainable_variables, kept, strict=True):
            variable.assign(value)
        return block(x, layout=layout, training=True)

    assert_equal_forms(both(block, arguments, call, upstream))


@pytest.fixture
def make_spade(randomize):
    def make(has_boundaries=True):
        layer = SPADE(4, has_boundaries, hidden_filters=6)
        layer.build((2, 16, 16, 5))
        return randomize(layer)

    return make


def test_a_folded_layer(branch, arguments, make_spade, rng):
    layer = make_spade()
    x = rng.normal(size=(2, 16, 16, 5)).astype(np.float32)
    expected = layer(x, layout=Layout(*arguments))
    layer.fold()
    actual = layer(x, layout=Layout(*arguments, by_neighbourhoods=True))
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision(branch, policy, arguments, make_spade, rng):
    full = make_spade()
    keras.config.set_dtype_policy(policy)
    half = make_spade()
    x, upstream = (rng.normal(size=(2, 16, 16, 5)).astype(np.float32) for _ in range(2))
    expected = run(full, arguments, lambda layout: full(x, layout=layout), upstream, False)
    output, gradients = run(half, arguments, lambda layout: half(tf.cast(x, half.compute_dtype), layout=layout),
                            upstream, True)  # fmt: skip
    assert output.dtype == half.compute_dtype
    assert_equal_forms([expected, (tf.cast(output, tf.float32), gradients)], tolerance=0.1)


def test_another_number_of_neighbourhoods_is_no_other_graph(make_spade, rng, monkeypatch):
    layer, x = make_spade(has_boundaries=False), rng.normal(size=(1, 16, 16, 5)).astype(np.float32)
    function = tf.function(lambda labels: layer(x, layout=Layout(labels, 4, by_neighbourhoods=True)), autograph=False)
    noise = rng.integers(0, 4, (1, 16, 16))
    for labels in (noise, np.zeros_like(noise), noise[:, ::4, ::4].repeat(4, 1).repeat(4, 2)):
        labels = tf.constant(labels, tf.int32)
        np.testing.assert_allclose(function(labels), layer(x, layout=Layout(labels, 4)), rtol=1e-4, atol=1e-4)
    assert function.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("value", [0.5, -1.0, 2.0])
def test_boundaries_that_are_neither_0_nor_1_are_read_cell_by_cell(value, make_spade, arguments, rng):
    layer, x = make_spade(), rng.normal(size=(2, 16, 16, 5)).astype(np.float32)
    labels, num_labels, boundaries = arguments
    boundaries[1, 3, 5] = value
    expected, actual = (layer(x, layout=Layout(labels, num_labels, boundaries, form)) for form in (False, True))
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_label_that_does_not_exist_is_refused_in_both_forms(wrong, make_spade, arguments, rng):
    layer, x = make_spade(), rng.normal(size=(2, 16, 16, 5)).astype(np.float32)
    labels, num_labels, boundaries = arguments
    labels[0, 2, 2] = wrong
    for form in (False, True):
        with pytest.raises(Exception, match="not in"):
            layer(x, layout=Layout(labels, num_labels, boundaries, form))


def test_without_leave_nothing_has_a_dynamic_shape(make_spade):
    layer = make_spade(has_boundaries=False)

    def operators(by_neighbourhoods):
        function = tf.function(
            lambda labels: layer(tf.zeros((1, 16, 16, 5)), layout=Layout(labels, 4, None, by_neighbourhoods)),
            autograph=False,
        )
        graph = function.get_concrete_function(tf.TensorSpec((1, 16, 16), tf.int32)).graph
        return {operation.type for operation in graph.get_operations()}

    assert operators(True) - operators(False) >= {"Unique", "If"} or "StatelessIf" in operators(True)
    assert not operators(False) & {"Unique", "If", "StatelessIf", "SparseSegmentSum"}
