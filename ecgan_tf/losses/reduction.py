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


def pooled_difference(x, y, cells):
    """L1 distance per example of two images after average pooling: of their colours, whatever the detail within cells.

    Args:
        x, y: (batch, height, width, filters).
        cells: side of the cells whose means are compared, in pixels; 1: `mean_absolute_difference`.
    Returns:
        float32 (batch,).
    """
    if cells > 1:
        x, y = (ops.average_pool(ops.cast(z, "float32"), cells, padding="same") for z in (x, y))
    return mean_absolute_difference(x, y)
