"""Between pixels and what networks see: the one rule from [-1, 1] to uint8 and back, and that of nearest rows."""

import numpy as np


def to_uint8(images):
    """Images in [-1, 1], clipped, as uint8 in 0..255; rounded half up, as every exported graph does.

    Args:
        images: float (..., height, width, channels); one channel becomes three equal ones.
    Returns:
        uint8 (..., height, width, 3).
    """
    scaled = np.floor((np.clip(np.asarray(images, np.float32), -1.0, 1.0) + 1.0) * np.float32(127.5) + 0.5)
    pixels = scaled.astype(np.uint8)
    return np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels


def to_uint8_tensor(images):
    """`to_uint8` inside a TensorFlow graph, for any number of channels."""
    import tensorflow as tf

    return tf.cast(tf.floor((tf.clip_by_value(images, -1.0, 1.0) + 1.0) * 127.5 + 0.5), tf.uint8)


def as_float(image):
    """An image of uint8 pixels as float32 in [-1, 1]; one that is float32 already stays what it is."""
    return image if image.dtype == np.float32 else image.astype(np.float32) / np.float32(127.5) - np.float32(1.0)


def nearest_rows(new, old, counting=np.arange):
    """Which of `old` rows each of `new` ones is: floor((i + 0.5) * old / new), the row at its centre.

    Args:
        new, old: numbers of rows; integers, or scalar tensors.
        counting: makes 0..new-1, for TensorFlow `tf.range`.
    """
    return (2 * counting(new) + 1) * old // (2 * new)
