"""Semantic-aware upsampling, the core of LGGAN++, and the choice of what enlarges a feature map."""

import math

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.convolution import PaddedConv2D, TransposedConv2D
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import make_normalization
from ecgan_tf.layers.recomputed import recomputed
from ecgan_tf.layers.upsampling import upsample_nearest

KERNEL_FILTERS = 64  # width of the compressed features that the kernels are read from


@keras.saving.register_keras_serializable("ecgan_tf")
class SemanticAwareUpsampling(FromArguments, keras.layers.Layer):
    """Semantic-aware upsampling, SAU (Tang et al., TPAMI 2023, arXiv 2203.00047): every output cell is a weighted mean
    of its neighbourhood, with weights that the features themselves predict.

        W = softmax(conv(conv(x)))         the kernel generation, SAKG: K^2 weights per output cell
        y(p) = sum over q of W(p, q) x(q)  the feature upsampling, SAFU: q in the K x K neighbourhood of p

    The paper's K, compressed width and placement are not published; K = 5 and 64 are those of the one public
    re-implementation. Cells outside the map count as zero, although the softmax gives them weight.

    Args:
        scale: enlargement, 1 or 2; with 1 the map is reassembled at its own size.
        kernel_size: K, odd.
        patch: "source": neighbourhoods on the small map, K x K of its cells; "upsampled": on the map enlarged by
            nearest neighbour, as in the re-implementation, where K = 5 touches 3 x 3 cells of the small one.
        initializer: a name of `INITIALIZERS`, of the compression.
    Call arguments:
        x: float (batch, height, width, filters), height and width static.
    Returns:
        float (batch, scale * height, scale * width, filters).
    """

    def __init__(self, scale=2, kernel_size=5, patch="source", initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.kernel_size = kernel_size
        self.patch = patch
        self.initializer = initializer
        self.compress = keras.layers.Conv2D(
            KERNEL_FILTERS, 1, name="compress", kernel_initializer=make_initializer(initializer)
        )
        self.generate = keras.layers.Conv2D(  # small, so that training starts from box filters
            scale**2 * kernel_size**2, 1, name="generate", kernel_initializer=make_initializer("xavier_0.02")
        )

    def build(self, x_shape):
        self.compress.build(x_shape)
        self.generate.build((*x_shape[:-1], KERNEL_FILTERS))
        self.built = True

    def call(self, x):
        y = recomputed(self._reassemble, x, self._weights_of_cells(x))
        return tf.nn.depth_to_space(y, self.scale) if self.scale > 1 else y

    def _reassemble(self, x, weights):
        """All sub-cells of every cell beside each other: a product of matrices for each row of the neighbourhoods.

        One for whole neighbourhoods would take K times the memory.
        """
        height, width, filters = x.shape[1:]
        reach, size = self._reach, 2 * self._reach + 1
        padded = ops.pad(x, [(0, 0), (reach, reach), (reach, reach), (0, 0)])
        beside = ops.concatenate([padded[:, :, dx : dx + width] for dx in range(size)], axis=-1)
        beside = ops.reshape(beside, (-1, (height + 2 * reach) * width, size, filters))
        rows = [beside[:, dy * width : (dy + height) * width] for dy in range(size)]
        first, *others = (ops.matmul(*pair) for pair in zip(ops.split(weights, size, axis=-1), rows))
        return ops.reshape(sum(others, first), (-1, height, width, self.scale**2 * filters))

    def _weights_of_cells(self, x):
        """W, by cell of x, sub-cell of it and neighbour: float (batch, height * width, scale^2, neighbours)."""
        cells, parts, taps = x.shape[1] * x.shape[2], self.scale**2, self.kernel_size**2
        logits = ops.cast(self.generate(self.compress(x)), "float32")
        weights = ops.softmax(ops.reshape(logits, (-1, cells, parts, taps)), axis=-1)
        if self.patch == "upsampled" and self.scale > 1:  # several taps fall on one neighbour
            weights = ops.matmul(ops.reshape(weights, (-1, cells, parts * taps)), self._neighbour_of_tap())
            weights = ops.reshape(weights, (-1, cells, parts, (2 * self._reach + 1) ** 2))
        return ops.cast(weights, self.compute_dtype)

    @property
    def _reach(self):
        """How many cells of x the neighbourhood reaches to each side."""
        margin = self.kernel_size // 2
        return margin if self.patch == "source" else math.ceil(margin / self.scale)

    def _neighbour_of_tap(self):
        """On which neighbour each weight falls: 0 or 1, float32 (scale^2 * K^2, scale^2 * neighbours)."""
        margin, size = self.kernel_size // 2, 2 * self._reach + 1
        falls = np.zeros((self.scale**2, self.kernel_size**2, self.scale**2, size**2), np.float32)
        for part, tap in np.ndindex(falls.shape[:2]):
            cell, offset = divmod(part, self.scale), divmod(tap, self.kernel_size)
            row, column = ((a + b - margin) // self.scale + self._reach for a, b in zip(cell, offset))
            falls[part, tap, part, row * size + column] = 1.0
        return falls.reshape(self.scale**2 * self.kernel_size**2, -1)


@keras.saving.register_keras_serializable("ecgan_tf")
class UpsamplingBlock(FromArguments, keras.layers.Layer):
    """Twice the size at another width, then instance normalisation and ReLU.

    Args:
        filters: output channels.
        upsampler: "deconv": transposed 3x3 convolution, as released; "nearest_conv": nearest neighbour, then a 3x3
            convolution; "sau": `SemanticAwareUpsampling`, then a 1x1 convolution.
        sau_patch: of `SemanticAwareUpsampling`.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, in_filters), height and width static.
    Returns:
        float (batch, 2 * height, 2 * width, filters).
    """

    def __init__(self, filters, upsampler="deconv", sau_patch="source", initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.upsampler = upsampler
        self.sau_patch = sau_patch
        self.initializer = initializer
        if upsampler == "deconv":
            self.convolution = TransposedConv2D(filters, initializer, name="convolution")
        else:
            size = {"nearest_conv": 3, "sau": 1}[upsampler]
            self.convolution = PaddedConv2D(
                filters, size, padding=size // 2, initializer=initializer, name="convolution"
            )
        if upsampler == "sau":
            self.sau = SemanticAwareUpsampling(patch=sau_patch, initializer=initializer, name="sau")
        self.norm = make_normalization("instance", name="norm")

    def build(self, x_shape):
        if self.upsampler == "sau":
            self.sau.build(x_shape)
        self.convolution.build(x_shape)
        self.norm.build((*x_shape[:-1], self.filters))
        self.built = True

    def call(self, x):
        if self.upsampler == "nearest_conv":
            x = upsample_nearest(x)
        elif self.upsampler == "sau":
            x = self.sau(x)
        return ops.relu(self.norm(self.convolution(x)))
