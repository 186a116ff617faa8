"""From [-1, 1] to uint8, and the grid of captioned tiles."""

import numpy as np
import pytest

from ecgan_tf.data.classes import ClassList
from ecgan_tf.pictures import CAPTION_HEIGHT, GAP, captioned_grid, legend_of, pictures_of
from ecgan_tf.pixels import to_uint8


def test_levels_are_rounded_half_up_and_clipped():
    values = np.array([-2, -1, 0, 1, 2, 0.5 / 127.5 - 1], np.float32).reshape(1, 6, 1)
    assert to_uint8(values)[0, :, 0].tolist() == [0, 0, 128, 255, 255, 1]


def test_one_channel_becomes_three_equal_ones():
    assert to_uint8(np.zeros((2, 4, 4, 1))).shape == (2, 4, 4, 3)


def test_weights_are_black_to_white_and_features_are_no_pictures():
    shapes = {"local_weight": 1, "image": 3, "features": 8, "scales": 2}
    outputs = {key: np.full((1, 2, 2, channels), 0.5, np.float32) for key, channels in shapes.items()}
    pictures = pictures_of(outputs)
    assert {key: (x.shape, x[0, 0, 0, 0]) for key, x in pictures.items()} == {
        "local_weight": ((1, 2, 2, 3), 128),
        "image": ((1, 2, 2, 3), 191),
    }


def test_every_tile_stands_in_its_row_and_column():
    tiles = {name: np.full((2, 64, 128, 3), level, np.uint8) for name, level in (("a", 10), ("b", 200))}
    tiles["b"][1] = 90
    grid = captioned_grid(tiles, smallest_width=128)
    assert grid.shape == (CAPTION_HEIGHT + 2 * (64 + GAP) + GAP, 2 * (128 + GAP) + GAP, 3)
    top, left = CAPTION_HEIGHT + GAP, GAP
    assert grid[top + 5, left + 5, 0] == 10
    assert grid[top + 5, left + 128 + GAP + 5, 0] == 200
    assert grid[top + 64 + GAP + 5, left + 128 + GAP + 5, 0] == 90


@pytest.mark.parametrize(("aspect", "tile"), [(None, (128, 128)), (4 / 3, (128, 171)), (0.5, (256, 128))])
def test_tiles_have_the_aspect_of_the_scene(aspect, tile):
    tiles = {name: np.zeros((1, 64, 64, 3), np.uint8) for name in "ab"}
    height, width = captioned_grid(tiles, aspect=aspect).shape[:2]
    assert (height, width) == (CAPTION_HEIGHT + tile[0] + 2 * GAP, 2 * (tile[1] + GAP) + GAP)


def test_a_legend_names_the_classes_that_are_shown():
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    classes = ClassList(("sky", "a road of which the name is rather long", "tree"), palette, unknown_label=255)
    entries = legend_of(classes, np.array([[0, 3], [2, 2]]))  # 3 is unknown
    assert [name for name, _ in entries] == ["sky", "tree"]
    tiles = {"a": np.full((1, 128, 128, 3), 7, np.uint8)}
    plain, grid = captioned_grid(tiles), captioned_grid(tiles, legend=legend_of(classes, [0, 1, 2]))
    np.testing.assert_array_equal(grid[: len(plain)], plain)
    below = grid[len(plain) :].reshape(-1, 3)
    for color in palette:
        assert (below == color).all(axis=1).any()
    assert len(grid) >= len(plain) + 2 * CAPTION_HEIGHT  # the long name has a line of its own
