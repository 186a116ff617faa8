"""Rows by integer maps, and padding of such maps, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.gathering import gather_rows, pad_ids


@pytest.mark.parametrize("row", [(), (4,), (2, 3)], ids=str)
def test_rows_are_those_of_numpy(rng, row):
    table, ids = rng.normal(size=(5, *row)).astype(np.float32), rng.integers(0, 5, (2, 3, 4))
    np.testing.assert_array_equal(gather_rows(table, tf.constant(ids, tf.int32)), table[ids])


@pytest.mark.parametrize("cells", [0, 1, 3])
@pytest.mark.parametrize("outside", [None, 7])
def test_padding_is_that_of_numpy(rng, cells, outside):
    ids = rng.integers(0, 5, (2, 4, 6)).astype(np.int32)
    margins = [(0, 0), (cells, cells), (cells, cells)]
    how = {"mode": "reflect"} if outside is None else {"constant_values": outside}
    np.testing.assert_array_equal(pad_ids(tf.constant(ids), cells, outside), np.pad(ids, margins, **how))


def test_a_map_that_is_too_small_to_mirror_is_refused():
    with pytest.raises(ValueError, match="cannot mirror 3 cells of a map of 3x8"):
        pad_ids(tf.zeros((1, 3, 8), tf.int32), 3)
