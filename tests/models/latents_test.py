"""Generators with random inputs: the VAE's z of SPADE's release, and the 3-D noise of OASIS."""

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.latents import draw_latents, latent_shapes, resample
from ecgan_tf.layers.latent_start import LatentStart
from ecgan_tf.models import make_generator
from ecgan_tf.models.image_encoder import ImageEncoder

TINY = {
    "num_classes": 3, "image_size": (64, 32), "base_filters": 4, "spade_hidden_filters": 8, "initializer": "he",
}  # fmt: skip


@pytest.fixture
def labels(rng):
    return rng.integers(0, 3, (2, 16, 8)).repeat(4, 1).repeat(4, 2).astype(np.int32)


@pytest.fixture
def make(labels, settled):
    """A generator whose random inputs are these, and what it takes."""

    def make(name, **random):
        heads = {"head_initializer": "he"} if name == "ecgan" else {}
        generator = make_generator(name, **TINY, **heads, **random)
        inputs = {"labels": labels, **draw_latents(latent_shapes({**TINY, **random}), 0, range(len(labels)))}
        settled(generator, {key: np.concatenate([value] * 4) for key, value in inputs.items()})
        return generator, inputs

    return make


def test_the_start_is_a_dense_layer_whose_outputs_are_a_map(rng):
    layer = LatentStart(5, (2, 3), "he")
    layer.build((None, 7))
    layer.bias.assign(rng.normal(size=layer.bias.shape))
    z = rng.normal(size=(4, 7)).astype(np.float32)
    expected = np.einsum("bi,ihwc->bhwc", z, layer.kernel) + layer.bias
    np.testing.assert_allclose(layer(z), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["spade", "ecgan"])
@pytest.mark.parametrize("random", [{"use_vae": True}, {"noise": "classes"}])
def test_two_codes_give_two_pictures_and_one_code_gives_one(name, random, make):
    generator, inputs = make(name, **random)
    (key,) = latent_shapes({**TINY, **random})
    picture = generator(inputs)["image"]
    np.testing.assert_array_equal(generator(inputs)["image"], picture)
    other = generator({**inputs, key: inputs[key][::-1]})["image"]
    assert np.mean(np.abs(other - picture)) > 1e-3


@pytest.mark.parametrize("name", ["spade", "ecgan"])
def test_the_code_of_a_class_is_read_where_the_class_is(name, labels, make):
    generator, inputs = make(name, noise="classes")
    inputs["labels"] = np.stack([labels[0], np.where(labels[1] == 1, 0, labels[1])])  # the second without class 1
    other = resample(inputs, 9, 0, [1])
    picture, changed = generator(inputs)["image"], generator(other)["image"]
    assert np.mean(np.abs(changed[0] - picture[0])) > 1e-3
    np.testing.assert_array_equal(changed[1], picture[1])


def test_noise_is_read_by_cells_however_layouts_are_read(make):
    generator, inputs = make("spade", noise="classes")
    expected = generator(inputs)["image"]
    generator.by_neighbourhoods = True
    np.testing.assert_array_equal(generator(inputs)["image"], expected)


def test_the_encoder_has_the_size_of_the_release():
    encoder = ImageEncoder((256, 256))
    encoder.build()
    assert [convolution.filters for convolution in encoder.convolutions] == [64, 128, 256, 512, 512, 512]
    # 3x3 convolutions without bias, and two dense layers from 512 4x4 maps.
    widths = (3, 64, 128, 256, 512, 512, 512)
    expected = sum(9 * a * b for a, b in zip(widths, widths[1:])) + 2 * (512 * 16 * 256 + 256)
    assert sum(np.prod(variable.shape) for variable in encoder.trainable_variables) == expected


@pytest.mark.parametrize(("size", "side"), [((32, 64), 32), ((96, 128), 64), ((256, 512), 256), ((512, 512), 256)])
def test_the_encoder_takes_photographs_of_any_size(size, side, rng):
    encoder = ImageEncoder(size, base_filters=2, initializer="he")
    encoder.build()
    mean, log_variance = encoder(tf.constant(rng.uniform(-1, 1, (2, *size, 3)), tf.float32))
    assert encoder.side == side and mean.shape == log_variance.shape == (2, 256)
    assert mean.dtype == tf.float32 and np.std(mean) > 0
