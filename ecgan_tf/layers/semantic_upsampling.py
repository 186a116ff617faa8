"""Semantic-aware upsampling, the core of LGGAN++, and the choice of what enlarges a feature map."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.convolution import PaddedConv2D, TransposedConv2D
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import make_normalization
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
        form: "static": one shift of the map per neighbour, which every exporter knows; "plain": patches extracted as
            a tensor K^2 times the map. Both give the same numbers up to rounding.
        initializer: a name of `INITIALIZERS`, of the compression.
    Call arguments:
        x: float (batch, height, width, filters), height and width static.
    Returns:
        float (batch, scale * height, scale * width, filters).
    """

    def __init__(
        self, scale=2, kernel_size=5, patch="source", form="static", initializer="xavier_0.02", **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.scale = scale
        self.kernel_size = kernel_size
        self.patch = patch
        self.form = form
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
        weights = self.weights_of_parts(x)
        if self.form == "plain":
            return self._from_patches(x, weights)
        parts = [self._reassemble(x, part, index) for index, part in enumerate(weights)]
        return tf.nn.depth_to_space(ops.concatenate(parts, axis=-1), self.scale) if self.scale > 1 else parts[0]

    def weights_of_parts(self, x):
        """The softmax weights: per sub-cell (a, b) of a cell, row by row, float (batch, height, width, K^2)."""
        logits = ops.cast(self.generate(self.compress(x)), "float32")
        parts = ops.split(logits, self.scale**2, axis=-1)
        return [ops.cast(ops.softmax(part, axis=-1), self.compute_dtype) for part in parts]

    def _reassemble(self, x, weights, index):
        """One sub-cell of every cell: shifted copies of the map, weighted and added."""
        height, width = x.shape[1:3]
        margin = self.kernel_size // 2
        padded = ops.pad(x, [(0, 0), (margin, margin), (margin, margin), (0, 0)])
        total = 0.0
        for (dy, dx), taps in self._taps_by_shift(*divmod(index, self.scale)).items():
            weight = sum(weights[..., tap : tap + 1] for tap in taps)
            shifted = padded[:, margin + dy : margin + dy + height, margin + dx : margin + dx + width]
            total = total + weight * shifted
        return total

    def _taps_by_shift(self, row, column):
        """Which of the K^2 weights of sub-cell (row, column) fall on which shift (dy, dx) of the small map."""
        margin = self.kernel_size // 2
        shifts = {}
        for tap in range(self.kernel_size**2):
            dy, dx = (offset - margin for offset in divmod(tap, self.kernel_size))
            if self.patch == "upsampled":  # several cells of the enlarged map are copies of one
                dy, dx = (row + dy) // self.scale, (column + dx) // self.scale
            shifts.setdefault((dy, dx), []).append(tap)
        return shifts

    def _from_patches(self, x, weights):
        weights = ops.concatenate(weights, axis=-1)
        if self.scale > 1:
            weights = tf.nn.depth_to_space(weights, self.scale)
        enlarge = (lambda map_: upsample_nearest(map_, self.scale)) if self.scale > 1 else (lambda map_: map_)
        size = self.kernel_size
        patches = tf.image.extract_patches(
            enlarge(x) if self.patch == "upsampled" else x, [1, size, size, 1], [1] * 4, [1] * 4, "SAME"
        )
        patches = patches if self.patch == "upsampled" else enlarge(patches)
        shape = (-1, *weights.shape[1:3], size**2, x.shape[-1])
        return ops.einsum("bhwk,bhwkc->bhwc", weights, ops.reshape(patches, shape))


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
