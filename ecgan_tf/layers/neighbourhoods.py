"""The distinct windows of a map of ids, numbered, and sums over the rows of tables that they name.

What a convolution reads of a label map at a cell is the window around that cell, and real maps repeat few windows: what
is computed once per distinct window need not be computed per cell. All of it is exact: windows are told apart by every
id that they hold, never by a hash.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ecgan_tf.layers.convolution import pad_reflect

MAX_IDS = 2**21  # three ids make one int64


class Selection(NamedTuple):
    """Which rows of a table are added up for each of many outputs.

    The gradient of a row adds up the gradients of the outputs that read it: a segment sum over rows that were sorted
    once, so that the order of additions is fixed on every device. Half precision is added up in float32.

    Attributes:
        rows: int32 (outputs * rows_each,), numbers of rows.
        outputs: int32, the output of each; None where each output reads one row.
        sorted_rows, readers: int32, the rows in ascending order and the outputs that read them.
    """

    rows: tf.Tensor
    outputs: tf.Tensor | None
    sorted_rows: tf.Tensor
    readers: tf.Tensor

    @classmethod
    def of(cls, rows):
        """The selection of int32 (outputs, rows_each), numbers of rows."""
        each, flat = rows.shape[1], tf.reshape(rows, [-1])
        outputs = tf.repeat(tf.range(tf.shape(rows)[0]), each) if each > 1 else None
        order = tf.argsort(flat, stable=True)
        return cls(flat, outputs, tf.gather(flat, order), order // each)

    def sum(self, table):
        """The sums of the selected rows.

        Args:
            table: float (rows, filters).
        Returns:
            float (outputs, filters), of the table's type.
        """

        @tf.custom_gradient
        def select(table):
            def gradient(upstream):
                by_row = tf.raw_ops.SparseSegmentSumWithNumSegments(
                    data=tf.cast(upstream, tf.float32),
                    indices=self.readers,
                    segment_ids=self.sorted_rows,
                    num_segments=tf.shape(table)[0],
                )
                return tf.cast(by_row, table.dtype)

            if self.outputs is None:
                return tf.gather(table, self.rows), gradient
            sums = tf.raw_ops.SparseSegmentSum(
                data=tf.cast(table, tf.float32), indices=self.rows, segment_ids=self.outputs
            )
            return tf.cast(sums, table.dtype), gradient

        return select(table)


class Cells:
    """A map of ids, each of which stands for something that a table has a row of.

    Args:
        ids: int32 (batch, height, width), 0..count-1; height and width static.
        count: how many ids there are, an integer or an int32 scalar.
        is_exact: bool scalar, whether no two things share an id. The numbers below mean nothing where it is false.
    """

    def __init__(self, ids, count, is_exact=True):
        self.ids = ids
        self.count = count
        self.is_exact = tf.logical_and(is_exact, count < MAX_IDS)
        self._selection = None
        self._windows = {}

    def windows(self, size, padding="zeros"):
        """The `Windows` of size x size cells around each.

        Args:
            size: odd, 3 or more.
            padding: "zeros" for what lies outside, or "reflect" for mirrored ids.
        """
        key = (size, padding)
        if key not in self._windows:
            self._windows[key] = Windows(self, size, padding)
        return self._windows[key]

    @property
    def share(self):
        """How many ids there are beside how many cells, float32 scalar; infinite where the ids are not exact."""
        share = tf.cast(self.count, tf.float32) / tf.cast(tf.size(self.ids), tf.float32)
        return tf.where(self.is_exact, share, np.inf)

    def prepare(self):
        """Makes what all calls of `spread` share: to be called first outside a branch, which keeps what it makes."""
        if self._selection is None:
            self._selection = Selection.of(tf.reshape(self.ids, [-1, 1]))

    def spread(self, table):
        """To every cell the row of its id: float (count, filters) to (batch, height, width, filters)."""
        self.prepare()
        rows = self._selection.sum(table)
        return tf.reshape(rows, [-1, *self.ids.shape[1:], table.shape[-1]])

    def convolve(self, tables, size, strides, padding):
        """A convolution over the map that adds up rows instead: for each tap the row of what lies there.

        Args:
            tables: float (size * size, 1 + count, filters): for each tap what lies outside, then the ids.
            strides, padding: as in `PaddedConv2D`, with zeros.
        Returns:
            float (batch, rows, columns, filters).
        """
        seen = tf.pad(self.ids + 1, [(0, 0), (padding, padding), (padding, padding)])
        rows, columns = ((length - size) // strides + 1 for length in seen.shape[1:])
        taps = [
            seen[:, dy : dy + strides * rows : strides, dx : dx + strides * columns : strides][:, :rows, :columns]
            for dy in range(size)
            for dx in range(size)
        ]
        of_taps = tf.stack([tf.reshape(tap, [-1]) for tap in taps], axis=1) + tap_offsets(size, self.count)
        sums = Selection.of(of_taps).sum(tf.reshape(tables, [-1, tables.shape[-1]]))
        return tf.reshape(sums, [-1, rows, columns, tables.shape[-1]])


class Windows(Cells):
    """The distinct windows of a map, as a map of their numbers.

    Args:
        cells: `Cells`, the map.
        size, padding: as in `Cells.windows`.
    """

    def __init__(self, cells, size, padding):
        margin = size // 2
        seen = cells.ids + 1  # 0 is what lies outside
        if padding == "reflect":
            seen = pad_reflect(seen, margin)
        else:
            seen = tf.pad(seen, [(0, 0), (margin, margin), (margin, margin)])
        rows, _, rows_are_exact = number_runs(seen, size, axis=2)
        ids, count, is_exact = number_runs(rows, size, axis=1)
        super().__init__(ids, count, cells.is_exact & rows_are_exact & is_exact)
        self._selection_where = None
        # Whoever reads a window reads it off the first cell that it is around.
        numbers = tf.reshape(ids, [-1])
        first = tf.math.unsorted_segment_min(tf.range(tf.size(numbers)), numbers, count)
        height, width = ids.shape[1:]
        padded_width, padded_area = width + 2 * margin, (height + 2 * margin) * (width + 2 * margin)
        corner = first // (height * width) * padded_area + first // width % height * padded_width + first % width
        taps = (np.arange(size)[:, None] * padded_width + np.arange(size)).reshape(-1).astype(np.int32)
        self._held = tf.gather(tf.reshape(seen, [-1]), corner[:, None] + taps)
        self._of_taps = Selection.of(self._held + tap_offsets(size, cells.count))

    def selection_where(self, pays):
        """How every cell reads its row of a table of the windows or, where that does not pay, of one of all cells.

        Args:
            pays: bool scalar, the same for all who ask: the selection is made once.
        """
        if self._selection_where is None:
            windows = tf.reshape(self.ids, [-1, 1])
            self._selection_where = Selection.of(tf.where(pays, windows, tf.range(tf.size(windows))[:, None]))
        return self._selection_where

    def sum(self, tables):
        """What a convolution gives at each window: for each of its taps the row of what lies there, added up.

        Args:
            tables: float (taps, 1 + ids, filters): for each tap what lies outside, then the ids of the map.
        Returns:
            float (count, filters).
        """
        return self._of_taps.sum(tf.reshape(tables, [-1, tables.shape[-1]]))

    def mean(self, table):
        """The mean row of what each window holds of the map, what lies outside left out.

        Args:
            table: float (ids, filters).
        Returns:
            float (count, filters).
        """
        sums = Selection.of(self._held).sum(tf.pad(table, [(1, 0), (0, 0)]))
        inside = tf.reduce_sum(tf.cast(self._held > 0, sums.dtype), axis=1, keepdims=True)
        return sums / inside


def tap_offsets(size, count):
    """What to add to ids, 0 for outside, to find their rows in the tables of all taps, one after the other."""
    return np.arange(size * size, dtype=np.int32) * (count + 1)


def number_runs(ids, size, axis):
    """Numbers the distinct runs of `size` ids along an axis.

    Args:
        ids: int32 (batch, height, width), below `MAX_IDS`.
        size: odd, 3 or more.
        axis: 1 or 2; it becomes shorter by size - 1.
    Returns:
        int32 (batch, height, width), the numbers; how many there are, int32 scalar; and whether they are below
        `MAX_IDS` at every stage, bool scalar, without which different runs may share a number.
    """
    length = ids.shape[axis] - size + 1
    parts = [ids[:, i : i + length] if axis == 1 else ids[:, :, i : i + length] for i in range(size)]
    run, count, is_exact = parts[0], None, True
    for second, third in zip(parts[1::2], parts[2::2]):
        first, second, third = (tf.cast(part, tf.int64) for part in (run, second, third))
        distinct, numbers = tf.unique(tf.reshape((first * MAX_IDS + second) * MAX_IDS + third, [-1]))
        run, count = tf.reshape(numbers, [-1, *parts[0].shape[1:]]), tf.size(distinct)
        is_exact = tf.logical_and(is_exact, count < MAX_IDS)
    return run, count, is_exact
