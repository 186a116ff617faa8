import keras
import numpy as np
import tensorflow as tf

from ecgan_tf.layers.noise import FixedNoise


def make(seed=0, **kwargs):
    keras.utils.set_random_seed(seed)
    layer = FixedNoise(**kwargs)
    layer.build((None, 6, 5, 4))
    return layer


def test_the_same_map_is_added_with_a_strength_per_channel(rng):
    layer, x = make(strength=0.5), rng.normal(size=(2, 6, 5, 4)).astype(np.float32)
    layer.strengths.assign([0.0, 1.0, -2.0, 0.5])
    expected = x + np.array([0.0, 1.0, -2.0, 0.5]) * layer.map.numpy()[:, :6, :5]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(layer(x), layer(x))


def test_every_channel_starts_with_the_strength():
    np.testing.assert_array_equal(make(strength=0.5).strengths, np.full(4, 0.5))


def test_the_map_comes_from_the_seed_and_is_not_trained():
    layer = make(3)
    assert [v.name for v in layer.trainable_variables] == ["strengths"]
    np.testing.assert_array_equal(layer.map, make(3).map)
    assert np.any(layer.map.numpy() != make(4).map.numpy())


def test_larger_features_repeat_the_map():
    found = make()(tf.zeros((1, 70, 140, 4))).numpy()[0, :, :, 0]
    assert len(np.unique(found)) == 64 * 64
    np.testing.assert_array_equal(found[:6], found[64:])
    np.testing.assert_array_equal(found[:, :12], found[:, 128:])


def test_pixels_of_one_region_differ():
    assert len(np.unique(make()(tf.zeros((1, 6, 5, 4))).numpy()[0, :, :, 0])) == 30
