"""The convolution over one-hot labels, dense or by table look-up."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.convolution import pad_reflect
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer

# From here on the look-up is the cheaper form. Its CPU time over the dense form's on one thread, at 96, 151 and 183
# labels: 0.57, 0.33, 0.31 forward; 1.71, 0.97, 0.89 with the kernel's gradient (python -m benchmarks.label_conv).
LOOKUP_FROM_LABELS = 128


@keras.saving.register_keras_serializable("ecgan_tf")
class LabelConv2D(FromArguments, keras.layers.Layer):
    """A stride 1 convolution over a `Layout` that keeps its size, with bias.

    The kernel has one row of `filters` numbers per tap and label, so the convolution over one-hot labels adds the rows
    that the nine labels around a pixel name. Both forms give the same numbers up to rounding:
        dense   one-hot labels, then a convolution
        lookup  rows gathered by label id and added over the taps; its cost does not grow with the number of classes

    Args:
        filters: number of output channels.
        num_labels: classes, plus one where there is an "unknown".
        has_boundaries: whether the layout carries the instance boundary channel.
        kernel_size: odd.
        form: "dense", "lookup" or "auto", which picks by the number of labels.
        padding: "zeros", or "reflect" for mirrored labels.
    Call arguments:
        layout: `Layout` at the resolution of the output.
    Returns:
        float (batch, height, width, filters).
    """

    def __init__(
        self, filters, num_labels, has_boundaries=False, kernel_size=3, form="auto", initializer="xavier_0.02",
        padding="zeros", **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.filters = filters
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.kernel_size = kernel_size
        self.form = form
        self.initializer = initializer
        self.padding = padding

    def build(self, input_shape=None):
        channels = self.num_labels + self.has_boundaries
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels, self.filters),
            initializer=make_initializer(self.initializer),
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.built = True

    def call(self, layout):
        lookup = self.form == "lookup" or (self.form == "auto" and self.num_labels >= LOOKUP_FROM_LABELS)
        return (self._lookup(layout) if lookup else self._dense(layout)) + self.bias

    def _dense(self, layout):
        semantic = layout.semantic(self.compute_dtype)
        if self.padding == "reflect":
            return ops.conv(pad_reflect(semantic, self.kernel_size // 2), self.kernel, padding="valid")
        return ops.conv(semantic, self.kernel, padding="same")

    def _lookup(self, layout):
        margin = self.kernel_size // 2
        height, width = layout.size
        outside = self.num_labels  # the id of the zero row that stands for the padding
        if self.padding == "reflect":
            labels = pad_reflect(layout.labels, margin)
        else:
            labels = ops.pad(layout.labels, [(0, 0), (margin, margin), (margin, margin)], constant_values=outside)
        zero_row = ops.zeros((1, self.filters), dtype=self.compute_dtype)
        total = zero_row
        for dy in range(self.kernel_size):
            for dx in range(self.kernel_size):
                table = ops.concatenate([self.kernel[dy, dx, : self.num_labels], zero_row], axis=0)
                # One tap after the other, else the executor would hold the rows of all of them at once.
                with tf.control_dependencies([total]):
                    seen = labels[:, dy : dy + height, dx : dx + width]
                total = total + tf.gather(table, seen)
        if self.has_boundaries:
            boundaries = ops.cast(layout.boundaries, self.compute_dtype)
            kernel = self.kernel[:, :, self.num_labels :]
            if self.padding == "reflect":
                total = total + ops.conv(pad_reflect(boundaries, margin), kernel, padding="valid")
            else:
                total = total + ops.conv(boundaries, kernel, padding="same")
        return total
