"""Spatially-adaptive normalisation by a feature map instead of a label map, and its residual block."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu, make_normalization
from ecgan_tf.layers.spade import SPADE
from ecgan_tf.layers.spectral_conv import SpectralConv2D


@keras.saving.register_keras_serializable("ecgan_tf")
class FeatureSPADE(FromArguments, keras.layers.Layer):
    """SPADE whose gamma and beta are read from the modulation U = [features, g] (docs/papers/msca.md, section 4).

        y = norm(x) * (1 + gamma(U)) + beta(U)

    The style code g is the same at every position. Instead of spreading it over the image and convolving it, its share
    of the shared convolution is one dense layer, added: the same but for the outermost pixels, where zero padding
    would show.

    Args:
        hidden_filters: of the shared convolution.
        normalization: "batch" or "instance".
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, filters).
        features: float (batch, height, width, channels).
        style: g, float (batch, 1, 1, G), or (batch, height, width, G) where styles are mixed in space; None for none.
    Returns:
        float, the shape of x.
    """

    def __init__(self, hidden_filters=128, normalization="batch", initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.hidden_filters = hidden_filters
        self.normalization = normalization
        self.initializer = initializer
        self.folded = False
        self.norm = make_normalization(normalization, name="norm")
        self.shared = self._convolution(hidden_filters, "shared")

    def _convolution(self, filters, name):
        return keras.layers.Conv2D(
            filters, 3, padding="same", kernel_initializer=make_initializer(self.initializer), name=name
        )

    def build(self, x_shape, features_shape, style_shape=None):
        self.gamma, self.beta = (self._convolution(x_shape[-1], name) for name in ("gamma", "beta"))
        self.norm.build(x_shape)
        self.shared.build(features_shape)
        hidden_shape = (*x_shape[:-1], self.hidden_filters)
        self.gamma.build(hidden_shape)
        self.beta.build(hidden_shape)
        if style_shape:
            self.of_style = keras.layers.Dense(
                self.hidden_filters,
                use_bias=False,
                kernel_initializer=make_initializer(self.initializer),
                name="of_style",
            )
            self.of_style.build(style_shape)
        self.built = True

    def call(self, x, features, style=None, training=False):
        hidden = self.shared(features)
        if style is not None:
            hidden = hidden + self.of_style(style)
        hidden = ops.relu(hidden)
        if self.folded:
            return x * self.gamma(hidden) + self.beta(hidden)
        return self.norm(x, training=training) * (1.0 + self.gamma(hidden)) + self.beta(hidden)

    fold = SPADE.fold  # it looks at the normalisation, gamma and beta alone


@keras.saving.register_keras_serializable("ecgan_tf")
class FeatureSPADEResidualBlock(FromArguments, keras.layers.Layer):
    """The residual block of SPADE (`SPADEResidualBlock`), modulated by `FeatureSPADE`.

    Args:
        filters: output channels.
        modulation: dictionary of the arguments of `FeatureSPADE`.
    Call arguments:
        x: float (batch, height, width, in_filters).
        features, style: as in `FeatureSPADE`, of x's size.
    Returns:
        float (batch, height, width, filters).
    """

    def __init__(self, filters, modulation, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.modulation = dict(modulation)

    def build(self, x_shape, features_shape, style_shape=None):
        in_filters = x_shape[-1]
        middle = min(in_filters, self.filters)
        self.learned_shortcut = in_filters != self.filters
        initializer = self.modulation.get("initializer", "xavier_0.02")
        self.conv_0 = SpectralConv2D(middle, 3, padding=1, initializer=initializer, name="conv_0")
        self.conv_1 = SpectralConv2D(self.filters, 3, padding=1, initializer=initializer, name="conv_1")
        self.norm_0, self.norm_1 = (FeatureSPADE(**self.modulation, name=name) for name in ("norm_0", "norm_1"))
        parts = [(self.norm_0, self.conv_0, in_filters), (self.norm_1, self.conv_1, middle)]
        if self.learned_shortcut:
            self.norm_s = FeatureSPADE(**self.modulation, name="norm_s")
            self.conv_s = SpectralConv2D(self.filters, 1, use_bias=False, initializer=initializer, name="conv_s")
            parts.append((self.norm_s, self.conv_s, in_filters))
        for norm, convolution, width in parts:
            norm.build((*x_shape[:-1], width), features_shape, style_shape)
            convolution.build((*x_shape[:-1], width))
        self.built = True

    def call(self, x, features, style=None, training=False):
        main = leaky_relu(self.norm_0(x, features, style, training=training))
        main = leaky_relu(self.norm_1(self.conv_0(main, training=training), features, style, training=training))
        main = self.conv_1(main, training=training)
        if self.learned_shortcut:
            x = self.conv_s(self.norm_s(x, features, style, training=training), training=training)
        return main + x
