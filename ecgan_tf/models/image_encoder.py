"""The image encoder of SPADE's VAE (Park et al., CVPR 2019, section 3 and appendix A): a photograph to a code."""

import keras
from keras import ops

from ecgan_tf.latents import Z_SIZE
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu, make_normalization
from ecgan_tf.layers.spectral_conv import SpectralConv2D

LARGEST_SIDE = 256  # of the square that photographs are brought to
LAST_SIDE = 4  # of the last feature map


@keras.saving.register_keras_serializable("ecgan_tf")
class ImageEncoder(FromArguments, keras.Model):
    """Mean and logarithm of the variance of a photograph's code, in training only.

    Photographs are brought to a square, 256x256 as in the release or, of smaller ones, the largest power of two that
    fits. 3x3 convolutions of stride 2, spectrally and instance normalised, with leaky ReLUs between them, halve it to
    4x4: at 256 there are six, of C, 2C, 4C, 8C, 8C and 8C filters; two dense layers follow.

    Args:
        image_size: (height, width).
        base_filters: C.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        images: float (batch, height, width, 3) in [-1, 1].
    Returns:
        two float32 (batch, 256).
    """

    def __init__(self, image_size, base_filters=64, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.image_size = tuple(image_size)
        self.base_filters = base_filters
        self.initializer = initializer
        self.side = min(LARGEST_SIDE, 2 ** (min(self.image_size).bit_length() - 1))
        widths = [min(2**level, 8) * base_filters for level in range((self.side // LAST_SIDE).bit_length() - 1)]
        self.convolutions = [
            SpectralConv2D(width, 3, 2, 1, use_bias=False, initializer=initializer, name=f"conv_{level}")
            for level, width in enumerate(widths)
        ]
        self.norms = [make_normalization("instance", name=f"norm_{level}") for level in range(len(widths))]
        self.to_mean, self.to_log_variance = (
            keras.layers.Dense(Z_SIZE, kernel_initializer=make_initializer(initializer), name=name, dtype="float32")
            for name in ("to_mean", "to_log_variance")
        )

    def build(self, input_shape=None):
        shape = (None, self.side, self.side, 3)
        for convolution, norm in zip(self.convolutions, self.norms):
            convolution.build(shape)
            shape = (None, shape[1] // 2, shape[2] // 2, convolution.filters)
            norm.build(shape)
        for dense in (self.to_mean, self.to_log_variance):
            dense.build((None, LAST_SIDE * LAST_SIDE * shape[-1]))
        self.built = True

    def call(self, images, training=False):
        x = images
        if self.image_size != (self.side, self.side):
            x = ops.image.resize(x, (self.side, self.side), interpolation="bilinear")
        x = ops.cast(x, self.compute_dtype)
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            x = norm(convolution(leaky_relu(x) if index else x, training=training))
        x = ops.reshape(leaky_relu(x), (-1, self.to_mean.kernel.shape[0]))
        return self.to_mean(x), self.to_log_variance(x)
