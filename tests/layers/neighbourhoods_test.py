import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers import neighbourhoods
from ecgan_tf.layers.neighbourhoods import Cells, Selection, number_runs


def windows_numpy(ids, size, padding):
    """The window around every cell by plain loops: int (batch, height, width, size * size), -1 outside."""
    margin = size // 2
    pads = [(0, 0), (margin, margin), (margin, margin)]
    padded = np.pad(ids, pads, "reflect") if padding == "reflect" else np.pad(ids, pads, constant_values=-1)
    _, height, width = ids.shape
    return np.stack(
        [padded[:, dy : dy + height, dx : dx + width] for dy in range(size) for dx in range(size)], axis=-1
    )  # fmt: skip


def assert_same_partition(numbers, things):
    """Equal numbers, and no others, where the things are equal."""
    numbers, things = np.reshape(numbers, -1), np.reshape(things, (np.size(numbers), -1))
    _, expected = np.unique(things, axis=0, return_inverse=True)
    pairs = np.unique(np.stack([numbers, np.reshape(expected, -1)]), axis=1)
    assert pairs.shape[1] == len(np.unique(numbers)) == len(np.unique(expected))


@pytest.fixture
def patches(rng):
    """Three label ids in patches of 2x2 cells on an uneven size, in a batch whose examples share windows."""
    ids = rng.integers(0, 3, (3, 4, 5)).repeat(2, 1).repeat(2, 2)[:, :7, :9]
    return ids.astype(np.int32)


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
@pytest.mark.parametrize("size", [3, 5, 7])
def test_windows_are_told_apart_by_all_that_they_hold(size, padding, patches):
    windows = Cells(tf.constant(patches), 3).windows(size, padding)
    assert bool(windows.is_exact)
    assert_same_partition(windows.ids, windows_numpy(patches, size, padding))
    assert int(windows.count) == len(np.unique(windows.ids)) == int(np.max(windows.ids)) + 1


def test_windows_of_windows_are_wider_windows(patches):
    wide = Cells(tf.constant(patches), 3).windows(3).windows(3)
    assert_same_partition(wide.ids, windows_numpy(patches, 5, "zeros"))


@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_a_window_adds_up_a_row_for_each_of_its_taps(padding, patches, rng):
    windows = Cells(tf.constant(patches), 3).windows(3, padding)
    tables = rng.normal(size=(9, 4, 6)).astype(np.float32)
    held = windows_numpy(patches, 3, padding)
    expected = sum(tables[tap, 1 + held[..., tap]] for tap in range(9))
    np.testing.assert_allclose(windows.spread(windows.sum(tables)), expected, rtol=1e-5, atol=1e-5)


def test_the_share_is_that_of_distinct_windows(patches):
    windows = Cells(tf.constant(patches), 3).windows(3)
    expected = len(np.unique(windows_numpy(patches, 3, "zeros").reshape(-1, 9), axis=0)) / patches.size
    assert float(windows.share) == pytest.approx(expected)


def test_more_ids_than_a_number_holds_are_not_exact(patches, monkeypatch):
    monkeypatch.setattr(neighbourhoods, "MAX_IDS", 16)
    assert np.isinf(Cells(tf.constant(patches), 17).share)
    windows = Cells(tf.constant(patches), 3).windows(3)
    assert int(windows.count) > 16 and np.isinf(windows.share)


def test_runs_along_either_axis(rng):
    ids = rng.integers(0, 2, (2, 6, 7)).astype(np.int32)
    for axis in (1, 2):
        numbers, count, is_exact = number_runs(tf.constant(ids), 3, axis)
        runs = np.lib.stride_tricks.sliding_window_view(ids, 3, axis)
        assert numbers.shape == runs.shape[:3] and bool(is_exact)
        assert_same_partition(numbers, runs)
        assert int(count) == int(np.max(numbers)) + 1


@pytest.mark.parametrize("each", [1, 4])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_selection_and_its_gradient_match_a_loop(each, dtype, rng):
    rows = rng.integers(0, 5, (30, each)).astype(np.int32)  # row 5 is read by none
    table, upstream = (tf.cast(rng.normal(size=(count, 7)), dtype) for count in (6, 30))
    selection = Selection.of(tf.constant(rows))
    with tf.GradientTape() as tape:
        tape.watch(table)
        sums = selection.sum(table)
    gradient = tape.gradient(sums, table, upstream)
    assert sums.dtype == gradient.dtype == dtype
    table, upstream = (np.asarray(tf.cast(x, tf.float64)) for x in (table, upstream))
    expected = np.zeros_like(table)
    np.add.at(expected, rows, upstream[:, None])
    tolerance = {"float32": 1e-6, "float16": 1e-3, "bfloat16": 8e-3}[dtype]  # of the last rounding alone
    np.testing.assert_allclose(tf.cast(sums, tf.float64), table[rows].sum(1), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(tf.cast(gradient, tf.float64), expected, rtol=tolerance, atol=tolerance)


def test_half_precision_is_added_up_in_full():
    rows = tf.zeros((4096, 1), tf.int32)
    table = tf.zeros((1, 1), tf.float16)
    with tf.GradientTape() as tape:
        tape.watch(table)
        sums = Selection.of(rows).sum(table)
    gradient = tape.gradient(sums, table, tf.ones_like(sums))
    assert float(gradient[0, 0]) == 4096  # in float16 the sum would stop at 2048


def test_the_gradient_is_the_same_every_time(rng):
    rows = tf.constant(rng.integers(0, 3, (5000, 1)).astype(np.int32))
    upstream = tf.constant(rng.normal(size=(5000, 8)).astype(np.float32))

    @tf.function(autograph=False)
    def gradient():
        with tf.GradientTape() as tape:
            table = tf.zeros((3, 8))
            tape.watch(table)
            sums = Selection.of(rows).sum(table)
        return tape.gradient(sums, table, upstream)

    first = gradient()
    for _ in range(5):
        np.testing.assert_array_equal(gradient(), first)
