"""The networks that exist in training only: projection, class pixels, class features, the memory of the contrast."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu


@keras.saving.register_keras_serializable("ecgan_tf")
class PixelEmbedding(FromArguments, keras.Model):
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
        x = ops.cast(x, "float32")
        # Not ops.normalize, whose gradient by XLA is NaN where a vector is zero.
        return x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=-1, keepdims=True), 1e-12))


@keras.saving.register_keras_serializable("ecgan_tf")
class ClassPixelDecoder(FromArguments, keras.Model):
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


@keras.saving.register_keras_serializable("ecgan_tf")
class ClassFeatureClassifier(FromArguments, keras.Model):
    """One dense layer that all classes share (LGGAN, section 3.2).

    Args:
        filters: C, of the features.
        num_branches: c.
    Call arguments:
        features: float (batch, c, C).
    Returns:
        logits, float32 (batch, c, c).
    """

    def __init__(self, filters, num_branches, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_branches = num_branches
        self.dense = keras.layers.Dense(num_branches, name="dense", dtype="float32")

    def build(self, input_shape=None):
        self.dense.build((None, None, self.filters))
        self.built = True

    def call(self, features):
        return self.dense(features)


@keras.saving.register_keras_serializable("ecgan_tf")
class ContrastMemory(FromArguments, keras.Model):
    """Per scale and class a ring of the newest region means, embeddings of a class in one image.

    Rare classes meet more partners than a batch holds. No gradient reaches the memory; it exists in training only.

    Args:
        scales: which scales have a memory.
        num_classes: N.
        entries: per class.
        dimension: of the embeddings.
    """

    def __init__(self, scales, num_classes, entries, dimension=256, **kwargs):
        super().__init__(**kwargs)
        self.scales = list(scales)
        self.num_classes = num_classes
        self.entries = entries
        self.dimension = dimension

    def build(self, input_shape=None):
        self.rings, self.counts = {}, {}
        for scale in self.scales:
            self.rings[scale] = self._add(f"ring_{scale}", (self.num_classes * self.entries, self.dimension), "float32")
            self.counts[scale] = self._add(f"count_{scale}", (self.num_classes,), "int32")
        self.built = True

    def _add(self, name, shape, dtype):
        # Every replica writes the same, from the global batch.
        return self.add_weight(name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False,
                               autocast=False, aggregation="only_first_replica")  # fmt: skip

    def read(self, scale):
        """Embeddings float32 (N * entries, dimension), their labels int32 and whether they were ever written, bool."""
        filled = tf.range(self.entries)[None] < self.counts[scale].value[:, None]
        labels = tf.repeat(tf.range(self.num_classes), self.entries)
        return tf.identity(self.rings[scale].value), labels, tf.reshape(filled, [-1])

    def write(self, scale, means, shown):
        """Puts the means of a batch over the oldest ones.

        Args:
            means: float32 (batch, N, dimension).
            shown: float32 (batch, N), 1 where the image shows the class.
        """
        ring, count = self.rings[scale], self.counts[scale]
        shown = tf.cast(shown, tf.int32)
        rank = tf.cumsum(shown, axis=0, exclusive=True)
        position = (count.value[None] + rank) % self.entries + tf.range(self.num_classes)[None] * self.entries
        # What is not shown is written to a row behind the ring, which is dropped.
        outside = self.num_classes * self.entries
        position = tf.where(shown > 0, position, outside)
        extended = tf.concat([ring.value, tf.zeros((1, self.dimension))], axis=0)
        flat = tf.reshape(means, [-1, self.dimension])
        written = tf.tensor_scatter_nd_update(extended, tf.reshape(position, [-1, 1]), flat)
        ring.assign(written[:outside])
        # Kept below 2 * entries, where position and fullness can still be read off it.
        total = count.value + tf.reduce_sum(shown, axis=0)
        count.assign(tf.where(total >= 2 * self.entries, self.entries + total % self.entries, total))
