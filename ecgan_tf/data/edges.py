"""The edge maps of ECGAN: Canny's edges with thresholds relative to the image's own strongest one."""

import cv2
import numpy as np

# Sums of integers below 2**24, exact in float32. The published 1/159 is left out: the thresholds are relative.
GAUSSIAN = np.array(
    [[2, 4, 5, 4, 2], [4, 9, 12, 9, 4], [5, 12, 15, 12, 5], [4, 9, 12, 9, 4], [2, 4, 5, 4, 2]], np.float32
)
SOBEL_X = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
SOBEL_Y = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]], np.float32)  # upwards
TAN_22_5, TAN_67_5 = np.tan(np.radians([22.5, 67.5]))


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
    # Sums of squares of integers, exact in float64: equal neighbours compare as equal.
    squares = np.square(gradient_x, dtype=np.float64) + np.square(gradient_y, dtype=np.float64)
    return _threshold(_suppress(squares, gradient_x, gradient_y), low, high)


def _convolve(image, kernel):
    return cv2.filter2D(image, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)


def _suppress(squares, gradient_x, gradient_y):
    """Keeps the pixels that neither neighbour along the gradient's direction, rounded to 45 degrees, exceeds."""
    beside = np.maximum(squares[1:-1, :-2], squares[1:-1, 2:])
    above = np.maximum(squares[:-2, 1:-1], squares[2:, 1:-1])
    rising = np.maximum(squares[:-2, 2:], squares[2:, :-2])
    falling = np.maximum(squares[:-2, :-2], squares[2:, 2:])

    x, y = gradient_x[1:-1, 1:-1], gradient_y[1:-1, 1:-1]
    along = np.where((x > 0) == (y > 0), rising, falling)
    along = np.where(np.abs(y) >= TAN_67_5 * np.abs(x), above, along)
    along = np.where(np.abs(y) < TAN_22_5 * np.abs(x), beside, along)

    ridges = np.zeros_like(squares)
    center = squares[1:-1, 1:-1]
    ridges[1:-1, 1:-1] = center * (center >= along)
    return ridges


def _threshold(ridges, low, high):
    """Both thresholds, on squared gradients."""
    strongest = ridges.max()
    if strongest == 0:
        return np.zeros(ridges.shape, np.uint8)
    high_square, low_square = strongest * high**2, strongest * low**2
    beside_strong = cv2.dilate((ridges > high_square).astype(np.uint8), np.ones((3, 3), np.uint8))
    edges = (ridges >= high_square) | ((ridges >= low_square) & (beside_strong > 0))
    return edges.astype(np.uint8) * 255
