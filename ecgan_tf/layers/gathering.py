"""Rows of a table by integer maps, in the one form that every runtime's GPU delegate takes."""

import math

import tensorflow as tf


def gather_rows(table, ids):
    """The row of each id, gathered with flat indices: LiteRT's GPU delegate takes those alone.

    Args:
        table: tensor or array (rows, ...).
        ids: int32 (batch, ...), all sides but the first static.
    Returns:
        (*shape of ids, ...), of the table's type.
    """
    # Not `ops.take`, which wraps negative indices: five more operators.
    table, inner = tf.convert_to_tensor(table), ids.shape[1:]
    width = math.prod(table.shape[1:])
    rows = tf.gather(tf.reshape(table, (-1, width)), tf.reshape(ids, (-1,)))
    return tf.reshape(rows, (-1, *inner, *table.shape[1:]))


def pad_ids(ids, cells, outside=None):
    """An integer map with `cells` rows and columns more at every edge.

    By concatenation: LiteRT's GPU delegate takes PAD of integers and gives wrong ones, and ends the process at PADV2.

    Args:
        ids: int32 (batch, height, width), height and width static and above `cells`.
        outside: what lies there; None: the mirrored map, without the edge itself.
    Returns:
        int32 (batch, height + 2 * cells, width + 2 * cells).
    """
    for axis in (1, 2):
        first, last = 0, ids.shape[axis] - 1
        if outside is None:
            before = [_line(ids, axis, first + cells - i) for i in range(cells)]
            after = [_line(ids, axis, last - 1 - i) for i in range(cells)]
        else:
            before = after = [tf.zeros_like(_line(ids, axis, first)) + outside] * cells
        ids = tf.concat([*before, ids, *after], axis)
    return ids


def _line(ids, axis, position):
    line = slice(position, position + 1)
    return ids[:, line] if axis == 1 else ids[:, :, line]
