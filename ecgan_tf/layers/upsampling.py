"""Enlarging feature maps."""

import tensorflow as tf


def upsample_nearest(x, factor=2):
    """Nearest-neighbour enlargement by an integer factor.

    The raw op, since `tf.image.resize` exports as a resize mode that ONNX has deprecated, and Keras' UpSampling2D as
    reshape and tile. Its own gradient XLA does not know, and a GPU adds it up in any order: here it is a pooling.

    Args:
        x: float (batch, height, width, filters), height and width static.
    Returns:
        float (batch, factor * height, factor * width, filters).
    """
    size = (x.shape[1] * factor, x.shape[2] * factor)

    @tf.custom_gradient
    def enlarge(x):
        enlarged = tf.raw_ops.ResizeNearestNeighbor(images=x, size=size, half_pixel_centers=False)
        return enlarged, lambda upstream: factor**2 * tf.nn.avg_pool2d(upstream, factor, factor, "VALID")

    return enlarge(x)


def upsample_bilinear(x):
    """Bilinear enlargement by 2, pixel centres as in PyTorch's `align_corners=False`.

    The raw op, which is RESIZE_BILINEAR in LiteRT and a linear, half_pixel Resize in ONNX. It always gives float32.

    Args:
        x: float (batch, height, width, filters), height and width static.
    Returns:
        float (batch, 2 * height, 2 * width, filters), of x's type.
    """
    size = (2 * x.shape[1], 2 * x.shape[2])
    return tf.cast(tf.raw_ops.ResizeBilinear(images=x, size=size, half_pixel_centers=True), x.dtype)
