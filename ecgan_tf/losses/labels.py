"""What a segmenter sees in a synthesised image, against the layout that was asked for (ECGAN, section 3.3)."""

from keras import ops

EPSILON = 1e-6


def similarity_loss(logits, labels):
    """Binary cross-entropy between the pixel-to-pixel similarities of the layout and of the predicted one.

        L_s = -mean_m [ a_m log a''_m + (1 - a_m) log(1 - a''_m) ]
    over the entries m of A, 1 where two pixels share a class, and of A'' = P P', the probability that they do. The
    paper's matrices are of full size, which is out of reach, (256 * 512)^2 entries; these are of the size of `logits`.
    Pairs with an unknown pixel are left out.

    Args:
        logits: float (batch, height, width, num_classes).
        labels: int32 (batch, height, width); ids of num_classes and above are unknown.
    Returns:
        float32 (batch,), 0 where every pixel is unknown.
    """
    batch, height, width, num_classes = logits.shape
    probabilities = ops.reshape(ops.softmax(ops.cast(logits, "float32"), axis=-1), (-1, height * width, num_classes))
    labels = ops.reshape(labels, (-1, height * width))
    known = ops.cast(labels < num_classes, "float32")
    same = ops.cast(ops.equal(labels[:, :, None], labels[:, None, :]), "float32")
    predicted = ops.matmul(probabilities, ops.transpose(probabilities, (0, 2, 1)))
    predicted = ops.clip(predicted, EPSILON, 1.0 - EPSILON)
    entropy = -(same * ops.log(predicted) + (1.0 - same) * ops.log(1.0 - predicted))
    pairs = known[:, :, None] * known[:, None, :]
    return ops.sum(entropy * pairs, axis=(1, 2)) / ops.maximum(ops.sum(pairs, axis=(1, 2)), 1.0)


def label_cross_entropy(logits, labels):
    """Per-pixel cross-entropy, the plain partner of `similarity_loss`; arguments and result are the same."""
    num_classes = logits.shape[-1]
    known = ops.cast(labels < num_classes, "float32")
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    one_hot = ops.one_hot(labels, num_classes, dtype="float32")
    entropy = -ops.sum(one_hot * log_probabilities, axis=-1)
    return ops.sum(entropy * known, axis=(1, 2)) / ops.maximum(ops.sum(known, axis=(1, 2)), 1.0)
