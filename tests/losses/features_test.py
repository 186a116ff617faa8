import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.features import feature_matching_loss, perceptual_loss


def features(rng, layers):
    return [rng.normal(size=(3, 9 - layer, 9 - layer, 2)).astype(np.float32) for layer in range(layers)]


def distance(x, y):
    return np.abs(x - y).mean((1, 2, 3))


def test_feature_matching_sums_layers_and_averages_scales(rng):
    real, fake = ([features(rng, 4) for _ in range(2)] for _ in range(2))
    expected = sum(distance(real[s][j], fake[s][j]) for s in range(2) for j in range(4)) / 2
    np.testing.assert_allclose(feature_matching_loss(real, fake), expected, rtol=1e-5)


def test_the_perceptual_loss_weighs_deep_layers_more(rng):
    real, fake = features(rng, 5), features(rng, 5)
    weights = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1]
    expected = sum(weight * distance(x, y) for weight, x, y in zip(weights, real, fake))
    np.testing.assert_allclose(perceptual_loss(real, fake), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", [feature_matching_loss, perceptual_loss])
def test_only_the_fake_features_get_a_gradient(loss, rng):
    real, fake = tf.constant(features(rng, 1)[0]), tf.constant(features(rng, 1)[0])
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        nested = ([[real]], [[fake]]) if loss is feature_matching_loss else ([real], [fake])
        total = tf.reduce_sum(loss(*nested))
    of_real, of_fake = tape.gradient(total, [real, fake])
    assert of_real is None
    assert np.all(of_fake)
