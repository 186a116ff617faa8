"""The networks of OASIS (Schonfeld et al., ICLR 2021; arXiv 2012.04781), as its release has them."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ecgan_tf.latents import NOISE_SIZE
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.layers.upsampling import upsample_nearest
from ecgan_tf.models.spade import SPADEGenerator
from ecgan_tf.models.torch_names import oasis_discriminator_torch_name, oasis_torch_name

WIDTHS = (2, 2, 4, 4, 8, 8)  # of the discriminator's way down, times C


@keras.saving.register_keras_serializable("ecgan_tf")
class OASISGenerator(SPADEGenerator):
    """SPADE's generator with one residual block less, and a code for each class beside the labels (section 3.2).

    Args:
        noise: "classes": 3-D noise, see `Layout.noise_map`; "none": without.
        kwargs: as in `SPADEGenerator`.
    Call arguments:
        inputs: as in `SPADEGenerator`; with noise `noise` float (batch, labels, 64).
    Returns:
        as `SPADEGenerator`.
    """

    torch_name = staticmethod(oasis_torch_name)
    middle_blocks = 1

    def __init__(self, noise="classes", **kwargs):
        super().__init__(noise=noise, **kwargs)

    def torch_channels(self, name):
        """Where a weight of the release has labels: its axis, and the place there of each channel here; or None.

        The noise stands before the labels there, and what is unknown before the classes.
        """
        if not name.endswith(("fc.weight", "mlp_shared.0.weight")):
            return None
        noise = NOISE_SIZE if self.noise == "classes" else 0
        labels = noise + np.r_[self.has_unknown : self.num_labels, : self.has_unknown]
        rest = noise + self.num_labels + np.arange(self.has_boundaries)
        return 1, np.concatenate([labels, rest, np.arange(noise)]).astype(int)


@keras.saving.register_keras_serializable("ecgan_tf")
class OASISResidualBlock(FromArguments, keras.layers.Layer):
    """Two spectrally normalised 3x3 convolutions and a shortcut, at half or twice the size.

    Args:
        filters: output channels.
        sampling: "down": average pooling after the convolutions; "up": nearest enlarging before them.
        is_first: whether the pictures themselves come in: no activation before, and the shortcut is pooled first.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, in_filters).
    """

    def __init__(self, filters, sampling, is_first=False, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.sampling = sampling
        self.is_first = is_first
        self.initializer = initializer

    def build(self, x_shape):
        def convolution(size, name):
            return SpectralConv2D(self.filters, size, padding=size // 2, initializer=self.initializer, name=name)

        self.conv_1, self.conv_2 = convolution(3, "conv_1"), convolution(3, "conv_2")
        self.conv_1.build(x_shape)
        self.conv_2.build((*x_shape[:-1], self.filters))
        self.learned_shortcut = x_shape[-1] != self.filters
        if self.learned_shortcut:
            self.conv_s = convolution(1, "conv_s")
            self.conv_s.build(x_shape)
        self.built = True

    def call(self, x, training=False):
        main = x if self.is_first else leaky_relu(x)
        if self.sampling == "up":
            x, main = upsample_nearest(x), upsample_nearest(main)
        if self.sampling == "down" and self.is_first:
            x = ops.average_pool(x, 2)
        if self.learned_shortcut:
            x = self.conv_s(x, training=training)
        if self.sampling == "down" and not self.is_first:
            x = ops.average_pool(x, 2)
        main = self.conv_2(leaky_relu(self.conv_1(main, training=training)), training=training)
        return x + (ops.average_pool(main, 2) if self.sampling == "down" else main)


@keras.saving.register_keras_serializable("ecgan_tf")
class OASISDiscriminator(FromArguments, keras.Model):
    """A U-Net of residual blocks: which class does each pixel show, or is it fake (section 3.1)?

    It gives what the losses read of its probabilities: for a layout's pixel of class c
        alpha_c log p_c   and   log p_fake,    alpha_c = pixels / (pixels of class c * classes that are shown),
    both counted over the batch of all replicas, where the release counts on each card; unknown pixels have alpha 0.

    Args:
        num_classes, has_unknown: of the layouts; it has an output for each label, unknown too, and one for fakes.
        has_boundaries: of the layouts; not looked at.
        base_filters: C; the blocks have 2, 2, 4, 4, 8 and 8 C on the way down, the last on the way up C.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        inputs: dictionary with `labels`, as the generator takes it.
        images: float (pairs * batch, height, width, 3), sides multiples of 64, see `MultiscaleDiscriminator`.
    Returns:
        list of one ([logits], logarithms): logits float32 (pairs * batch, height, width, labels + 1), fake last; and
        the two logarithms float32 (pairs * batch, height, width, 2), as `SegmentationDiscriminator` gives them.
    """

    torch_name = staticmethod(oasis_discriminator_torch_name)

    def __init__(
        self,
        num_classes,
        has_unknown=False,
        has_boundaries=False,
        base_filters=64,
        initializer="xavier_0.02",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.has_unknown = has_unknown
        self.has_boundaries = has_boundaries
        self.base_filters = base_filters
        self.initializer = initializer
        widths = [factor * base_filters for factor in WIDTHS]
        self.down = [self._block(width, "down", level) for level, width in enumerate(widths)]
        self.up = [self._block(width, "up", level) for level, width in enumerate([*widths[-2::-1], base_filters])]
        self.to_logits = keras.layers.Conv2D(
            self.num_labels + 1, 1, name="to_logits", kernel_initializer=make_initializer(initializer), dtype="float32"
        )

    @property
    def num_labels(self):
        return self.num_classes + self.has_unknown

    def _block(self, filters, sampling, level):
        is_first = sampling == "down" and level == 0
        return OASISResidualBlock(filters, sampling, is_first, self.initializer, name=f"{sampling}_{level}")

    def build(self, input_shape=None):
        filters, skips = 3, []
        for block in self.down:
            block.build((None, None, None, filters))
            filters = block.filters
            skips.append(filters)
        skips[-1] = 0  # goes on by itself
        for block, skip in zip(self.up, reversed(skips)):
            block.build((None, None, None, filters + skip))
            filters = block.filters
        self.to_logits.build((None, None, None, filters))
        self.built = True

    def torch_channels(self, name):
        """As of `OASISGenerator`: fakes come first there, then what is unknown."""
        if not name.startswith("layer_up_last."):
            return None
        return 0, np.r_[1 + self.has_unknown : 1 + self.num_labels, 1 : 1 + self.has_unknown, 0].astype(int)

    def call(self, inputs, images, training=False):
        x, skips = ops.cast(images, self.compute_dtype), []
        for block in self.down:
            x = block(x, training=training)
            skips.append(x)
        for index, block in enumerate(self.up):
            x = block(ops.concatenate([skips[-1 - index], x], axis=-1) if index else x, training=training)
        logits = self.to_logits(x)
        return [([logits], self._logarithms(ops.log_softmax(logits, axis=-1), inputs["labels"]))]

    def _logarithms(self, log_probabilities, labels):
        masks = ops.one_hot(labels, self.num_labels, dtype="float32")
        known = masks[..., : self.num_classes]
        areas, pixels = over_replicas(ops.sum(known, axis=(0, 1, 2))), over_replicas(ops.sum(masks))
        shown = ops.sum(ops.cast(areas > 0, "float32"))
        alpha = pixels / ops.maximum(areas * shown, 1.0)
        pairs = log_probabilities.shape[0] // labels.shape[0]
        weights = ops.tile(known * alpha, (pairs, 1, 1, 1))
        of_label = ops.sum(log_probabilities[..., : self.num_classes] * weights, axis=-1)
        return ops.stack([of_label, log_probabilities[..., -1]], axis=-1)


def over_replicas(x):
    """The sum of a tensor over all replicas; of one, itself."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)
