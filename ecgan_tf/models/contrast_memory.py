"""What was seen of each class in earlier steps: the optional memory of the contrastive learning."""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("ecgan_tf")
class ContrastMemory(keras.Model):
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

    def get_config(self):
        return {**super().get_config(), "scales": self.scales, "num_classes": self.num_classes,
                "entries": self.entries, "dimension": self.dimension}  # fmt: skip
