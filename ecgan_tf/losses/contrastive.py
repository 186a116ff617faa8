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


FEW_PLACES = 4096  # whose matrix of similarities is 64 MB


def only_valid(pixels, most, few=FEW_PLACES):
    """The valid ones of sampled pixels, and as few others as fixed shapes need: at most `most` in all.

    There can be no more valid pixels than the batch has; with many classes and few pixels most places are empty, and
    the loss compares every place with every other. Up to `few` places that costs little, and they stay as they are.

    Args:
        pixels: tuple of embeddings, labels and valid, as `pixel_contrastive_loss` takes them.
        most: number of pixels of the batch.
    Returns:
        the tuple, in the order that it was in; as it was where it has no more places than that.
    """
    valid = pixels[2]
    if valid.shape[0] <= max(most, few):
        return pixels
    kept = tf.argsort(tf.cast(valid, tf.int32), direction="DESCENDING", stable=True)[:most]
    return tuple(tf.gather(part, kept) for part in pixels)


def pixel_contrastive_loss(embeddings, labels, valid, temperature=0.1, num_anchors=None):
    """InfoNCE over pixels: the same class is pulled together, other classes are pushed apart, whatever the image.

        L_i = 1/|P_i| sum_{p in P_i} -log( exp(i.p/t) / (exp(i.p/t) + sum_{n in N_i} exp(i.n/t)) )
    averaged over the anchors i that have both a positive and a negative; 0 where none has. Each positive stands alone
    in its own denominator.

    Args:
        embeddings: float (pixels, dimension), of unit length.
        labels: int32 (pixels,).
        valid: bool (pixels,), which pixels count.
        temperature: t.
        num_anchors: the first so many pixels are anchors; the others, from a memory, are partners only. None: all.
    Returns:
        float32 scalar.
    """
    pixels = (embeddings, labels, valid)
    anchors = tuple(part[:num_anchors] for part in pixels)
    itself = ops.eye(anchors[1].shape[0], labels.shape[0], dtype="bool")
    return _contrast(anchors, pixels, ops.logical_not(itself), temperature)


def cross_scale_contrastive_loss(anchors, others, temperature=0.1):
    """The same between two sets of pixels (ECGAN++; arXiv 2203.13409): anchors of one scale, the rest of another.

    Args:
        anchors, others: tuples of embeddings, labels and valid, as `pixel_contrastive_loss` takes them.
    Returns:
        float32 scalar.
    """
    return _contrast(anchors, others, True, temperature)


def _contrast(anchors, others, pairs, temperature):
    """InfoNCE of every anchor against the others; `pairs` bool (anchors, others) masks pairs that do not count."""
    (embeddings, labels, valid), (other_embeddings, other_labels, other_valid) = anchors, others
    counts = ops.logical_and(ops.logical_and(valid[:, None], other_valid[None, :]), pairs)
    same = ops.equal(labels[:, None], other_labels[None, :])
    positive = ops.cast(ops.logical_and(same, counts), "float32")
    negative = ops.logical_and(ops.logical_not(same), counts)

    embeddings, other_embeddings = ops.cast(embeddings, "float32"), ops.cast(other_embeddings, "float32")
    logits = ops.matmul(embeddings, ops.transpose(other_embeddings)) / temperature
    of_negatives = ops.logsumexp(ops.where(negative, logits, -1e9), axis=1, keepdims=True)
    losses = ops.softplus(of_negatives - logits)  # -log(exp(a) / (exp(a) + exp(b))) without an overflow

    positives = ops.sum(positive, axis=1)
    of_anchor = ops.sum(losses * positive, axis=1) / ops.maximum(positives, 1.0)
    anchor = ops.cast(ops.logical_and(positives > 0, ops.any(negative, axis=1)), "float32")
    return ops.sum(of_anchor * anchor) / ops.maximum(ops.sum(anchor), 1.0)
