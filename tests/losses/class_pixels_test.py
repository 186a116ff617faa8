import numpy as np
import tensorflow as tf

from ecgan_tf.losses.class_pixels import class_pixel_loss

UNKNOWN = 4


def loop(image, generated, labels):
    losses = []
    for real, fake, ids in zip(image, generated, labels):
        of_class = []
        for label in range(UNKNOWN):
            shown = np.argwhere(ids == label)
            if len(shown):
                of_class.append(np.mean([np.abs(real[i, j] - fake[i, j]).mean() for i, j in shown]))
        losses.append(np.mean(of_class) if of_class else 0.0)
    return losses


def test_the_loss_matches_a_loop(rng):
    image, generated = rng.uniform(-1, 1, (2, 4, 6, 5, 3)).astype(np.float32)
    labels = rng.integers(0, 5, (4, 6, 5)).astype(np.int32)
    labels[1] = 2  # one class
    labels[2] = 0
    labels[2, 0, 0] = 3  # a class of one pixel
    labels[3] = UNKNOWN
    expected = loop(image, generated, labels)
    np.testing.assert_allclose(class_pixel_loss(image, generated, labels, 4), expected, rtol=1e-5)
    assert expected[3] == 0.0


def test_unknown_pixels_have_no_gradient(rng):
    image, generated = tf.constant(rng.uniform(-1, 1, (2, 2, 4, 4, 3)), tf.float32)
    labels = np.full((2, 4, 4), UNKNOWN, np.int32)
    labels[0, 0, 0] = 1
    with tf.GradientTape() as tape:
        tape.watch(generated)
        loss = class_pixel_loss(image, generated, labels, 4)
    gradient = tape.gradient(loss, generated).numpy()
    assert np.all(np.abs(gradient[0, 0, 0]) > 0)
    gradient[0, 0, 0] = 0
    np.testing.assert_array_equal(gradient, np.zeros(gradient.shape))
