"""The class-specific pixel loss (ECGAN, section 3.4)."""

from keras import ops


def class_pixel_loss(image, generated, labels, num_classes):
    """L1 distance per class, averaged over the classes that an image shows.

    The paper synthesises each class i by itself and adds |I_i - I'_i| over the classes. With one pointwise decoder for
    all classes, that is one pass over the whole feature map; the mean within each class keeps small classes in sight.

    Args:
        image, generated: float (batch, height, width, 3) in [-1, 1].
        labels: int32 (batch, height, width); ids of `num_classes` and above are unknown and left out.
    Returns:
        float32 (batch,), 0 where every pixel is unknown.
    """
    distance = ops.mean(ops.absolute(ops.cast(image, "float32") - ops.cast(generated, "float32")), axis=-1)
    # A pixel's share is 1 / area of its class: the means of all classes without a mask per class.
    batch = ops.arange(labels.shape[0], dtype="int32")[:, None, None]
    ids = ops.where(labels < num_classes, labels, num_classes) + (num_classes + 1) * batch
    counts = ops.segment_sum(ops.ones_like(ops.ravel(ids)), ops.ravel(ids), labels.shape[0] * (num_classes + 1))
    areas = ops.cast(ops.reshape(counts, (labels.shape[0], num_classes + 1)), "float32")[:, :num_classes]
    shares = ops.pad(1.0 / ops.maximum(areas, 1.0), [(0, 0), (0, 1)])
    of_classes = ops.sum(distance * ops.take(ops.ravel(shares), ids), axis=(1, 2))
    return of_classes / ops.maximum(ops.sum(ops.cast(areas > 0, "float32"), axis=1), 1.0)
