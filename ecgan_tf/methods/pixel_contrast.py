"""The contrastive term L_c of ECGAN and ECGAN++ over the global batch of all replicas."""

import numpy as np
import tensorflow as tf

from ecgan_tf.losses.contrastive import (
    cross_scale_contrastive_loss,
    only_valid,
    pixel_contrastive_loss,
    sample_pixels,
)

# Which of the encoder's features F = 1, 2, 3, 4 (coarser and coarser) a number of scales means
# (docs/papers/ecgan_plus.md, section 2).
SCALES = {1: (1,), 2: (1, 4), 3: (1, 3, 4), 4: (1, 2, 3, 4)}


def pooling_of(scale, stride):
    """How far the features of a scale are pooled: all that are finer than 1/stride of the image come to that grid."""
    return max(stride // 2 ** (scale - 1), 1)


def scale_pairs(scales, pairs):
    """The (anchor, other) scales of the cross-scale terms.

    Args:
        scales: ascending, finest first.
        pairs: "fine_to_coarse" (the finest against the two coarsest), "adjacent", "all" or "none".
    """
    if pairs == "none":
        return []
    if pairs == "all":
        return [(a, b) for a in scales for b in scales if a != b]
    if pairs == "adjacent":
        return list(zip(scales, scales[1:]))
    return [(scales[0], other) for other in scales[1:][-2:]]


class PixelContrast:
    """L_c, called in a replica's context: every replica sees the same loss of the global batch.

        L_ms = ( sum_s w_s L_ws^s + sum_(a,b) L_cs^(a->b) ) / ( sum_s w_s + number of pairs )
    With one scale it is ECGAN's L_c. Every replica draws the same pixels of the global batch, gives the embeddings of
    its own and adds up the others'.

    Args:
        embeddings: dictionary from scale to `PixelEmbedding`.
        loss: config.loss.
        num_classes: N.
        seed: of the sampler, with the step.
        memory: `ContrastMemory` or None.
    """

    def __init__(self, embeddings, loss, num_classes, seed, memory=None):
        self.embeddings = embeddings
        self.loss = loss
        self.num_classes = num_classes
        self.seed = seed
        self.memory = memory
        scales = sorted(embeddings)
        self.weights = dict(zip(scales, loss.ms_weights))
        self.pairs = scale_pairs(scales, loss.ms_pairs if len(scales) > 1 else "none")

    def __call__(self, features, labels, step):
        """The loss of the global batch.

        Args:
            features: tuple of the encoder's features, F first, each (batch, height, width, filters).
            labels: int32 (batch, image height, image width).
            step: int64 scalar.
        Returns:
            float32 scalar.
        """
        sampled = {scale: self._sample(scale, features[scale - 1], labels, step) for scale in self.embeddings}
        total = 0.0
        for scale, (pixels, means, count) in sampled.items():
            total += self.weights[scale] * self._within(scale, only_valid(pixels, count), means)
        for fine, coarse in self.pairs:
            anchors, others = (only_valid(self._half(sampled[s][0]), sampled[s][2]) for s in (fine, coarse))
            if self.loss.ms_detach_coarse:
                others = (tf.stop_gradient(others[0]), *others[1:])
            total += cross_scale_contrastive_loss(anchors, others, self.loss.contrastive_temperature)
        return total / (sum(self.weights.values()) + len(self.pairs))

    def _within(self, scale, pixels, means):
        temperature = self.loss.contrastive_temperature
        if self.memory is None:
            return pixel_contrastive_loss(*pixels, temperature)
        remembered = self.memory.read(scale)
        self.memory.write(scale, *means)
        both = tuple(tf.concat(parts, axis=0) for parts in zip(pixels, remembered))
        return pixel_contrastive_loss(*both, temperature, num_anchors=pixels[1].shape[0])

    def _sample(self, scale, features, labels, step):
        """Sampled pixels of the global batch (embeddings, labels, valid); class means for the memory; its cells."""
        embedded = self.embeddings[scale](features, training=True)
        height, width = embedded.shape[1:3]
        cells = pure_labels(labels, (height, width), self.loss.contrastive_purity, self.num_classes)
        means = class_means(embedded, cells, self.num_classes) if self.memory else None
        embedded = tf.reshape(embedded, [-1, embedded.shape[-1]])
        own = tf.reshape(cells, [-1])
        context = tf.distribute.get_replica_context()
        everywhere = gather_everywhere(context, own)
        seed = tf.stack([tf.constant(self.seed + scale - 1, tf.int64), tf.cast(step, tf.int64)])
        indices, sampled_labels, valid = sample_pixels(
            everywhere, self.num_classes, self.loss.contrastive_samples_per_class, seed
        )
        local = indices - context.replica_id_in_sync_group * own.shape[0]
        mine = tf.logical_and(local >= 0, local < own.shape[0])
        sampled = tf.gather(embedded, tf.where(mine, local, 0)) * tf.cast(mine, embedded.dtype)[:, None]
        if context.num_replicas_in_sync > 1:
            sampled = context.all_reduce(tf.distribute.ReduceOp.SUM, sampled)
            means = means and tuple(context.all_gather(part, axis=0) for part in means)
        return (sampled, sampled_labels, valid), means, everywhere.shape[0]

    def _half(self, pixels):
        """Half of the pixels of each class: the cross-scale terms come on top of the others."""
        per_class = pixels[1].shape[0] // self.num_classes
        kept = np.arange(pixels[1].shape[0]).reshape(self.num_classes, per_class)[:, : max(per_class // 2, 1)]
        return tuple(tf.gather(part, kept.reshape(-1)) for part in pixels)


def gather_everywhere(context, labels):
    """The labels (pixels,) of all replicas, in their order.

    As float: a gather of integers must live on the host, and mixed types in one call fail.
    """
    if context.num_replicas_in_sync == 1:
        return labels
    everywhere = tf.cast(context.all_gather(tf.cast(labels, tf.float32), axis=0), tf.int32)
    return tf.ensure_shape(everywhere, [labels.shape[0] * context.num_replicas_in_sync])


def pure_labels(labels, grid, purity, num_classes):
    """Labels at a coarser grid; cells that mix classes become unknown.

    Args:
        labels: int32 (batch, height, width).
        grid: (rows, columns), which divide height and width.
        purity: the share of a cell's pixels that must have the label of its first one; 0 keeps every cell.
    Returns:
        int32 (batch, rows, columns).
    """
    rows, columns = labels.shape[1] // grid[0], labels.shape[2] // grid[1]
    cells = labels[:, ::rows, ::columns]
    if not purity or rows * columns == 1:
        return cells
    windows = tf.reshape(labels, [-1, grid[0], rows, grid[1], columns])
    share = tf.reduce_mean(tf.cast(windows == cells[:, :, None, :, None], tf.float32), axis=[2, 4])
    return tf.where(share >= purity, cells, num_classes)


def class_means(embedded, labels, num_classes):
    """Mean embedding of each class in each image, of unit length.

    Returns:
        float32 (batch, num_classes, dimension), and 1.0 where the image shows the class, else 0.0 (batch, num_classes).
    """
    masks = tf.one_hot(labels, num_classes)
    sums = tf.einsum("bhwd,bhwn->bnd", tf.stop_gradient(embedded), masks)
    return tf.math.l2_normalize(sums, axis=-1), tf.cast(tf.reduce_any(masks > 0, axis=[1, 2]), tf.float32)
