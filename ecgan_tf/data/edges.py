"""The edge maps of ECGAN: Canny's edges with thresholds relative to the image's own strongest one."""

import cv2
import numpy as np

# Sums of integers below 2**24, exact in float32. The published 1/159 is left out: the thresholds are relative.
GAUSSIAN = np.array(
    [[2, 4, 5, 4, 2], [4, 9, 12, 9, 4], [5, 12, 15, 12, 5], [4, 9, 12, 9, 4], [2, 4, 5, 4, 2]], np.float32
)
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
SOBEL_Y = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], np.float32)  # upwards


def canny_edges(photograph, low=0.075, high=0.175):
    """Edges as the release of ECGAN draws them (Canny, 1986), at the size of the photograph.

    Gaussian, Sobel, suppression of all but the ridges, then two thresholds: a pixel of at least `high` times the
    largest remaining gradient is an edge; one of at least `low` times is an edge if a neighbour exceeds the high
    threshold. One pass, so edges do not spread further. The outermost pixels are never edges.

    Args:
        photograph: uint8 (height, width, 3).
    Returns:
        uint8 (height, width), 255 on edges and 0 elsewhere.
    """
    gray = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY).astype(np.float32)
    blurred = _convolve(gray, GAUSSIAN)
    gradient_x, gradient_y = _convolve(blurred, SOBEL_X), _convolve(blurred, SOBEL_Y)
    return _threshold(_suppress(gradient_x, gradient_y), low, high)


def _convolve(image, kernel):
    return cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)


def _suppress(x, y):
    """The squared gradients of the pixels that neither neighbour along the gradient's direction exceeds, 0 elsewhere.

    The direction is rounded to 45 degrees. All sums of squares are of integers, exact in float64: equal neighbours
    compare as equal. Rows follow each other in one vector, in which a neighbour is a shift; what that gives in the
    first and last column means nothing, and is set to 0.
    """
    height, width = x.shape
    squares, ridges = (_square(x) + _square(y)).ravel(), np.zeros((height, width))
    first, last = width + 1, squares.size - width - 1
    if first >= last:
        return ridges
    center, x, y = squares[first:last], x.ravel()[first:last], y.ravel()[first:last]
    tilt, product = _square(x) - _square(y), np.multiply(x, y, dtype=np.float64)
    steepness, rises = 2 * np.abs(product), product > 0
    # |y| < tan(22.5) |x| and |y| >= tan(67.5) |x|, squared: these are 2 ** 0.5 - 1 and 2 ** 0.5 + 1.
    is_flat, is_steep = tilt > steepness, tilt + steepness <= 0

    def exceeded(shift):
        return center < np.maximum(squares[first - shift : last - shift], squares[first + shift : last + shift])

    along = _choose(rises, exceeded(width - 1), exceeded(width + 1))
    along = _choose(is_steep, exceeded(width), along)
    ridges.ravel()[first:last] = center * ~_choose(is_flat, exceeded(1), along)
    ridges[:, [0, -1]] = 0
    return ridges


def _square(integers):
    return np.square(integers, dtype=np.float64)


def _choose(condition, yes, no):
    """`np.where` of truth values, which is many times slower."""
    return (condition & yes) | (~condition & no)


def _threshold(ridges, low, high):
    """Both thresholds, on squared gradients."""
    strongest = ridges.max()
    if strongest == 0:
        return np.zeros(ridges.shape, np.uint8)
    high_square, low_square = strongest * high**2, strongest * low**2
    beside_strong = cv2.dilate((ridges > high_square).view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    edges = (ridges >= high_square) | ((ridges >= low_square) & beside_strong)
    return edges.view(np.uint8) * np.uint8(255)
