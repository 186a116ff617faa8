"""One small generator per class, as one tensor with a class axis: the local, class-specific part of LGGAN."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.convolution import pad_reflect
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.gathering import CHAIN, add_up, gather_rows, pad_ids
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.recomputed import recomputed

# From here on the look-up is the cheaper form, to synthesise and to train. CPU seconds on one thread of the dense form
# for 12, 35 and 150 branches of 7x7 over 64 filters at 128x128: 0.07, 0.18, 0.68, with gradients 0.19, 0.48, 1.92; of
# the look-up, whatever their number, 0.4 and 2.1 (python -m benchmarks.class_branches).
LOOKUP_FROM_BRANCHES = {False: 96, True: 160}


@keras.saving.register_keras_serializable("ecgan_tf")
class ClassBranches(FromArguments, keras.layers.Layer):
    """The class branches of LGGAN (Tang et al., CVPR 2020, section 3.2) and their fusion into the local image I^L.

    Branch i is a KxK convolution with its own weights, then tanh. M_i marks the pixels of class i:
        mask_mode="output"  r_i = M_i tanh(conv_i(h))     every pixel is synthesised by the branch of its own class
        mask_mode="input"   r_i = tanh(conv_i(M_i h))     the release's: a branch sees nothing of its neighbours, and
                                                          synthesises tanh(bias) outside its region
        fusion="sum"        I^L = sum over i of r_i
        fusion="concat"     I^L = tanh(conv3x3(r_1, ..., r_c))
    "output" departs from the release within K // 2 cells of a region's border and outside the region, where the loss
    asks for 0 anyway. All of it then follows from one image, r = sum of the r_i, and needs no tensor with a class axis.

    The convolution of "output" has two forms, equal up to rounding:
        dense   one convolution to 3 c channels, of which each pixel keeps its own three
        lookup  per tap, each pixel's own 3 kernels gathered and multiplied: neither time nor memory grow with c

    Args:
        num_branches: c.
        kernel_size: K, odd.
        fusion: "sum" or "concat".
        mask_mode: "output" or "input".
        form: "dense", "lookup" or "auto", which picks by the number of branches.
        initializer: a name of `INITIALIZERS`, for each branch as if it were alone.
    Call arguments:
        features: h, float (batch, height, width, filters).
        branches: int32 (batch, height, width), the branch of each pixel; `num_branches` where it has none.
        training: whether gradients will be taken; the numbers are the same.
    Returns:
        dictionary of `local_image` I^L and `class_image` r, float32 (batch, height, width, 3); and with
        mask_mode="input" `class_images`, all r_i, float32 (batch, height, width, 3 * num_branches).
    """

    def __init__(
        self,
        num_branches,
        kernel_size=7,
        fusion="concat",
        mask_mode="output",
        form="auto",
        initializer="xavier_0.02",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_branches = num_branches
        self.kernel_size = kernel_size
        self.fusion = fusion
        self.mask_mode = mask_mode
        self.form = form
        self.initializer = initializer

    def build(self, features_shape):
        size, count = self.kernel_size, self.num_branches
        self.kernel = self.add_weight(
            name="kernel",
            shape=(size, size, features_shape[-1], 3 * count),
            initializer=self._each_branch(axis=3),
        )
        self.bias = self.add_weight(name="bias", shape=(3 * count,), initializer="zeros", autocast=False)
        if self.fusion == "concat":
            # Float32: these make the image.
            self.fusion_kernel = self.add_weight(
                name="fusion_kernel",
                shape=(3, 3, 3 * count, 3),
                initializer=self._each_branch(axis=2),
                autocast=False,
            )
            self.fusion_bias = self.add_weight(name="fusion_bias", shape=(3,), initializer="zeros", autocast=False)
        self.built = True

    def _each_branch(self, axis):
        """Initialises the slice of each branch by itself, so that its scale does not depend on their number."""

        def initialize(shape, dtype=None):
            of_one = [3 if index == axis else length for index, length in enumerate(shape)]
            parts = [make_initializer(self.initializer)(of_one, dtype=dtype) for _ in range(self.num_branches)]
            return ops.concatenate(parts, axis=axis)

        return initialize

    def call(self, features, branches, training=False):
        if self.mask_mode == "input":
            return self._masked_at_input(features, branches, training)
        image = self._masked_at_output(features, branches, training)
        return {"class_image": image, "local_image": self._fuse(image, branches)}

    # --- masked at the output

    def _masked_at_output(self, features, branches, training):
        padded = pad_reflect(features, self.kernel_size // 2)
        is_cheaper = self.num_branches >= LOOKUP_FROM_BRANCHES[bool(training)]
        if self.form == "lookup" or (self.form == "auto" and is_cheaper):
            convolution = lookup_convolution_for_training if training else lookup_convolution
            x = convolution(padded, self._tables(), branches)
        else:
            x = self._dense(padded, branches)
        return ops.tanh(ops.cast(x, "float32") + rows_of(ops.reshape(self.bias, (-1, 3)), branches))

    def _dense(self, padded, branches):
        all_branches = ops.conv(padded, self.kernel, padding="valid")
        own = ops.repeat(ops.eye(self.num_branches, dtype=self.compute_dtype), 3, axis=1)
        add_up = ops.tile(ops.eye(3, dtype=self.compute_dtype), (self.num_branches, 1))
        return ops.conv(all_branches * rows_of(own, branches), add_up[None, None], padding="valid")

    def _tables(self):
        """The kernels, (taps, branches + 1, filters, 3), zero for pixels without a branch."""
        size, filters = self.kernel_size, self.kernel.shape[2]
        kernels = ops.reshape(self.kernel, (size * size, filters, self.num_branches, 3))
        return ops.pad(ops.transpose(kernels, (0, 2, 1, 3)), [(0, 0), (0, 1), (0, 0), (0, 0)])

    def _fuse(self, image, branches):
        """Of the 3 c channels that the fusing convolution reads, a pixel has three that are not 0."""
        if self.fusion == "sum":
            return image
        height, width = branches.shape[1:]
        image = ops.pad(image, [(0, 0), (1, 1), (1, 1), (0, 0)])
        branches = pad_ids(branches, 1, outside=self.num_branches)
        kernels = ops.reshape(self.fusion_kernel, (9, self.num_branches, 3, 3))

        def product_at(index, after):
            tap, channel = divmod(index, 3)
            window = (slice(None), slice(tap // 3, tap // 3 + height), slice(tap % 3, tap % 3 + width))
            with tf.control_dependencies(after):
                seen, ids = image[window][..., channel : channel + 1], branches[window]
            return tf.reshape(seen, (-1, 1)) * tf.reshape(rows_of(kernels[tap, :, channel], ids), (-1, 3))

        total = add_up(product_at, 27, (-1, height, width, 3), CHAIN // 2) + self.fusion_bias
        return ops.tanh(total)

    # --- masked at the input

    def _masked_at_input(self, features, branches, training):
        def synthesise(features, mask, kernel, bias):
            padded = pad_reflect(features * mask, self.kernel_size // 2)
            return ops.tanh(ops.cast(ops.conv(padded, kernel, padding="valid"), "float32") + bias)

        def call(*inputs):  # in training the masked features, c times the features, are not kept
            return recomputed(synthesise, *inputs) if training else synthesise(*inputs)

        images, own = [], 0.0
        for branch in range(self.num_branches):
            part = slice(3 * branch, 3 * branch + 3)
            mask = ops.cast(branches == branch, self.compute_dtype)[..., None]
            images.append(call(features, mask, self.kernel[..., part], self.bias[part]))
            own = own + images[-1] * ops.cast(mask, "float32")
        class_images = ops.concatenate(images, axis=-1)
        if self.fusion == "sum":
            local_image = sum(images)
        else:
            local_image = ops.tanh(ops.conv(class_images, self.fusion_kernel, padding="same") + self.fusion_bias)
        return {"class_image": own, "local_image": local_image, "class_images": class_images}

    # --- config


def rows_of(table, ids):
    """The row of each id; zeros for the id that is one too large.

    Args:
        table: (rows, filters).
        ids: int32 (...), 0..rows.
    Returns:
        (..., filters).
    """
    return gather_rows(tf.pad(tf.convert_to_tensor(table), [(0, 1), (0, 0)]), ids)


def lookup_convolution(padded, tables, ids):
    """A convolution whose kernel is another at every pixel: that of the pixel's id.

    Args:
        padded: float (batch, height + K - 1, width + K - 1, filters).
        tables: float (K * K, ids, filters, out_filters), the kernels tap by tap.
        ids: int32 (batch, height, width).
    Returns:
        float (batch, height, width, out_filters).
    """
    taps, _, _, out_filters = tables.shape

    total = tf.zeros((1, 1, out_filters), padded.dtype)
    for tap in range(taps):
        window, _, kernels = _at_tap(tap, padded, tables, ids, after=[total])
        total = total + tf.matmul(window[:, None, :], kernels)
    return tf.reshape(total, (-1, *ids.shape[1:], out_filters))


def lookup_convolution_for_training(padded, tables, ids):
    """The same, with a gradient that gathers the kernels again instead of keeping those of all taps."""

    @tf.custom_gradient
    def convolve(padded, tables):
        return lookup_convolution(padded, tables, ids), lambda upstream: _gradients(padded, tables, ids, upstream)

    return convolve(tf.convert_to_tensor(padded), tf.convert_to_tensor(tables))


def _gradients(padded, tables, ids, upstream):
    """Of `lookup_convolution`, by `padded` and `tables`; added up in float32."""
    taps, rows, filters, out_filters = tables.shape
    padded_32, tables_32 = tf.cast(padded, tf.float32), tf.cast(tables, tf.float32)
    upstream = tf.reshape(tf.cast(upstream, tf.float32), (-1, out_filters))
    size = round(taps**0.5)
    of_padded, of_tables = tf.zeros(tf.shape(padded), tf.float32), []
    for tap in range(taps):
        window, flat_ids, kernels = _at_tap(tap, padded_32, tables_32, ids, after=[of_padded])
        of_window = tf.reshape(tf.matmul(kernels, upstream[:, :, None]), (-1, *ids.shape[1:], filters))
        margins = [(offset, size - 1 - offset) for offset in divmod(tap, size)]
        of_padded += tf.pad(of_window, [(0, 0), *margins, (0, 0)])
        of_tables.append(tf.math.unsorted_segment_sum(window[:, :, None] * upstream[:, None, :], flat_ids, rows))
    return tf.cast(of_padded, padded.dtype), tf.cast(tf.stack(of_tables), tables.dtype)


def _at_tap(tap, padded, tables, ids, after):
    """What a tap sees (pixels, filters), the ids (pixels,) and its kernels (pixels, filters, out_filters).

    All of it is made after `after` is there, else the executor would hold the kernels of all taps at once.
    """
    filters, out_filters = tables.shape[2:]
    row, column = divmod(tap, round(tables.shape[0] ** 0.5))
    height, width = ids.shape[1:]
    with tf.control_dependencies(after):
        flat_ids = tf.reshape(ids, (-1,))
        window = tf.reshape(padded[:, row : row + height, column : column + width], (-1, filters))
    kernels = tf.gather(tf.reshape(tables[tap], (-1, filters * out_filters)), flat_ids)
    return window, flat_ids, tf.reshape(kernels, (-1, filters, out_filters))
