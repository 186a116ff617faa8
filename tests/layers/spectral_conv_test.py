import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.convolution import convolve
from ecgan_tf.layers.spectral_conv import SpectralConv2D


@pytest.fixture
def layer(randomize):
    layer = SpectralConv2D(5, 3, padding=1)
    layer.build((None, 8, 8, 4))
    return randomize(layer)


@pytest.fixture
def x(rng):
    return rng.normal(size=(2, 8, 8, 4)).astype(np.float32)


def matrix_of(layer):
    return np.asarray(layer.kernel, np.float64).reshape(-1, layer.filters)


def test_training_calls_are_power_iterations(layer, x, convolve_numpy):
    matrix, u = matrix_of(layer), np.asarray(layer.u, np.float64)
    for _ in range(3):
        v = matrix @ u / np.linalg.norm(matrix @ u)
        u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
        y = layer(x, training=True)
        np.testing.assert_allclose(layer.v, v, atol=1e-5)
        np.testing.assert_allclose(layer.u, u, atol=1e-5)
        expected = convolve_numpy(x, layer.kernel / (v @ matrix @ u), padding=1) + np.asarray(layer.bias)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


def test_inference_uses_the_stored_vectors_and_keeps_them(layer, x, convolve_numpy, snapshot):
    layer(x, training=True)
    u, v = snapshot([layer.u, layer.v])
    y = layer(x, training=False)
    np.testing.assert_array_equal(layer.u, u)
    np.testing.assert_array_equal(layer.v, v)
    expected = convolve_numpy(x, layer.kernel / (v @ matrix_of(layer) @ u), padding=1) + np.asarray(layer.bias)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("size", [2, 8])
def test_few_outputs_are_divided_in_place_of_the_kernel(layer, size, rng):
    x = tf.constant(rng.normal(size=(1, size, size, 4)), tf.float32)
    results = []
    for call in (
        lambda x: layer(x, training=True),
        lambda x: convolve(x, layer.normalized_kernel(), 1, 1) + layer.bias,
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = call(x)
            loss = tf.reduce_sum(tf.sin(3.0 * y))
        results.append([y, *tape.gradient(loss, [x, layer.kernel.value, layer.bias.value])])
    assert layer._divides_outputs(x.shape) is (size == 2)
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * np.abs(other).max())


def test_the_largest_singular_value_becomes_one(layer):
    for _ in range(100):
        kernel = layer.normalized_kernel(training=True)
    singular_values = np.linalg.svd(np.reshape(kernel, (-1, 5)), compute_uv=False)
    assert singular_values[0] == pytest.approx(1, abs=1e-5)


def test_a_forward_pass_leaves_the_raw_kernel(layer, x, snapshot):
    before = snapshot([layer.kernel])
    layer(x, training=True)
    np.testing.assert_array_equal(layer.kernel, before[0])


def test_the_vectors_are_not_trained(layer):
    assert [variable.path.split("/")[-1] for variable in layer.trainable_variables] == ["kernel", "bias"]
    assert [variable.path.split("/")[-1] for variable in layer.non_trainable_variables] == ["u", "v"]


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_flows_through_sigma_with_u_and_v_held(layer, training, rng):
    # For y = sum(G * W) / sigma and sigma = v'Wu: dy/dW = G / sigma - sum(G * W) / sigma^2 * v u'.
    layer.normalized_kernel(training=True)
    upstream = rng.normal(size=(36, 5))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.reshape(layer.normalized_kernel(training), (-1, 5)) * upstream.astype(np.float32))
    gradient = np.reshape(tape.gradient(y, layer.kernel.value), (-1, 5))
    matrix, u, v = matrix_of(layer), np.asarray(layer.u, np.float64), np.asarray(layer.v, np.float64)
    sigma = v @ matrix @ u
    expected = upstream / sigma - np.sum(upstream * matrix) / sigma**2 * np.outer(v, u)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kernel_size", "strides", "padding"), [(1, 1, 0), (3, 1, 1), (3, 2, 1), (4, 2, 2), (4, 1, 2)])
@pytest.mark.parametrize("size", [(7, 8), (8, 9)])
def test_padding_is_even_on_all_sides(kernel_size, strides, padding, size, rng, convolve_numpy):
    x, kernel = rng.normal(size=(2, *size, 3)), rng.normal(size=(kernel_size, kernel_size, 3, 2))
    y = convolve(x.astype(np.float32), kernel.astype(np.float32), strides, padding)
    np.testing.assert_allclose(y, convolve_numpy(x, kernel, strides, padding), atol=1e-4)
    layer = SpectralConv2D(2, kernel_size, strides, padding)
    assert layer.compute_output_shape((2, *size, 3)) == y.shape


def test_without_bias(x):
    layer = SpectralConv2D(5, 1, use_bias=False)
    layer.build(x.shape)
    assert len(layer.trainable_variables) == 1
    np.testing.assert_array_equal(layer(0 * x, training=True), np.zeros((2, 8, 8, 5)))


def test_mixed_precision_normalises_in_float32(x):
    keras.config.set_dtype_policy("mixed_float16")
    layer = SpectralConv2D(5, 3, padding=1)
    layer.build(x.shape)
    assert layer.normalized_kernel(training=True).dtype == "float32"
    assert layer(x, training=True).dtype == "float16"


def test_a_layer_is_rebuilt_from_its_config():
    layer = SpectralConv2D(5, 4, strides=2, padding=2, use_bias=False, initializer="he", name="conv_0")
    config = SpectralConv2D.from_config(layer.get_config()).get_config()
    assert config == layer.get_config()
    assert {"filters": 5, "kernel_size": 4, "strides": 2, "padding": 2, "use_bias": False}.items() <= config.items()
