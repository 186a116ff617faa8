"""The convolution over one-hot labels, dense or by table look-up."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.convolution import pad_reflect
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.gathering import add_up, pad_ids
from ecgan_tf.layers.initializers import make_initializer

# From here on the look-up is the cheaper form. Its CPU time over the dense form's on one thread, at 96, 151 and 183
# labels: 0.57, 0.33, 0.31 forward; 1.71, 0.97, 0.89 with the kernel's gradient (python -m benchmarks.label_conv).
LOOKUP_FROM_LABELS = 128
MOST_WINDOWS = 0.5  # share of distinct windows among the cells up to which they are added up once each


@keras.saving.register_keras_serializable("ecgan_tf")
class LabelConv2D(FromArguments, keras.layers.Layer):
    """A stride 1 convolution over a `Layout` that keeps its size, with bias.

    The kernel has one row of `filters` numbers per tap and label, so the convolution over one-hot labels adds the rows
    that the nine labels around a pixel name. All forms give the same numbers up to rounding:
        dense   one-hot labels, then a convolution
        lookup  rows gathered by label id and added over the taps; its cost does not grow with the number of classes
    and, by "auto" where the layout allows it and has few of them, the rows added once per distinct neighbourhood.

    Args:
        filters: number of output channels.
        num_labels: classes, plus one where there is an "unknown".
        has_boundaries: whether the layout carries the instance boundary channel.
        kernel_size: odd.
        form: "dense", "lookup" or "auto", which picks by the number of labels.
        padding: "zeros", or "reflect" for mirrored labels.
        noise_filters: channels of the layout's noise, see `Layout.noise_map`; 0 for layouts without. Their rows of the
            kernel start at a share of the initialiser's, by which all numbers of a code weigh as much as one label:
            OASIS starts all alike, and a short run never gets out of the noise.
    Call arguments:
        layout: `Layout` at the resolution of the output.
    Returns:
        float (batch, height, width, filters).
    """

    def __init__(
        self, filters, num_labels, has_boundaries=False, kernel_size=3, form="auto", initializer="xavier_0.02",
        padding="zeros", noise_filters=0, **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.filters = filters
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.kernel_size = kernel_size
        self.form = form
        self.initializer = initializer
        self.padding = padding
        self.noise_filters = noise_filters

    def build(self, input_shape=None):
        channels = self.num_labels + self.has_boundaries + self.noise_filters
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels, self.filters),
            initializer=self._initial_kernel,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def _initial_kernel(self, shape, dtype=None):
        kernel = make_initializer(self.initializer)(shape, dtype=dtype)
        if not self.noise_filters:
            return kernel
        labels, noise = ops.split(kernel, [shape[2] - self.noise_filters], axis=2)
        return ops.concatenate([labels, noise / self.noise_filters**0.5], axis=2)

    def call(self, layout):
        if not self.noise_filters:
            return convolve_labels(layout, self.kernel, self.form, self.padding) + self.bias
        noise = layout.noise_map(self.compute_dtype)
        if resolved(self.form, layout) == "dense":  # as one convolution, whose sum int8 rounds once
            channels = ops.concatenate([layout.semantic(self.compute_dtype), noise], axis=-1)
            return _convolve(channels, self.kernel, self.padding) + self.bias
        of_labels, of_noise = ops.split(self.kernel, [self.num_labels + self.has_boundaries], axis=2)
        of_noise = _convolve(noise, of_noise, self.padding)
        return convolve_labels(layout, of_labels, self.form, self.padding) + of_noise + self.bias

    def of_windows(self, windows, layout):
        """The result at each distinct window of the layout's cells: float (windows, filters)."""
        kernel = ops.cast(self.kernel, self.compute_dtype)
        return sum_windows(windows, layout, kernel) + ops.cast(self.bias, self.compute_dtype)


def convolve_labels(layout, kernel, form="auto", padding="zeros"):
    """What `LabelConv2D` computes, without the bias.

    Args:
        layout: `Layout` at the resolution of the output.
        kernel: float (kernel_size, kernel_size, labels and perhaps boundary, filters).
        form, padding: as in `LabelConv2D`.
    Returns:
        float (batch, height, width, filters), of the kernel's type.
    """
    if form == "auto" and layout.by_neighbourhoods and kernel.shape[0] > 1:
        return _by_neighbourhoods(layout, kernel, padding)
    return (_lookup if resolved(form, layout) == "lookup" else _dense)(layout, kernel, padding)


def resolved(form, layout):
    """What "auto" stands for where a layout is read by cells."""
    if form != "auto":
        return form
    return "lookup" if layout.num_labels >= LOOKUP_FROM_LABELS else "dense"


def _by_neighbourhoods(layout, kernel, padding):
    windows = layout.cells.windows(kernel.shape[0], padding)
    windows.prepare()
    return tf.cond(
        windows.share <= MOST_WINDOWS,
        lambda: windows.spread(sum_windows(windows, layout, kernel)),
        lambda: convolve_labels(layout.by_cells(), kernel, padding=padding),
    )


def sum_windows(windows, layout, kernel):
    """The convolution at each distinct window: float (windows, filters)."""
    rows = ops.reshape(kernel, (-1, *kernel.shape[2:]))
    labels = rows[:, : layout.num_labels]
    tables = [ops.zeros_like(rows[:, :1]), labels]  # what lies outside, then every label
    if layout.boundaries is not None:
        tables.append(labels + rows[:, layout.num_labels :])
    return windows.sum(ops.concatenate(tables, axis=1))


def _dense(layout, kernel, padding):
    return _convolve(layout.semantic(kernel.dtype), kernel, padding)


def _convolve(x, kernel, padding):
    if padding == "reflect":
        return ops.conv(pad_reflect(x, kernel.shape[0] // 2), kernel, padding="valid")
    return ops.conv(x, kernel, padding="same")


def _lookup(layout, kernel, padding):
    size, filters = kernel.shape[0], kernel.shape[-1]
    margin = size // 2
    height, width = layout.size
    outside = layout.num_labels  # the id of the zero row that stands for the padding
    labels = pad_ids(layout.labels, margin, None if padding == "reflect" else outside)
    zero_row = ops.zeros((1, filters), dtype=kernel.dtype)

    def rows_at(tap, after):
        dy, dx = divmod(tap, size)
        table = ops.concatenate([kernel[dy, dx, : layout.num_labels], zero_row], axis=0)
        with tf.control_dependencies(after):
            seen = tf.reshape(labels[:, dy : dy + height, dx : dx + width], (-1,))
        return tf.gather(table, seen)

    total = add_up(rows_at, size * size, (-1, height, width, filters))
    if layout.boundaries is not None:
        boundaries, of_boundaries = ops.cast(layout.boundaries, kernel.dtype), kernel[:, :, layout.num_labels :]
        total = total + _convolve(boundaries, of_boundaries, padding)
    return total
