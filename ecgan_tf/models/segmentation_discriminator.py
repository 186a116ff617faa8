"""The discriminator of OASIS (Schonfeld et al., ICLR 2021; arXiv 2012.04781): a segmenter with a class for fakes."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.layers.upsampling import upsample_nearest

DEPTH = 4  # how often the picture is halved


@keras.saving.register_keras_serializable("ecgan_tf")
class SegmentationDiscriminator(FromArguments, keras.Model):
    """What class does each pixel show, or is it fake? A U-Net that sees the picture alone, and N + 1 classes.

    It gives what the losses of OASIS (section 3.1) read of its N + 1 probabilities: for a layout's pixel of class c,
        alpha_c log p_c   and   log p_fake,    alpha_c = pixels / (pixels of class c * classes that are shown),
    both counted in that layout, so that a class counts the same however small it is; OASIS counts in the batch, of
    which a replica sees a part. Where the layout is unknown the first is 0. OASIS' network has residual blocks; this
    one has one 3x3 convolution a level on the way down and one on the way up, spectrally normalised, and no LabelMix.

    Args:
        num_classes: N.
        has_unknown, has_boundaries: of the layouts; neither is looked at.
        base_filters: C, at full size; twice as many at each level, up to 8 C.
        initializer: a name of `INITIALIZERS`.
        depth: how often the size is halved; sides are multiples of 2^depth.
    Call arguments:
        inputs: dictionary with `labels`, as the generator takes it.
        images: float (pairs * batch, height, width, 3), see `MultiscaleDiscriminator`.
    Returns:
        list of one ([], float32 (pairs * batch, height, width, 2)): no features, and the two logarithms, which
        `label_loss` and `fake_loss` of `ecgan_tf.losses.adversarial` read.
    """

    # ---- layers

    def __init__(
        self,
        num_classes,
        has_unknown=False,
        has_boundaries=False,
        base_filters=64,
        initializer="he",
        depth=DEPTH,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.has_unknown = has_unknown
        self.has_boundaries = has_boundaries
        self.base_filters = base_filters
        self.initializer = initializer
        self.depth = depth
        self.widths = [base_filters * min(2**level, 8) for level in range(depth + 1)]
        self.start = self._convolution(self.widths[0], "start")
        self.down = [self._convolution(width, f"down_{level}") for level, width in enumerate(self.widths[1:])]
        self.up = [self._convolution(width, f"up_{level}") for level, width in enumerate(self.widths[:-1])]
        self.to_logits = keras.layers.Conv2D(
            num_classes + 1, 1, name="to_logits", kernel_initializer=make_initializer(initializer), dtype="float32"
        )

    def _convolution(self, filters, name):
        return SpectralConv2D(filters, 3, padding=1, initializer=self.initializer, name=name)

    def build(self, input_shape=None):
        self.start.build((None, None, None, 3))
        for level, (narrow, wide) in enumerate(zip(self.widths, self.widths[1:])):
            self.down[level].build((None, None, None, narrow))
            self.up[level].build((None, None, None, narrow + wide))
        self.to_logits.build((None, None, None, self.widths[0]))
        self.built = True

    # ---- forward pass

    def call(self, inputs, images, training=False):
        x, skips = leaky_relu(self.start(ops.cast(images, self.compute_dtype), training=training)), []
        for down in self.down:
            skips.append(x)
            x = leaky_relu(down(ops.average_pool(x, 2), training=training))
        for up, skip in zip(reversed(self.up), reversed(skips)):
            x = leaky_relu(up(ops.concatenate([upsample_nearest(x), skip], axis=-1), training=training))
        return [([], self._logarithms(ops.log_softmax(self.to_logits(x), axis=-1), inputs["labels"]))]

    def _logarithms(self, log_probabilities, labels):
        masks = ops.one_hot(labels, self.num_classes, dtype="float32")
        areas = ops.sum(masks, axis=(1, 2), keepdims=True)
        shown = ops.sum(ops.cast(areas > 0, "float32"), axis=-1, keepdims=True)
        alpha = labels.shape[1] * labels.shape[2] / ops.maximum(areas * shown, 1.0)
        pairs = log_probabilities.shape[0] // labels.shape[0]
        of_label = ops.sum(log_probabilities[..., :-1] * ops.tile(masks * alpha, (pairs, 1, 1, 1)), axis=-1)
        return ops.stack([of_label, log_probabilities[..., -1]], axis=-1)
