"""The projection head of the pixel-wise contrastive learning; it exists in training only."""

import keras
from keras import ops

from ecgan_tf.layers.initializers import make_initializer


@keras.saving.register_keras_serializable("ecgan_tf")
class PixelEmbedding(keras.Model):
    """Features to unit vectors: average pooling, conv 1x1, batch norm, ReLU, conv 1x1, L2 norm.

    The head of "Exploring Cross-Image Pixel Contrast" (arXiv 2101.11939), which the paper follows; ECGAN's own is not
    published.

    Args:
        filters: C, of the features.
        dimension: of the embedding.
        stride: side of the pooling window.
    Call arguments:
        features: float (batch, height, width, C).
    Returns:
        float32 (batch, height / stride, width / stride, dimension), of unit length over the last axis.
    """

    def __init__(self, filters, dimension=256, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.dimension = dimension
        self.stride = stride
        # He: the release's gain of 0.02 has no business in a head that the release does not have.
        self.hidden = keras.layers.Conv2D(filters, 1, name="hidden", kernel_initializer=make_initializer("he"))
        self.norm = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, name="norm")
        self.project = keras.layers.Conv2D(dimension, 1, name="project", kernel_initializer=make_initializer("he"))

    def build(self, input_shape=None):
        shape = (None, None, None, self.filters)
        self.hidden.build(shape)
        self.norm.build(shape)
        self.project.build(shape)
        self.built = True

    def call(self, features, training=False):
        x = ops.average_pool(features, self.stride)
        x = self.project(ops.relu(self.norm(self.hidden(x), training=training)))
        return ops.normalize(ops.cast(x, "float32"), axis=-1, epsilon=1e-6)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "dimension": self.dimension, "stride": self.stride}
