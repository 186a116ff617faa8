import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.label_conv import LOOKUP_FROM_LABELS, LabelConv2D
from ecgan_tf.layers.layout import Layout

FORMS = ("dense", "lookup")


@pytest.fixture
def make_layout(rng):
    """Four label ids, 3 of them unknown, on an uneven size."""

    def make(has_boundaries):
        labels = rng.integers(0, 4, (2, 5, 6)).astype(np.int32)
        return Layout(labels, 4, rng.normal(size=(2, 5, 6, 1)).astype(np.float32) if has_boundaries else None)

    return make


@pytest.fixture
def make_layer(randomize):
    def make(form, **kwargs):
        layer = LabelConv2D(7, 4, form=form, **kwargs)
        layer.build()
        return randomize(layer)

    return make


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("has_boundaries", [False, True])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_both_forms_match_a_loop(form, has_boundaries, kernel_size, make_layer, make_layout, convolve_numpy):
    layer, layout = (
        make_layer(form, has_boundaries=has_boundaries, kernel_size=kernel_size),
        make_layout(has_boundaries),
    )
    x = np.eye(4)[layout.labels]
    if has_boundaries:
        x = np.concatenate([x, layout.boundaries], axis=-1)
    expected = convolve_numpy(x, layer.kernel, padding=kernel_size // 2) + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(layout=layout), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_a_layout_with_noise_has_the_code_of_its_class_at_every_pixel(
    form, padding, make_layer, make_layout, convolve_numpy, rng
):
    layer, layout = make_layer(form, has_boundaries=True, noise_filters=6, padding=padding), make_layout(True)
    layout = Layout(layout.labels, 4, layout.boundaries, noise=rng.normal(size=(2, 4, 6)).astype(np.float32))
    codes = np.stack([noise[labels] for noise, labels in zip(layout.noise, layout.labels)])
    x = np.concatenate([np.eye(4)[layout.labels], layout.boundaries, codes], axis=-1)
    x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect" if padding == "reflect" else "constant")
    expected = convolve_numpy(x, layer.kernel) + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(layout=layout), expected, rtol=1e-4, atol=1e-4)


def test_a_code_weighs_as_much_as_a_label_at_the_start():
    layer = LabelConv2D(256, 8, noise_filters=64, initializer="he")
    layer.build()
    kernel = np.array(layer.kernel.numpy())
    assert np.std(kernel[:, :, 8:]) == pytest.approx(np.std(kernel[:, :, :8]) / 8, rel=0.05)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("has_boundaries", [False, True])
def test_mirrored_borders_match_a_loop(form, has_boundaries, make_layer, make_layout, convolve_numpy):
    layer = make_layer(form, has_boundaries=has_boundaries, kernel_size=5, padding="reflect")
    layout = make_layout(has_boundaries)
    x = np.eye(4)[layout.labels]
    if has_boundaries:
        x = np.concatenate([x, layout.boundaries], axis=-1)
    x = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], mode="reflect")
    expected = convolve_numpy(x, layer.kernel) + np.asarray(layer.bias)
    np.testing.assert_allclose(layer(layout=layout), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("label", [0, 3])
@pytest.mark.parametrize("form", FORMS)
def test_outside_the_map_is_no_label(form, label, make_layer):
    layer = make_layer(form)
    corner = layer(layout=Layout(np.full((1, 5, 6), label, np.int32), 4))[0, 0, 0]
    expected = np.sum(layer.kernel[1:, 1:, label], axis=(0, 1)) + layer.bias
    np.testing.assert_allclose(corner, expected, rtol=1e-5)


@pytest.mark.parametrize("has_boundaries", [False, True])
def test_both_forms_have_the_same_gradients(has_boundaries, make_layer, make_layout, rng):
    layout, upstream = make_layout(has_boundaries), rng.normal(size=(2, 5, 6, 7)).astype(np.float32)
    gradients = {}
    for form in FORMS:
        layer = make_layer(form, has_boundaries=has_boundaries)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(layout=layout) * upstream)
        gradients[form] = tape.gradient(loss, [layer.kernel.value, layer.bias.value])
    for dense, lookup in zip(gradients["dense"], gradients["lookup"], strict=True):
        np.testing.assert_allclose(lookup, dense, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("num_labels", "is_dense"), [(LOOKUP_FROM_LABELS - 1, True), (LOOKUP_FROM_LABELS, False)])
def test_many_labels_are_looked_up(num_labels, is_dense):
    layer = LabelConv2D(2, num_labels)
    layer.build()
    function = tf.function(lambda labels: layer(layout=Layout(labels, num_labels)), autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec((1, 4, 4), tf.int32)).graph
    assert ("Conv2D" in {operation.type for operation in graph.get_operations()}) == is_dense


def test_a_layer_is_rebuilt_from_its_config():
    layer = LabelConv2D(7, 4, has_boundaries=True, kernel_size=5, form="lookup", initializer="he", padding="reflect",
                        name="start")  # fmt: skip
    config = LabelConv2D.from_config(layer.get_config()).get_config()
    assert config == layer.get_config()
    assert {
        "filters": 7,
        "num_labels": 4,
        "has_boundaries": True,
        "kernel_size": 5,
        "form": "lookup",
        "padding": "reflect",
    }.items() <= config.items()


@pytest.mark.parametrize("form", FORMS)
def test_mixed_precision_computes_in_half(form, make_layout):
    keras.config.set_dtype_policy("mixed_float16")
    layer = LabelConv2D(2, 4, has_boundaries=True, form=form)
    layer.build()
    assert layer(layout=make_layout(True)).dtype == "float16"
    assert layer.kernel.dtype == "float32"
