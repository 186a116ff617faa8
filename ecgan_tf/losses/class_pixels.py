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
    masks = ops.one_hot(labels, num_classes, dtype="float32")
    areas = ops.sum(masks, axis=(1, 2))
    of_class = ops.einsum("bhw,bhwn->bn", distance, masks) / ops.maximum(areas, 1.0)
    shown = ops.cast(areas > 0, "float32")
    return ops.sum(of_class * shown, axis=1) / ops.maximum(ops.sum(shown, axis=1), 1.0)
