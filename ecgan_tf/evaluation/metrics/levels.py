"""What every measure of pictures begins with: their levels, checked, and their greys."""

import numpy as np

from ecgan_tf.errors import RequestError

LARGEST = 1.5  # of pictures in [-1, 1]: float16 oversteps 1 a little, another range by far
GREY = np.array([0.299, 0.587, 0.114])  # luma of red, green and blue (ITU-R BT.601), as OpenCV and Pillow have it


def to_levels(images, what="pictures"):
    """Levels of pictures, not rounded.

    Args:
        images: uint8, or float in [-1, 1], which is clipped; (batch, height, width, 3).
        what: of a message, what they are.
    Returns:
        float64 (batch, height, width, 3) in [0, 255].
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or not images.size:
        raise RequestError(f"{what} of shape {images.shape}; give (batch, height, width, 3), none of them 0.")
    if images.dtype == np.uint8:
        return images.astype(np.float64)
    if images.dtype.kind != "f":
        raise RequestError(f"{what} of type {images.dtype}; give uint8, or floats in [-1, 1].")
    largest = np.abs(images).max()
    if not largest <= LARGEST:  # NaN is not either
        raise RequestError(f"{what} with the value {largest}; floats are in [-1, 1], and levels of 0..255 are uint8.")
    return 127.5 * (np.clip(images.astype(np.float64), -1.0, 1.0) + 1.0)


def to_level_pairs(images, photographs):
    """`to_levels` of pictures and of the photographs they are held against one by one; both of one shape."""
    images, photographs = to_levels(images), to_levels(photographs, "photographs")
    if images.shape != photographs.shape:
        raise RequestError(
            f"pictures of shape {images.shape} against photographs of shape {photographs.shape}; "
            "give one photograph for each picture, in its size."
        )
    return images, photographs


def to_grey(images, what="pictures"):
    """Greys of pictures, 0.299 R + 0.587 G + 0.114 B: float64 (batch, height, width) in [0, 255]."""
    return to_levels(images, what) @ GREY
