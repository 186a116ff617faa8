"""Rows of a table by integer maps, in the one form that every runtime's GPU delegate takes."""

import math

import tensorflow as tf

from ecgan_tf.layers.convolution import need_cells

CHAIN = 8  # terms of a group; as many groups are one more chain


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


def add_up(term, count, shape, chain=CHAIN):
    """The sum of many terms: in groups that are reshaped at their ends.

    LiteRT makes one GPU kernel of a chain of additions, and a browser gives a kernel 16 textures: of longer chains it
    computes nothing, without an error. A reshape ends a chain.

    Args:
        term: function of an index, and of what its inputs are to wait for, to a tensor: the sum of those before it,
            else an executor would hold all of them at once.
        count: of terms.
        shape: of the sum.
        chain: terms of a group, fewer where a term is made of several tensors.
    """
    total = None
    for start in range(0, count, chain):
        part = None
        for index in range(start, min(start + chain, count)):
            before = total if part is None else part
            x = term(index, [] if before is None else [before])
            part = x if part is None else part + x
        part = tf.reshape(part, shape)
        total = part if total is None else total + part
    return total


def pad_ids(ids, cells, outside=None):
    """An integer map with `cells` rows and columns more at every edge.

    By concatenation: LiteRT's GPU delegate takes PAD of integers and gives wrong ones, and ends the process at PADV2.

    Args:
        ids: int32 (batch, height, width), height and width static and above `cells`.
        outside: what lies there; None: the mirrored map, without the edge itself.
    Returns:
        int32 (batch, height + 2 * cells, width + 2 * cells).
    Raises:
        ValueError: where a map is too small to be mirrored.
    """
    if outside is None:
        need_cells(ids, cells)
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
