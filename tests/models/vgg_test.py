import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.losses.features import VGG_WEIGHTS
from ecgan_tf.models import vgg
from ecgan_tf.models.vgg import make_vgg_features, prepare_caffe, prepare_torchvision


def test_images_become_bgr_without_the_imagenet_mean():
    image = np.float32([[[[-1, 0, 1], [1, 1, 1]]]])
    expected = [[[[255 - 103.939, 127.5 - 116.779, -123.68], [255 - 103.939, 255 - 116.779, 255 - 123.68]]]]
    np.testing.assert_allclose(prepare_caffe(image), expected, rtol=1e-5)


def test_images_become_rgb_of_imagenets_mean_and_deviation():
    image = np.float32([[[[-1, 0, 1]]]])
    expected = [[[[-0.485 / 0.229, (0.5 - 0.456) / 0.224, (1 - 0.406) / 0.225]]]]
    np.testing.assert_allclose(prepare_torchvision(image), expected, rtol=1e-5)


def test_a_missing_file_is_named():
    with pytest.raises(RequestError, match="config.loss.vgg_weights: no file 'nowhere.h5'.* config.loss.perceptual=0"):
        make_vgg_features("nowhere.h5")


def test_a_file_of_something_else_is_named(tmp_path):
    path = tmp_path / "vgg.weights.h5"
    path.write_text("not HDF5")
    with pytest.raises(RequestError, match=f"{path}: not VGG-19 weights .*notop.h5"):
        make_vgg_features(str(path))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.applications.VGG19(include_top=False, weights=None)


@pytest.fixture(scope="module")
def file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg.weights.h5"
    network.save_weights(path)
    return str(path)


@pytest.fixture
def image(rng):
    return tf.constant(rng.uniform(-1, 1, (1, 32, 32, 3)), tf.float32)


def after_first_relus(network, x):
    expected = []
    for layer in network.layers[1:]:
        x = layer(x)
        if layer.name.endswith("conv1"):
            expected.append(x)
    return expected


def test_features_are_those_after_the_first_relu_of_each_block(network, file, image):
    features = make_vgg_features(file)
    assert features.name == f"VGG-19 ({file})" and features.weights == VGG_WEIGHTS and features.judges_edges
    with tf.GradientTape() as tape:
        tape.watch(image)
        found = features(image)
        total = tf.add_n([tf.reduce_sum(x) for x in found])
    assert [x.shape[1:] for x in found] == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (2, 2, 512)]
    for feature, value in zip(found, after_first_relus(network, prepare_caffe(image)), strict=True):
        np.testing.assert_allclose(feature, value, rtol=1e-4, atol=1e-4)
    assert np.any(tape.gradient(total, image))


def test_torchvisions_weights_are_fed_as_torchvision_does(network, image, monkeypatch, tmp_path):
    arrays, number = {}, 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2D):
            arrays[f"features.{number}.weight"] = layer.kernel.numpy().transpose(3, 2, 0, 1)
            arrays[f"features.{number}.bias"] = layer.bias.numpy()
            number += 2
        elif isinstance(layer, keras.layers.MaxPooling2D):
            number += 1
    assert "features.28.weight" in arrays and "features.34.bias" in arrays  # conv5_1 and conv5_4 of torchvision
    arrays["classifier.0.bias"] = np.zeros(4096)
    monkeypatch.setattr(vgg, "read_torch_arrays", lambda path: arrays)
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    path.write_bytes(b"")
    found = make_vgg_features(str(path))(image)
    for feature, value in zip(found, after_first_relus(network, prepare_torchvision(image)), strict=True):
        np.testing.assert_allclose(feature, value, rtol=1e-4, atol=1e-4)
    arrays["features.first.weight"] = np.zeros(3)  # of somebody else's module: no number
    make_vgg_features(str(path))
    del arrays["features.28.bias"]
    with pytest.raises(RequestError, match="vgg19-dcbb9e9d.pth: not the 16 convolutions of torchvision's vgg19"):
        make_vgg_features(str(path))


def test_a_mixed_policy_does_not_reach_it(file, image):
    """A policy given to the outer model alone left its layers in half precision."""

    def features_and_gradient():
        features = make_vgg_features(file)
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = features(image)
            total = tf.add_n([tf.reduce_mean(x) for x in found])
        return [x.numpy() for x in found], tape.gradient(total, image).numpy()

    expected, gradient = features_and_gradient()
    keras.config.set_dtype_policy("mixed_float16")
    found, mixed_gradient = features_and_gradient()
    for feature, value in zip(found, expected, strict=True):
        assert feature.dtype == np.float32
        np.testing.assert_allclose(feature, value, rtol=1e-5, atol=1e-5 * value.max())
    np.testing.assert_allclose(mixed_gradient, gradient, rtol=1e-5, atol=1e-5 * np.abs(gradient).max())
