"""Spatially-adaptive normalisation and its residual block."""

from typing import NamedTuple

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.neighbourhoods import Selection
from ecgan_tf.layers.normalization import leaky_relu, make_normalization
from ecgan_tf.layers.recomputed import with_values
from ecgan_tf.layers.spectral_conv import SpectralConv2D

# The work of a distinct 5x5 neighbourhood beside that of a 3x3 one, and the share of all cells up to which both
# together are less than the convolutions (python -m benchmarks.neighbourhoods: equal at 1.03 forward, 0.82 with
# gradients).
COST_OF_WIDE, MOST_WORK = 0.3, 0.75


class Modulation(NamedTuple):
    """gamma and beta, float (batch, height, width, filters); or tables (rows, filters) and which row a cell reads."""

    gamma: tf.Tensor
    beta: tf.Tensor
    selection: Selection | None = None

    def apply(self, x, offset=1.0):
        """x * (offset + gamma) + beta."""
        gamma, beta = self.gamma, self.beta
        if self.selection is not None:
            gamma, beta = (tf.reshape(self.selection.sum(table), [-1, *x.shape[1:]]) for table in (gamma, beta))
        return x * (offset + gamma if offset else gamma) + beta


def _modulate(x, modulation):
    return modulation.apply(x)


@keras.saving.register_keras_serializable("ecgan_tf")
class SPADE(FromArguments, keras.layers.Layer):
    """Spatially-adaptive normalisation (Park et al., 2019, eq. 1).

        y = norm(x) * (1 + gamma(m)) + beta(m)

    `norm` has no learnt scale or offset; gamma and beta are read from the layout m by two convolutions that share a
    hidden one.

    Args:
        num_labels, has_boundaries: of the layout, see `LabelConv2D`.
        hidden_filters: of the shared convolution, 128 in every published model.
        normalization: "batch" or "instance".
        initializer: a name of `INITIALIZERS`.
        noise_filters: of the layout's noise, see `LabelConv2D`.
    Call arguments:
        x: float (batch, height, width, filters).
        layout: `Layout` of x's size.
    Returns:
        float, the shape of x.
    Attributes:
        recomputes: whether training makes gamma and beta again for the gradient and keeps nothing of them, see
            `training_call`; bit for bit the same numbers in float32, and in half precision within its rounding.
    """

    recomputes = False

    def __init__(
        self,
        num_labels,
        has_boundaries=False,
        hidden_filters=128,
        normalization="batch",
        initializer="xavier_0.02",
        noise_filters=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.hidden_filters = hidden_filters
        self.normalization = normalization
        self.initializer = initializer
        self.noise_filters = noise_filters
        self.folded = False
        self.norm = make_normalization(normalization, name="norm")
        labels = {"num_labels": num_labels, "has_boundaries": has_boundaries, "noise_filters": noise_filters}
        self.shared = LabelConv2D(hidden_filters, **labels, initializer=initializer, name="shared")

    def build(self, x_shape):
        # Two convolutions instead of one and a split: the exported graph has a tenth of the transposes.
        self.gamma, self.beta = (
            keras.layers.Conv2D(
                x_shape[-1], 3, padding="same", name=name, kernel_initializer=make_initializer(self.initializer)
            )
            for name in ("gamma", "beta")
        )
        self.norm.build(x_shape)
        self.shared.build()
        hidden_shape = (*x_shape[:-1], self.hidden_filters)
        self.gamma.build(hidden_shape)
        self.beta.build(hidden_shape)
        self.built = True

    def call(self, x, layout, training=False):
        if self.folded:
            return self.modulation(layout).apply(x, offset=0.0)
        return self.modulation(layout).apply(self.norm(x, training=training))

    def training_call(self, x, layout):
        """`call` in training, as a function that changes no state and its inputs, for `recomputed`."""
        if self.recomputes:
            modulate, values = self._recomputed_modulation(layout)
        else:
            modulate, values = _modulate, self.modulation(layout)
        if self.normalization != "batch":
            return modulate, (self.norm(x, training=True), values)

        def normalize_and_modulate(x, mean, variance, values):
            return modulate(self.norm.normalized(x, mean, variance), values)

        return normalize_and_modulate, (x, *self.norm.statistics(x), values)

    def _recomputed_modulation(self, layout):
        """`_modulate` that makes its `Modulation`, of the values of the variables; and these values."""
        read = [variable for layer in (self.shared, self.gamma, self.beta) for variable in layer.variables]
        of_values, values = with_values(lambda: self.modulation(layout), read)

        def modulate(x, values):
            # Else it would be there from the beginning of the step, as the layout is.
            with tf.control_dependencies([x]):
                values = [tf.identity(value) for value in values]
            return _modulate(x, of_values(values))

        return modulate, values

    def modulation(self, layout):
        """What it reads of a layout: the `Modulation` of every cell, or of every distinct neighbourhood."""
        if not layout.by_neighbourhoods:
            return Modulation(*self._of_cells(layout))
        near = layout.cells.windows(3)
        wide = near.windows(3)  # of 5x5 cells, which differ where a 3x3 window within them does
        pays = near.share + COST_OF_WIDE * wide.share <= MOST_WORK

        def of_cells():
            return tuple(tf.reshape(each, (-1, each.shape[-1])) for each in self._of_cells(layout.by_cells()))

        tables = tf.cond(pays, lambda: self._of_neighbourhoods(layout, near, wide), of_cells)
        return Modulation(*tables, wide.selection_where(pays))

    def _of_cells(self, layout):
        hidden = ops.relu(self.shared(layout=layout))
        return self.gamma(hidden), self.beta(hidden)

    def _of_neighbourhoods(self, layout, near, wide):
        hidden = ops.relu(self.shared.of_windows(near, layout))
        hidden = ops.pad(hidden, [(1, 0), (0, 0)])  # outside, where the second convolution pads its input with zeros
        return tuple(self._of_wide(convolution, hidden, wide) for convolution in (self.gamma, self.beta))

    def _of_wide(self, convolution, hidden, wide):
        kernel = ops.cast(ops.reshape(convolution.kernel, (9, self.hidden_filters, -1)), self.compute_dtype)
        return wide.sum(ops.matmul(hidden, kernel)) + ops.cast(convolution.bias, self.compute_dtype)

    def fold(self):
        """Folds the batch statistics into gamma and beta, for good: y = x * gamma(m) + beta(m), for inference.

        Instance statistics belong to the image and stay.
        """
        if self.folded or self.normalization != "batch":
            return
        scale = ops.rsqrt(self.norm.moving_variance + self.norm.epsilon)
        gamma, gamma_bias = scale * self.gamma.kernel, scale * (1.0 + self.gamma.bias)
        self.beta.kernel.assign(self.beta.kernel - self.norm.moving_mean * gamma)
        self.beta.bias.assign(self.beta.bias - self.norm.moving_mean * gamma_bias)
        self.gamma.kernel.assign(gamma)
        self.gamma.bias.assign(gamma_bias)
        self.folded = True


@keras.saving.register_keras_serializable("ecgan_tf")
class SPADEResidualBlock(FromArguments, keras.layers.Layer):
    """Two modulated 3x3 convolutions and a shortcut (Park et al., 2019, figure 4).

        main      SPADE, leaky ReLU, conv 3x3 to min(in, out); SPADE, leaky ReLU, conv 3x3 to out
        shortcut  x itself, or SPADE and conv 1x1 without bias where the width changes

    Its convolutions are spectrally normalised.

    Args:
        filters: output channels.
        modulation: dictionary of the arguments of `SPADE`.
    Call arguments:
        x: float (batch, height, width, in_filters).
        layout: `Layout` of any size that is a multiple of x's.
    Returns:
        float (batch, height, width, filters).
    """

    def __init__(self, filters, modulation, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.modulation = dict(modulation)

    def build(self, x_shape):
        in_filters = x_shape[-1]
        middle = min(in_filters, self.filters)
        initializer = self.modulation.get("initializer", "xavier_0.02")
        self.norm_0 = SPADE(**self.modulation, name="norm_0")
        self.conv_0 = SpectralConv2D(middle, 3, padding=1, initializer=initializer, name="conv_0")
        self.norm_1 = SPADE(**self.modulation, name="norm_1")
        self.conv_1 = SpectralConv2D(self.filters, 3, padding=1, initializer=initializer, name="conv_1")
        self.norm_0.build(x_shape)
        self.conv_0.build(x_shape)
        self.norm_1.build((*x_shape[:-1], middle))
        self.conv_1.build((*x_shape[:-1], middle))
        self.learned_shortcut = in_filters != self.filters
        if self.learned_shortcut:
            self.norm_s = SPADE(**self.modulation, name="norm_s")
            self.conv_s = SpectralConv2D(self.filters, 1, use_bias=False, initializer=initializer, name="conv_s")
            self.norm_s.build(x_shape)
            self.conv_s.build(x_shape)
        self.built = True

    def call(self, x, layout, training=False):
        layout = layout.at(*x.shape[1:3])

        def convolve(convolution, norm, x, activation):
            if not training:
                return convolution(activation(norm(x, layout=layout)))
            prepare, inputs = norm.training_call(x, layout)
            return convolution.of(lambda *inputs: activation(prepare(*inputs)), *inputs, training=True)

        main = convolve(self.conv_0, self.norm_0, x, leaky_relu)
        main = convolve(self.conv_1, self.norm_1, main, leaky_relu)
        return main + (convolve(self.conv_s, self.norm_s, x, lambda x: x) if self.learned_shortcut else x)
