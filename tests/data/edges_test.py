import math

import cv2
import numpy as np
import pytest

from ecgan_tf.data.edges import canny_edges

GAUSSIAN = [[2, 4, 5, 4, 2], [4, 9, 12, 9, 4], [5, 12, 15, 12, 5], [4, 9, 12, 9, 4], [2, 4, 5, 4, 2]]
SOBEL_X = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
SOBEL_Y = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
STEP = {0: (0, 1), 45: (-1, 1), 90: (-1, 0), 135: (-1, -1)}  # rows and columns towards a neighbour


def convolve(image, kernel):
    height, width, half = len(image), len(image[0]), len(kernel) // 2
    return [
        [
            sum(
                kernel[i][j] * image[y + i - half][x + j - half]
                for i in range(len(kernel))
                for j in range(len(kernel))
                if 0 <= y + i - half < height and 0 <= x + j - half < width
            )
            for x in range(width)
        ]
        for y in range(height)
    ]


def direction(x, y):
    """Of 0, 45, 90 and 135 degrees the nearest."""
    angle = math.degrees(math.atan2(y, x)) % 180
    return 0 if angle < 22.5 or angle >= 157.5 else 45 if angle < 67.5 else 90 if angle < 112.5 else 135


def canny_loops(gray, low, high):
    """The steps of spec 2 one by one, in integers (159 times the gradient), so that ties are ties."""
    height, width = len(gray), len(gray[0])
    blurred = convolve(gray, GAUSSIAN)
    gx, gy = convolve(blurred, SOBEL_X), convolve(blurred, SOBEL_Y)
    squares = [[gx[y][x] ** 2 + gy[y][x] ** 2 for x in range(width)] for y in range(height)]
    ridges = [[0] * width for _ in range(height)]
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            down, right = STEP[direction(gx[y][x], gy[y][x])]
            if squares[y][x] >= max(squares[y + down][x + right], squares[y - down][x - right]):
                ridges[y][x] = squares[y][x]
    strongest = max(map(max, ridges))
    edges = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            around = [
                ridges[j][i]
                for j in range(max(0, y - 1), min(height, y + 2))
                for i in range(max(0, x - 1), min(width, x + 2))
            ]
            strong = ridges[y][x] >= high**2 * strongest
            weak = ridges[y][x] >= low**2 * strongest and max(around) > high**2 * strongest
            edges[y, x] = 255 * (strongest > 0 and (strong or weak))
    return edges


def photograph(kind, rng):
    if kind == "noise":
        gray = rng.integers(0, 256, (14, 17), dtype=np.uint8)
    elif kind == "smooth":
        gray = cv2.GaussianBlur(rng.integers(0, 256, (22, 19), dtype=np.uint8), (0, 0), 2)
    else:  # flat patches: many equal gradients
        gray = np.repeat(np.repeat(rng.integers(0, 4, (4, 5), dtype=np.uint8) * 60, 5, 0), 5, 1)
    return np.repeat(gray[..., np.newaxis], 3, -1)


@pytest.mark.parametrize("kind", ["noise", "smooth", "patches"])
@pytest.mark.parametrize("low, high", [(0.075, 0.175), (0.3, 0.6)])
def test_canny_edges_match_loops(kind, low, high, rng):
    image = photograph(kind, rng)
    expected = canny_loops(image[..., 0].astype(int).tolist(), low, high)
    np.testing.assert_array_equal(canny_edges(image, low, high), expected)
    assert expected.any()


def test_a_vertical_step_is_a_vertical_line():
    image = np.zeros((32, 32, 3), np.uint8)
    image[:, 16:] = 200
    edges = canny_edges(image)
    assert set(np.nonzero(edges[8:24].any(0))[0]) == {15, 16}  # a tie of both sides of the step: both are kept
    assert edges[8:24, 15:17].all()


def test_thresholds_follow_the_contrast_of_the_image(rng):
    bright = cv2.GaussianBlur(rng.integers(0, 2, (40, 40), dtype=np.uint8) * 200, (0, 0), 1)
    dark = bright // 4 * 4 // 4  # a quarter of the contrast
    bright = dark * 4
    np.testing.assert_array_equal(canny_edges(np.dstack([dark] * 3)), canny_edges(np.dstack([bright] * 3)))


def test_a_uniform_image_has_no_edges():
    for size in ((16, 16), (2, 5), (1, 1)):
        assert not canny_edges(np.full((*size, 3), 0, np.uint8)).any()
    assert not canny_edges(np.full((16, 16, 3), 180, np.uint8))[3:-3, 3:-3].any()
