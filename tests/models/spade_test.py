import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.upsampling import upsample_nearest
from ecgan_tf.models import make_generator
from ecgan_tf.models.spade import ENLARGING

ARGUMENTS = {
    "num_classes": 3, "image_size": (64, 64), "base_filters": 2, "spade_hidden_filters": 4, "initializer": "he"
}  # fmt: skip
BACKGROUND = {"labels": tf.zeros((1, 64, 64), tf.int32)}


def make(**kwargs):
    keras.utils.set_random_seed(0)
    return make_generator("spade", **ARGUMENTS, **kwargs)


def variables(generator):
    return {variable.path: variable.numpy() for variable in generator.variables}


def test_without_noise_the_variables_and_their_values_are_the_published_ones():
    plain, bilinear = variables(make()), variables(make(enlarging="bilinear"))
    assert not [path for path in plain if "noise" in path]
    assert list(plain) == list(bilinear)
    for path in plain:
        np.testing.assert_array_equal(plain[path], bilinear[path])


def test_noise_tells_the_pixels_of_a_region_apart_and_always_in_the_same_way():
    def middle(generator):
        generator(BACKGROUND, training=True)
        features = generator(BACKGROUND, training=True)["features"].numpy()[0]
        return features[24:40, 24:40] / features.std()

    assert middle(make()).std(axis=(0, 1)).max() < 1e-3
    assert middle(make(noise="fixed")).std(axis=(0, 1)).min() > 0.05
    np.testing.assert_array_equal(middle(make(noise="fixed")), middle(make(noise="fixed")))


def test_there_is_noise_before_every_block_and_after_the_last_and_all_of_it_learns():
    generator = make(noise="fixed")
    maps = [variable.shape[1:3] for variable in generator.variables if variable.path.endswith("map")]
    assert maps == [(2, 2), (4, 4), (4, 4), (8, 8), (16, 16), (32, 32), (64, 64), (64, 64)]
    strengths = [v for v in generator.trainable_variables if v.path.endswith("strengths")]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(generator(BACKGROUND, training=True)["image"]))
    gradients = tape.gradient(loss, [variable.value for variable in strengths])
    assert len(gradients) == 8 and all(np.any(gradient) for gradient in gradients)


@pytest.mark.parametrize("enlarging", ["nearest", "bilinear"])
def test_the_trunk_enlarges_as_it_is_told(enlarging, monkeypatch):
    seen = []
    monkeypatch.setitem(ENLARGING, enlarging, lambda x: seen.append(x.shape[1]) or upsample_nearest(x))
    make(enlarging=enlarging)(BACKGROUND)
    assert seen == [2, 4, 8, 16, 32]
