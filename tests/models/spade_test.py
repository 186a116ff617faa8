import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.convert import torch_names
from ecgan_tf.errors import RequestError
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


def test_noise_changes_nothing_but_what_its_strengths_add():
    plain, noisy = make(normalization="instance"), make(normalization="instance", noise="fixed")
    values = variables(plain)
    for variable in noisy.variables:
        if variable.path in values:
            variable.assign(values[variable.path])
    strengths = [variable for variable in noisy.variables if variable.path.endswith("strengths")]
    with_noise = noisy(BACKGROUND)["image"].numpy()
    np.testing.assert_array_equal(noisy(BACKGROUND)["image"], with_noise)
    assert np.abs(with_noise - plain(BACKGROUND)["image"]).mean() > 0.01
    for variable in strengths:
        variable.assign(0 * variable)
    np.testing.assert_allclose(noisy(BACKGROUND)["image"], plain(BACKGROUND)["image"], atol=1e-5)


def test_there_is_noise_before_every_block_and_after_the_last_and_all_of_it_learns():
    generator = make(noise="fixed")
    maps = [tuple(variable.shape) for variable in generator.variables if variable.path.endswith("map")]
    assert maps == [(1, 64, 64, 1)] * 8  # whatever the size of the picture
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


def test_the_releases_have_no_names_for_noise():
    with pytest.raises(RequestError, match="noise_head_0"):
        torch_names(make(noise="fixed"))
