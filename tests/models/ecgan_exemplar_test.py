"""Exemplar guidance as an option of ECGAN."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.exemplar_encoder import StyleCode
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.models import make_generator

TINY = {"num_classes": 3, "image_size": (32, 64), "base_filters": 2, "spade_hidden_filters": 3,
        "initializer": "he", "head_initializer": "he"}  # fmt: skip


def make(**switches):
    keras.utils.set_random_seed(0)
    generator = make_generator("ecgan", **{**TINY, **switches})
    for layer in generator._flatten_layers():
        if isinstance(layer, SpectralConv2D):
            for _ in range(3):
                layer.normalized_kernel(training=True)
    return generator


@pytest.fixture(scope="module")
def guided():
    return make(use_exemplar=True)


@pytest.fixture
def inputs(rng):
    return {
        "labels": rng.integers(0, 3, (2, 32, 64)).astype(np.int32),
        "exemplar": rng.uniform(-1, 1, (2, 32, 64, 3)).astype(np.float32),
    }


def test_without_it_nothing_of_it_is_there():
    plain = make()
    assert sorted(plain.input_specs) == ["labels"]
    assert not [v.path for v in plain.variables if "style" in v.path]


def test_the_exemplar_is_an_input_and_shows(guided, inputs):
    assert sorted(guided.input_specs) == ["exemplar", "labels"]
    image = guided(inputs)["image"]
    other = guided({**inputs, "exemplar": -inputs["exemplar"]})["image"]
    assert np.abs(image - other).max() > 1e-3


def test_a_style_of_zeros_synthesises_as_the_plain_generator_does(guided, inputs):
    plain = make()
    for variable, source in zip(
        plain.variables, [v for v in guided.variables if "style_code" not in v.path], strict=True
    ):
        variable.assign(source)
    zeros = {"global_code": np.zeros((2, 32), np.float32)}
    np.testing.assert_array_equal(guided.synthesise(inputs, zeros)["image"], plain(inputs)["image"])


def test_the_style_starts_alive(inputs):
    """At the release's initialisation, too, whose gain of 0.02 would leave nothing of an exemplar after six layers."""
    generator = make(use_exemplar=True, initializer="xavier_0.02", base_filters=8)
    layout, (first, second) = generator.layout(inputs), inputs["exemplar"]
    codes = [generator.encode_exemplar(exemplar[None])["global_code"] for exemplar in (first, 0.3 * second + 0.5)]
    start = generator.encoder.start(layout=layout.at(*generator.encoder.start_size))
    assert np.std(codes, axis=0).mean() > np.std(start, axis=(0, 1, 2)).mean()


def test_styles_mix(guided, inputs):
    a, b = (guided.encode_exemplar(sign * inputs["exemplar"]) for sign in (1, -1))
    half = {"global_code": 0.5 * (a["global_code"] + b["global_code"])}
    mixed = guided.synthesise(inputs, [(a, 0.5), (b, 0.5)])["image"]
    np.testing.assert_allclose(mixed, guided.synthesise(inputs, half)["image"], atol=1e-5)
    everywhere = np.ones((2, 32, 64, 1), np.float32)
    in_space = guided.synthesise(inputs, [(a, 0.5 * everywhere), (b, 0.5 * everywhere)])["image"]
    np.testing.assert_allclose(in_space, mixed, atol=1e-5)


def test_every_variable_of_the_style_learns(guided, inputs):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(guided(inputs)["image"] ** 2)
    variables = guided.style_code.trainable_variables
    assert len(variables) == 14  # five convolutions, the coarsest 1x1, the dense layer
    assert all(np.any(g) for g in tape.gradient(loss, [v.value for v in variables]))


def test_the_code_is_a_dense_layer_of_the_mean_of_the_coarsest_features(rng):
    code = StyleCode(2, 5, "he")
    code.build((None, 32, 32, 3))
    image = rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    features = code.encoder(image)
    assert len(features) == 1 and features[0].shape == (2, 2, 2, 8)
    kernel, bias = (variable.numpy() for variable in code.to_code.weights)
    np.testing.assert_allclose(code(image), np.mean(features[0], (1, 2)) @ kernel + bias, rtol=1e-4, atol=1e-5)
