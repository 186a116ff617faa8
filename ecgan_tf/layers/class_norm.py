"""Class-adaptive normalisation, and separable blocks of it: what phones have the time for."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.gathering import gather_rows
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu, make_normalization


@keras.saving.register_keras_serializable("ecgan_tf")
class ClassNormalization(FromArguments, keras.layers.Layer):
    """Class-adaptive (de)normalisation, CLADE (Tan et al., TPAMI 2021; arXiv 2012.04644, eq. 4).

        y = norm(x) * (1 + gamma[m]) + beta[m]

    gamma and beta are a row for each class: SPADE without its convolutions over the layout m, which learn little else
    by what its authors found. With instances a boundary adds a row of its own to beta; that is ours.

    Args:
        num_labels, has_boundaries: of the layout, see `Layout`.
        normalization: "batch" or "instance".
    Call arguments:
        x: float (batch, height, width, filters).
        layout: `Layout` of x's size.
    Returns:
        float, the shape of x.
    """

    def __init__(self, num_labels, has_boundaries=False, normalization="batch", **kwargs):
        super().__init__(**kwargs)
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.normalization = normalization
        self.folded = False
        self.norm = make_normalization(normalization, name="norm")

    def build(self, x_shape):
        shape = (self.num_labels, x_shape[-1])
        near_zero = keras.initializers.RandomNormal(stddev=0.2)  # classes differ from the first step on
        self.gamma = self.add_weight(name="gamma", shape=shape, initializer=near_zero)
        self.beta = self.add_weight(name="beta", shape=shape, initializer=near_zero)
        if self.has_boundaries:
            self.of_boundary = self.add_weight(name="of_boundary", shape=(x_shape[-1],), initializer="zeros")
        self.norm.build(x_shape)
        self.built = True

    def call(self, x, layout, training=False):
        tables = (ops.cast(table, self.compute_dtype) for table in (self.gamma, self.beta))
        gamma, beta = (gather_rows(table, layout.labels) for table in tables)
        if self.has_boundaries:
            beta = beta + ops.cast(layout.boundaries, self.compute_dtype) * self.of_boundary
        if self.folded:
            return x * gamma + beta
        return self.norm(x, training=training) * (1.0 + gamma) + beta

    def fold(self):
        """Folds the batch statistics into the rows, for good, for inference; instance statistics stay."""
        if self.folded or self.normalization != "batch":
            return
        gamma = ops.rsqrt(self.norm.moving_variance + self.norm.epsilon) * (1.0 + self.gamma)
        self.beta.assign(self.beta - self.norm.moving_mean * gamma)
        self.gamma.assign(gamma)
        self.folded = True


@keras.saving.register_keras_serializable("ecgan_tf")
class SeparableBlock(FromArguments, keras.layers.Layer):
    """A residual block of a depthwise and a pointwise convolution (MobileNets; Howard et al., 2017).

        x + pointwise(depthwise 3x3(leaky ReLU(class normalisation(x))))

    Args:
        modulation: dictionary of the arguments of `ClassNormalization`.
        initializer: of the pointwise kernel, a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, filters).
        layout: `Layout` of any size that is a multiple of x's.
    Returns:
        float, the shape of x.
    """

    def __init__(self, modulation, initializer="he", **kwargs):
        super().__init__(**kwargs)
        self.modulation = dict(modulation)
        self.initializer = initializer
        self.norm = ClassNormalization(**self.modulation, name="norm")
        each = keras.initializers.RandomNormal(stddev=1 / 3)  # a filter sees nine values; Keras counts all channels
        self.depthwise = keras.layers.DepthwiseConv2D(
            3, padding="same", use_bias=False, depthwise_initializer=each, name="depthwise"
        )

    def build(self, x_shape):
        initializer = make_initializer(self.initializer)
        self.pointwise = keras.layers.Conv2D(x_shape[-1], 1, kernel_initializer=initializer, name="pointwise")
        for layer in (self.norm, self.depthwise, self.pointwise):
            layer.build(x_shape)
        self.built = True

    def call(self, x, layout, training=False):
        layout = layout.at(*x.shape[1:3])
        y = leaky_relu(self.norm(x, layout=layout, training=training))
        return x + self.pointwise(self.depthwise(y))
