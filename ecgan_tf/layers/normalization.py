"""The normalisations without learnt scale and offset, and the activation that goes with them."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments

LEAKY_SLOPE = 0.2


def leaky_relu(x):
    return ops.leaky_relu(x, LEAKY_SLOPE)


@keras.saving.register_keras_serializable("ecgan_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, whose training call is also to be had in two: statistics, then what they make of x.

    The two are of a layer without `center` and `scale`.
    """

    def statistics(self, x):
        """Mean and variance over batch, height and width of all replicas; moves the moving ones."""
        mean, variance = ops.moments(ops.cast(x, "float32"), axes=(0, 1, 2), synchronized=self.synchronized)
        for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
        return mean, variance

    def normalized(self, x, mean, variance):
        """(x - mean) / sqrt(variance + epsilon), of the layer's type."""
        x = ops.cast(x, "float32")
        return ops.cast(ops.batch_normalization(x, mean, variance, axis=-1, epsilon=self.epsilon), self.compute_dtype)


@keras.saving.register_keras_serializable("ecgan_tf")
class InstanceNormalization(FromArguments, keras.layers.Layer):
    """Mean 0 and variance 1 of every channel of every example (Ulyanov et al., 2016), without scale and offset.

    Keras' `GroupNormalization` with a group for each channel, without its five dimensions, which no GPU delegate takes.

    Args:
        epsilon: added to the variance.
    Call arguments:
        x: float (batch, height, width, channels).
    Returns:
        like x.
    """

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        x = ops.cast(x, "float32")
        centred = x - ops.mean(x, axis=(1, 2), keepdims=True)
        variance = ops.mean(ops.square(centred), axis=(1, 2), keepdims=True)
        return ops.cast(centred * ops.rsqrt(variance + self.epsilon), self.compute_dtype)


def make_normalization(kind, name=None):
    """The normalisation without learnt scale and offset that SPADE modulates: "batch" or "instance"."""
    if kind == "batch":  # PyTorch's momentum 0.1 is Keras' 0.9
        return BatchNormalization(center=False, scale=False, momentum=0.9, epsilon=1e-5, synchronized=True, name=name)
    return InstanceNormalization(name=name)
