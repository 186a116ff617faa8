"""The decoder of the class-specific pixel generation; it exists in training only."""

import keras
from keras import ops

from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.spade import leaky_relu


@keras.saving.register_keras_serializable("ecgan_tf")
class ClassPixelDecoder(keras.Model):
    """Features to colours, pixel by pixel: conv 1x1 to C, leaky ReLU, conv 1x1 to 3, tanh.

    The paper sends the features of each class through one decoder that all classes share, and adds the results up.
    A pointwise decoder gives the same sum in one pass over all features.

    Args:
        filters: C, of the features.
    Call arguments:
        features: float (batch, height, width, C).
    Returns:
        float32 (batch, height, width, 3) in (-1, 1), I_g.
    """

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.hidden = keras.layers.Conv2D(filters, 1, name="hidden", kernel_initializer=make_initializer("he"))
        self.to_image = keras.layers.Conv2D(
            3, 1, name="to_image", kernel_initializer=make_initializer("he"), dtype="float32"
        )

    def build(self, input_shape=None):
        self.hidden.build((None, None, None, self.filters))
        self.to_image.build((None, None, None, self.filters))
        self.built = True

    def call(self, features):
        return ops.tanh(self.to_image(leaky_relu(self.hidden(features))))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}
