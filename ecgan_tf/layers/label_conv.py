"""The convolution over one-hot labels, dense or by table look-up."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.initializers import make_initializer

# From here on the look-up is the cheaper form. Its CPU time over the dense form's on one thread, at 96, 151 and 183
# labels: 0.57, 0.33, 0.31 forward; 1.71, 0.97, 0.89 with the kernel's gradient (python -m benchmarks.label_conv).
LOOKUP_FROM_LABELS = 128


@keras.saving.register_keras_serializable("ecgan_tf")
class LabelConv2D(keras.layers.Layer):
    """A stride 1, zero padded convolution over a `Layout`, with bias.

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
    Call arguments:
        layout: `Layout` at the resolution of the output.
    Returns:
        float (batch, height, width, filters).
    """

    def __init__(
        self, filters, num_labels, has_boundaries=False, kernel_size=3, form="auto", initializer="xavier_0.02", **kwargs
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.kernel_size = kernel_size
        self.form = form
        self.initializer = initializer

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
        return ops.conv(layout.semantic(self.compute_dtype), self.kernel, padding="same")

    def _lookup(self, layout):
        margin = self.kernel_size // 2
        height, width = layout.size
        outside = self.num_labels  # the id of the zero row that stands for the padding
        labels = ops.pad(layout.labels, [(0, 0), (margin, margin), (margin, margin)], constant_values=outside)
        zero_row = ops.zeros((1, self.filters), dtype=self.compute_dtype)
        total = 0.0
        for dy in range(self.kernel_size):
            for dx in range(self.kernel_size):
                table = ops.concatenate([self.kernel[dy, dx, : self.num_labels], zero_row], axis=0)
                total = total + tf.gather(table, labels[:, dy : dy + height, dx : dx + width])
        if self.has_boundaries:
            boundaries = ops.cast(layout.boundaries, self.compute_dtype)
            total = total + ops.conv(boundaries, self.kernel[:, :, self.num_labels :], padding="same")
        return total

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_labels": self.num_labels,
            "has_boundaries": self.has_boundaries,
            "kernel_size": self.kernel_size,
            "form": self.form,
            "initializer": self.initializer,
        }
