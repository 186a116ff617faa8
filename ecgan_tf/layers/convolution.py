"""Convolutions that count their padding as PyTorch does, plain and transposed."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer


def convolve(x, kernel, strides=1, padding=0):
    """Convolution with `padding` cells of zeros on every side, as PyTorch counts it: never Keras' uneven "same"."""
    if strides == 1 and 2 * padding + 1 == kernel.shape[0]:
        return ops.conv(x, kernel, padding="same")
    if padding:
        x = ops.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    return ops.conv(x, kernel, strides=strides, padding="valid")


def pad_reflect(x, cells):
    """Mirrors `cells` rows and columns at every edge, without repeating the edge itself.

    Args:
        x: (batch, height, width, ...), height and width above `cells`.
    """
    need_cells(x, cells)
    rest = [(0, 0)] * (len(x.shape) - 3)
    return ops.pad(x, [(0, 0), (cells, cells), (cells, cells), *rest], mode="reflect")


def need_cells(x, cells):
    """A ValueError where height or width of a map are too small to mirror this many cells."""
    if min(x.shape[1:3]) <= cells:
        raise ValueError(
            f"cannot mirror {cells} cells of a map of {x.shape[1]}x{x.shape[2]}; give a larger image_size."
        )


@keras.saving.register_keras_serializable("ecgan_tf")
class PaddedConv2D(FromArguments, keras.layers.Layer):
    """Convolution with bias and `padding` cells on every side, zeros or mirrored ones.

    Args:
        filters, kernel_size, strides: as in `keras.layers.Conv2D`.
        padding: cells on every side.
        mode: "zeros" or "reflect".
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, in_filters).
    """

    def __init__(
        self, filters, kernel_size, strides=1, padding=0, mode="zeros", initializer="xavier_0.02", **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.mode = mode
        self.initializer = initializer

    def build(self, x_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, x_shape[-1], self.filters),
            initializer=make_initializer(self.initializer),
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, x):
        if self.mode == "reflect":
            return convolve(pad_reflect(x, self.padding), self.kernel, self.strides) + self.bias
        return convolve(x, self.kernel, self.strides, self.padding) + self.bias


@keras.saving.register_keras_serializable("ecgan_tf")
class TransposedConv2D(FromArguments, keras.layers.Layer):
    """The transposed 3x3 convolution of stride 2 that doubles height and width, with bias.

    Of the full output, 2n + 1 cells, it keeps 1..2n, as PyTorch does with padding 1 and output padding 1. Keras' "same"
    keeps 0..2n-1, which would shift imported weights by one cell.

    Args:
        filters: output channels.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, in_filters).
    Returns:
        float (batch, 2 * height, 2 * width, filters).
    """

    def __init__(self, filters, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.initializer = initializer

    def build(self, x_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(3, 3, self.filters, x_shape[-1]), initializer=make_initializer(self.initializer)
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, x):
        return ops.conv_transpose(x, self.kernel, strides=2, padding="valid")[:, 1:, 1:] + self.bias
