"""How far the style of one picture is from another's, whatever their layouts."""

import math

from keras import ops

EPSILON = 1e-6  # below the square roots, whose slope at 0 is infinite


def style_statistics_loss(features, exemplar_features):
    """Distance of channel means and deviations, summed over the layers (docs/papers/msca.md, section 6).

        sum over layers of |mean - mean|_2 + |std - std|_2

    Args:
        features, exemplar_features: lists of (batch, rows, columns, filters). No gradient reaches the latter.
    Returns:
        float32 (batch,).
    """
    total = 0.0
    for x, y in zip(features, exemplar_features):
        y = ops.stop_gradient(y)
        for a, b in zip(_mean_and_std(x), _mean_and_std(y)):
            total = total + ops.sqrt(ops.sum(ops.square(a - b), axis=-1) + EPSILON)
    return total


def class_style_loss(image, labels, exemplar, exemplar_labels, num_classes):
    """Distance of the mean colours and their deviations, class by class, over the classes that both pictures show.

    A departure from the spec, which compares whole pictures in VGG-19's features: without VGG-19, whole pictures would
    have to be compared by their colours, and a layout with little water would be asked to be as blue as an exemplar
    full of it.

    Args:
        image, exemplar: float (batch, height, width, 3) in [-1, 1]. No gradient reaches the exemplar.
        labels, exemplar_labels: int32 (batch, height, width); ids of `num_classes` and above are left out.
    Returns:
        float32 (batch,), the mean over the classes of |mean - mean|_2 + |std - std|_2; 0 where no class is in both.
    """
    area, mean, std = _colours_of_classes(image, labels, num_classes)
    other_area, other_mean, other_std = _colours_of_classes(ops.stop_gradient(exemplar), exemplar_labels, num_classes)
    shared = ops.cast(ops.logical_and(area > 0, other_area > 0), "float32")
    distance = sum(
        ops.sqrt(ops.sum(ops.square(a - b), axis=-1) + EPSILON) for a, b in ((mean, other_mean), (std, other_std))
    )
    return ops.sum(shared * distance, axis=-1) / ops.maximum(ops.sum(shared, axis=-1), 1.0)


def _mean_and_std(x):
    x = ops.cast(x, "float32")
    mean = ops.mean(x, axis=(1, 2), keepdims=True)
    return mean[:, 0, 0], ops.sqrt(ops.mean(ops.square(x - mean), axis=(1, 2)) + EPSILON)


def _colours_of_classes(image, labels, num_classes):
    """Area (batch, N), mean colour and its deviation (batch, N, 3) of every class, zeros for those not shown."""
    image = ops.cast(image, "float32")
    masks = ops.one_hot(labels, num_classes, dtype="float32")
    area = ops.sum(masks, axis=(1, 2))
    pixels = ops.maximum(area, 1.0)[..., None]
    mean = ops.einsum("bhwn,bhwc->bnc", masks, image) / pixels
    centred = image - ops.einsum("bhwn,bnc->bhwc", masks, mean)
    variance = ops.einsum("bhwn,bhwc->bnc", masks, ops.square(centred)) / pixels
    return area, mean, ops.sqrt(variance + EPSILON)


def slot_entropy(target_attention):
    """How evenly a scale's slots are used: entropy of their mean share over the layout, 1 for all alike, 0 for one.

    Args:
        target_attention: beta, (batch, rows, columns, K), K above 1.
    Returns:
        float32 (batch,).
    """
    share = ops.mean(ops.cast(target_attention, "float32"), axis=(1, 2))
    entropy = -ops.sum(share * ops.log(share + EPSILON), axis=-1)
    return entropy / math.log(share.shape[-1])
