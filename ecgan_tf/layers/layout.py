"""A label map as the networks see it: integers at every resolution, one-hot only where a layer asks for it."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.gathering import gather_rows
from ecgan_tf.layers.neighbourhoods import Cells

FEWEST_CELLS = 256  # of a layout, below which it is read cell by cell whatever it holds


def layout_specs(image_size, has_boundaries):
    """The inputs of a generator that reads layouts: dictionary from name to `keras.InputSpec`."""
    specs = {"labels": keras.InputSpec("int32", (None, *image_size))}
    if has_boundaries:
        specs["boundaries"] = keras.InputSpec("float32", (None, *image_size, 1))
    return specs


def neighbourhoods_pay(jit_compile=False):
    """Whether layouts are better read by neighbourhoods: on CPUs, as measured; XLA cannot, and no GPU was measured."""
    return not jit_compile and not tf.config.list_physical_devices("GPU")


class Layout:
    """Labels and instance boundaries of a batch, at one resolution and, made once each, at the smaller ones.

    Scaling down takes every k-th cell, the index rule of the nearest-neighbour resize in the PyTorch peers
    (spec: floor(i * scale)), which every exporter knows as a strided slice.

    Args:
        labels: int32 (batch, height, width), ids below `num_labels`.
        num_labels: number of classes, plus one where there is an "unknown".
        boundaries: float (batch, height, width, 1), 1 at instance boundaries; or None.
        by_neighbourhoods: whether layers may compute what they read of it once per distinct neighbourhood. How many
            there are depends on the data: not for what needs static shapes, such as XLA and most exports. Noise makes
            every layout another one: with it, cell by cell.
        noise: float (batch, num_labels, size), a random code for each class; or None.
    """

    def __init__(self, labels, num_labels, boundaries=None, by_neighbourhoods=False, noise=None):
        self.labels = labels
        self.num_labels = num_labels
        self.boundaries = boundaries
        self.noise = noise
        has_enough = labels.shape[1] * labels.shape[2] >= FEWEST_CELLS
        self.by_neighbourhoods = by_neighbourhoods and has_enough and noise is None
        self._smaller = {}
        self._one_hot = {}
        self._semantic = {}
        self._noise_map = {}
        self._cells = None

    @property
    def size(self):
        return self.labels.shape[1:3]

    def at(self, height, width):
        """The same layout at a size that divides this one."""
        if (height, width) == tuple(self.size):
            return self
        if (height, width) not in self._smaller:
            rows, columns = self.size[0] // height, self.size[1] // width
            boundaries = None if self.boundaries is None else self.boundaries[:, ::rows, ::columns]
            self._smaller[height, width] = Layout(
                self.labels[:, ::rows, ::columns], self.num_labels, boundaries, self.by_neighbourhoods, self.noise
            )
        return self._smaller[height, width]

    def by_cells(self):
        """The same layout, read cell by cell. Made anew, since what a branch of a graph makes stays in it."""
        return Layout(self.labels, self.num_labels, self.boundaries, noise=self.noise)

    @property
    def cells(self):
        """The layout as one map of ids, for its neighbourhoods: a label, or `num_labels` more at a boundary."""
        if self._cells is None:
            ids, count = tf.convert_to_tensor(self.labels), self.num_labels
            is_exact = tf.reduce_all((ids >= 0) & (ids < count))
            if self.boundaries is not None:
                boundaries = tf.squeeze(self.boundaries, -1)
                is_exact &= tf.reduce_all((boundaries == 0) | (boundaries == 1))
                ids, count = ids + count * tf.cast(boundaries, tf.int32), 2 * count
            self._cells = Cells(ids, count, is_exact)
        return self._cells

    def semantic_cells(self, dtype):
        """The same as `semantic`, as a `SemanticCells`."""
        rows = np.eye(self.num_labels)
        if self.boundaries is not None:
            rows = np.block([[rows, np.zeros((len(rows), 1))], [rows, np.ones((len(rows), 1))]])
        return SemanticCells(self.cells, tf.constant(rows, dtype))

    def one_hot(self, dtype):
        """One-hot labels, float (batch, height, width, labels).

        Rows of an identity matrix are gathered, since full int8 quantisation of ONE_HOT decodes "off" as 0.5.
        """
        if dtype not in self._one_hot:
            self._one_hot[dtype] = gather_rows(self._identity(dtype), self.labels)
        return self._one_hot[dtype]

    def _identity(self, dtype):
        return tf.constant(np.eye(self.num_labels), dtype)

    def semantic(self, dtype):
        """The semantic input S of the papers: one-hot labels, then the boundary channel where there is one.

        Returns:
            float (batch, height, width, N').
        """
        if dtype not in self._semantic:
            one_hot = self.one_hot(dtype)
            channels = [one_hot] if self.boundaries is None else [one_hot, ops.cast(self.boundaries, dtype)]
            self._semantic[dtype] = ops.concatenate(channels, axis=-1)
        return self._semantic[dtype]

    def noise_map(self, dtype):
        """The 3-D noise of OASIS: every pixel has the code of its class, float (batch, height, width, size).

        A product with one-hot labels, which every exporter knows; a gather by batch is not for GPU delegates. Its
        one-hot labels are gathered flat: of reshapes around a product the TFLite converter makes a product of four
        dimensions by three, which LiteRT's GPU delegate takes and computes wrongly.
        """
        if dtype not in self._noise_map:
            height, width = self.size
            pixels = gather_rows(self._identity(dtype), ops.reshape(self.labels, (-1, height * width)))
            codes = ops.matmul(pixels, ops.cast(self.noise, dtype))
            self._noise_map[dtype] = ops.reshape(codes, (-1, height, width, self.noise.shape[-1]))
        return self._noise_map[dtype]


class SemanticCells:
    """A semantic input, or means of one, that holds few different things: a map of ids, and a row for each of them.

    Args:
        cells: `Cells`.
        rows: float (count, N'), the semantic input of each id.
    """

    def __init__(self, cells, rows):
        self.cells = cells
        self.rows = rows

    def halved(self):
        """What `halve` makes of it: 3x3 average pooling of stride 2, what lies outside left out."""
        windows = self.cells.windows(3)
        halved = Cells(windows.ids[:, ::2, ::2], windows.count, windows.is_exact)
        return SemanticCells(halved, windows.mean(self.rows))

    def convolve(self, kernel, strides, padding):
        """What `convolve` makes of it: float (batch, rows, columns, filters), of the kernel's type."""
        size, _, channels, filters = kernel.shape
        rows = ops.pad(self.rows, [(1, 0), (0, 0)])  # outside is zero
        tables = ops.matmul(rows, ops.reshape(kernel, (size * size, channels, filters)))
        return self.cells.convolve(tables, size, strides, padding)
