"""The normalisations without learnt scale and offset, and the activation that goes with them."""

import keras
from keras import ops

LEAKY_SLOPE = 0.2


def leaky_relu(x):
    return ops.leaky_relu(x, LEAKY_SLOPE)


def make_normalization(kind, name=None):
    """The normalisation without learnt scale and offset that SPADE modulates: "batch" or "instance"."""
    if kind == "batch":  # PyTorch's momentum 0.1 is Keras' 0.9
        return keras.layers.BatchNormalization(
            center=False, scale=False, momentum=0.9, epsilon=1e-5, synchronized=True, name=name
        )
    return keras.layers.GroupNormalization(groups=-1, center=False, scale=False, epsilon=1e-5, name=name)
