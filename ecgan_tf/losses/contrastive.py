"""Pixel-wise contrastive learning over the layouts of a batch (ECGAN, section 3.4; arXiv 2101.11939)."""

import tensorflow as tf
from keras import ops


def sample_pixels(labels, num_classes, per_class, seed):
    """Draws up to `per_class` pixels of every class, with static shapes.

    Args:
        labels: int32 (pixels,); ids of `num_classes` and above (unknown) are never drawn.
        num_classes: N.
        per_class: V.
        seed: int32 (2,), of the stateless random numbers.
    Returns:
        indices int32 (N * V,) into the pixels, their labels int32 (N * V,), and valid bool (N * V,), false where a
        class has fewer than V pixels.
    """
    per_class = min(per_class, labels.shape[0])
    order = tf.random.stateless_uniform((1, labels.shape[0]), seed)
    classes = tf.range(num_classes)[:, None]
    scores, indices = tf.math.top_k(tf.where(labels[None, :] == classes, order, -1.0), k=per_class, sorted=False)
    sampled_labels = tf.repeat(tf.range(num_classes), per_class)
    return tf.reshape(indices, [-1]), sampled_labels, tf.reshape(scores, [-1]) >= 0.0


def pixel_contrastive_loss(embeddings, labels, valid, temperature=0.1):
    """InfoNCE over pixels: the same class is pulled together, other classes are pushed apart, whatever the image.

        L_i = 1/|P_i| sum_{p in P_i} -log( exp(i.p/t) / (exp(i.p/t) + sum_{n in N_i} exp(i.n/t)) )
    averaged over the anchors i that have both a positive and a negative; 0 where none has. Each positive stands alone
    in its own denominator.

    Args:
        embeddings: float (pixels, dimension), of unit length.
        labels: int32 (pixels,).
        valid: bool (pixels,), which pixels count.
        temperature: t.
    Returns:
        float32 scalar.
    """
    embeddings = ops.cast(embeddings, "float32")
    both = ops.logical_and(valid[:, None], valid[None, :])
    same = ops.equal(labels[:, None], labels[None, :])
    itself = ops.eye(labels.shape[0], dtype="bool")
    positive = ops.cast(ops.logical_and(ops.logical_and(same, both), ops.logical_not(itself)), "float32")
    negative = ops.cast(ops.logical_and(ops.logical_not(same), both), "float32")

    logits = ops.matmul(embeddings, ops.transpose(embeddings)) / temperature
    of_negatives = ops.logsumexp(ops.where(negative > 0, logits, -1e9), axis=1, keepdims=True)
    losses = ops.softplus(of_negatives - logits)  # -log(exp(a) / (exp(a) + exp(b))) without an overflow

    positives = ops.sum(positive, axis=1)
    of_anchor = ops.sum(losses * positive, axis=1) / ops.maximum(positives, 1.0)
    anchor = ops.cast(ops.logical_and(positives > 0, ops.sum(negative, axis=1) > 0), "float32")
    return ops.sum(of_anchor * anchor) / ops.maximum(ops.sum(anchor), 1.0)
