import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.models.vgg import make_vgg_features, normalize_for_vgg


def test_images_become_bgr_without_the_imagenet_mean():
    image = np.float32([[[[-1, 0, 1], [1, 1, 1]]]])
    expected = [[[[255 - 103.939, 127.5 - 116.779, -123.68], [255 - 103.939, 255 - 116.779, 255 - 123.68]]]]
    np.testing.assert_allclose(normalize_for_vgg(image), expected, rtol=1e-5)


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


def test_features_are_those_after_the_first_relu_of_each_block(network, tmp_path, rng):
    network.save_weights(tmp_path / "vgg.weights.h5")
    features = make_vgg_features(str(tmp_path / "vgg.weights.h5"))
    image = tf.constant(rng.uniform(-1, 1, (1, 32, 32, 3)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        found = features(image)
        total = tf.add_n([tf.reduce_sum(x) for x in found])
    assert [x.shape[1:] for x in found] == [(32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (2, 2, 512)]
    x, expected = normalize_for_vgg(image), []
    for layer in network.layers[1:]:
        x = layer(x)
        if layer.name.endswith("conv1"):
            expected.append(x)
    for feature, value in zip(found, expected, strict=True):
        np.testing.assert_allclose(feature, value, rtol=1e-4, atol=1e-4)
    assert np.any(tape.gradient(total, image))
