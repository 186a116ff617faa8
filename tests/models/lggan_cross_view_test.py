import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.layout import Layout
from ecgan_tf.models import make_discriminator, make_generator
from ecgan_tf.models.lggan import SharedEncoder
from ecgan_tf.models.lggan_cross_view import CrossViewGenerator

TINY = {"num_classes": 3, "image_size": (32, 32), "has_unknown": True, "base_filters": 4, "initializer": "he",
        "num_residual_blocks": 1, "local_kernel_size": 3, "local_groups": (0, 1, 1, -1)}  # fmt: skip


@pytest.fixture(scope="module")
def batch(toy_batch):
    batch = {key: value[:2] for key, value in toy_batch(3).items() if key in ("labels", "image")}
    source = np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 3))
    return {**batch, "source": tf.constant(source, tf.float32)}


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(0)
    generator = make_generator("lggan_cross_view", **TINY)
    generator.to_weights.kernel.assign(np.random.default_rng(0).normal(0, 1, generator.to_weights.kernel.shape))
    return generator


@pytest.fixture(scope="module")
def outputs(generator, batch):
    return {key: value.numpy() for key, value in generator(batch).items()}


def test_outputs(outputs):
    images = ("image", "global_image", "local_image", "class_image")
    expected = dict.fromkeys(images, (2, 32, 32, 3))
    expected |= {"global_weight": (2, 32, 32, 1), "local_weight": (2, 32, 32, 1), "local_features": (2, 32, 32, 4)}
    assert {key: value.shape for key, value in outputs.items()} == expected
    assert all(value.std() > 0.01 for value in outputs.values())
    mixed = outputs["global_weight"] * outputs["global_image"] + outputs["local_weight"] * outputs["local_image"]
    np.testing.assert_allclose(outputs["image"], mixed, atol=1e-6)
    np.testing.assert_allclose(outputs["global_weight"], 1 - outputs["local_weight"], atol=1e-6)
    np.testing.assert_array_equal(outputs["local_image"], outputs["class_image"])  # fusion by sum


def test_the_other_view_is_seen(generator, outputs, batch):
    other = generator({**batch, "source": -batch["source"]})
    for key in ("global_image", "local_image", "local_weight"):
        assert np.abs(other[key] - outputs[key]).max() > 1e-3, key


def test_the_encoder_starts_with_a_convolution_over_layout_and_photograph(batch, randomize, convolve_numpy):
    encoder = SharedEncoder(2, 4, has_global=False, has_source=True)
    encoder.build()
    randomize(encoder)
    x = np.concatenate([np.eye(4)[batch["labels"]], batch["source"]], axis=-1)
    x = np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect")
    x = convolve_numpy(x, np.concatenate([encoder.start.kernel, encoder.start_source.kernel], axis=2))
    for convolution in (None, *encoder.convolutions):
        if convolution:
            x = convolve_numpy(x, convolution.kernel, 2, 1)  # the normalisation takes every bias away
        x = np.maximum((x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5), 0)
    features, coarse = encoder(layout=Layout(batch["labels"], 4), source=batch["source"])
    assert coarse is None
    np.testing.assert_allclose(features, x, atol=1e-2)


def test_every_variable_learns(generator, batch):
    rng = np.random.default_rng(0)
    with tf.GradientTape() as tape:
        outputs = generator(batch, training=True)
        total = tf.add_n([tf.reduce_sum(value * rng.normal(size=value.shape)) for value in outputs.values()])
    gradients = tape.gradient(total, [variable.value for variable in generator.trainable_variables])
    silent = [v.path for v, g in zip(generator.trainable_variables, gradients) if g is None or not np.any(g)]
    of_normalised = ("start/bias", "start_source/bias", "convolution/bias", "conv_0/bias", "conv_1/bias")
    assert not [path for path in silent if not path.endswith(of_normalised)]


def test_a_saved_generator_gives_the_same_image(generator, outputs, batch, tmp_path):
    generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    assert isinstance(loaded, CrossViewGenerator)
    np.testing.assert_array_equal(loaded(batch)["image"], outputs["image"])


def test_a_size_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match=r"image_size \(32, 30\) must be a multiple of 4"):
        make_generator("lggan_cross_view", **{**TINY, "image_size": (32, 30)})


# --- the discriminators ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("condition", ["labels", "source"])
def test_a_pair_discriminator_matches_numpy(condition, batch, randomize, convolve_numpy, rng):
    discriminator = make_discriminator("pair", num_classes=3, has_unknown=True, condition=condition, base_filters=2)
    randomize(discriminator, scale=0.2)
    images = rng.uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    given = np.eye(4)[batch["labels"]] if condition == "labels" else batch["source"].numpy()
    x = np.concatenate([np.concatenate([given] * 2), images], axis=-1)
    ((features, logits),) = discriminator(batch, images, training=True)
    for layer, (convolution, stride) in enumerate(zip(discriminator.convolutions, (2, 2, 2, 1))):
        x = convolve_numpy(x, convolution.kernel, stride, 1) + np.asarray(convolution.bias)
        if layer:
            x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
        x = np.where(x > 0, x, 0.2 * x)
        np.testing.assert_allclose(features[layer], x, atol=1e-2)
    x = convolve_numpy(x, discriminator.to_logits.kernel, 1, 1) + np.asarray(discriminator.to_logits.bias)
    np.testing.assert_allclose(logits, x, atol=1e-2)


def test_a_patch_sees_70_pixels():
    discriminator = make_discriminator("pair", num_classes=2, base_filters=2)
    size, step = 1, 1
    for convolution in (discriminator.to_logits, *reversed(discriminator.convolutions)):
        size, step = (size - 1) * convolution.strides + 4, step * convolution.strides
    assert (size, step) == (70, 8)
