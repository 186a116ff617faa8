"""The mean that every loss family takes."""

from keras import ops


def per_example_mean(x):
    """Mean over all axes but the first, in float32.

    Args:
        x: (batch, ...).
    Returns:
        float32 (batch,).
    """
    return ops.mean(ops.cast(x, "float32"), axis=tuple(range(1, len(x.shape))))


def mean_absolute_difference(x, y):
    """L1 distance per example.

    Args:
        x, y: (batch, ...).
    Returns:
        float32 (batch,).
    """
    return per_example_mean(ops.absolute(ops.cast(x, "float32") - ops.cast(y, "float32")))
