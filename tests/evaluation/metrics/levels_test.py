"""Levels of pictures: two types that mean the same, and what is neither."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.levels import to_grey, to_level_pairs, to_levels
from ecgan_tf.pixels import as_float


def test_bytes_and_floats_of_the_same_pictures_have_the_same_levels(rng):
    pixels = rng.integers(0, 256, (2, 4, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(to_levels(pixels), pixels)
    np.testing.assert_allclose(to_levels(as_float(pixels)), pixels, atol=1e-4)


def test_floats_are_clipped():
    np.testing.assert_array_equal(to_levels(np.array([-1.2, 0.0, 1.2]).reshape(1, 1, 1, 3)).ravel(), [0, 127.5, 255])


def test_grey_weighs_the_colours():
    np.testing.assert_allclose(
        to_grey(np.array([100, 0, 0, 0, 200, 0], np.uint8).reshape(1, 1, 2, 3)), [[[29.9, 117.4]]]
    )


@pytest.mark.parametrize(
    "images, words",
    [
        (np.zeros((4, 4, 3)), "shape"),
        (np.zeros((0, 4, 4, 3)), "shape"),
        (np.zeros((1, 4, 4, 1)), "shape"),
        (np.zeros((1, 4, 4, 3), int), "int64"),
        (np.full((1, 4, 4, 3), 200.0), "200"),
        (np.full((1, 4, 4, 3), np.nan), "nan"),
    ],
)
def test_what_is_no_picture_is_refused(images, words):
    with pytest.raises(RequestError, match=f"photographs.*{words}"):
        to_levels(images, "photographs")


def test_pairs_are_of_one_shape():
    with pytest.raises(RequestError, match="one photograph for each"):
        to_level_pairs(np.zeros((2, 4, 4, 3)), np.zeros((1, 4, 4, 3)))
