"""The contrast compares no more places than the batch has pixels, and the loss is that of all places."""

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.contrastive import only_valid, pixel_contrastive_loss, sample_pixels


@pytest.mark.parametrize(("classes", "per_class", "pixels"), [(60, 32, 128), (3, 5, 64), (2, 40, 16)])
def test_the_loss_of_the_valid_pixels_is_the_loss_of_all_places(classes, per_class, pixels, rng):
    labels = tf.constant(rng.integers(0, min(classes, 6), pixels), tf.int32)
    embedded = tf.math.l2_normalize(tf.constant(rng.normal(size=(pixels, 5)), tf.float32), axis=-1)
    indices, sampled, valid = sample_pixels(labels, classes, per_class, (0, 1))

    def loss_of(embedded, most):
        places = (tf.gather(embedded, indices), sampled, valid)
        kept = only_valid(places, most, few=0) if most else places
        assert not most or kept[1].shape[0] == min(most, len(indices))
        return pixel_contrastive_loss(*kept)

    with tf.GradientTape(persistent=True) as tape:
        tape.watch(embedded)
        whole, short = loss_of(embedded, None), loss_of(embedded, pixels)
    np.testing.assert_allclose(short, whole, rtol=1e-5)
    gradients = [tf.convert_to_tensor(tape.gradient(loss, embedded)) for loss in (short, whole)]
    np.testing.assert_allclose(*gradients, atol=1e-6)


def test_places_that_fit_stay_as_they_are(rng):
    places = tuple(tf.constant(x) for x in (rng.normal(size=(4, 2)), [0, 0, 1, 1], [True, False, True, True]))
    assert only_valid(places, 4, few=0) is places
    assert only_valid(places, 2) is places  # so few that nothing is gained
