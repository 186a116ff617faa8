"""A generator for phones and pages: separable convolutions, most of them below the whole size."""

import keras
from keras import ops

from ecgan_tf.layers.class_norm import SeparableBlock
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.noise import FixedNoise
from ecgan_tf.layers.normalization import leaky_relu
from ecgan_tf.layers.upsampling import upsample_bilinear
from ecgan_tf.models.generator import Generator

STRIDE = 16  # of the first feature map
WIDTHS = (12, 12, 6, 3, 1)  # C times, of the feature maps at 1/16, 1/8, 1/4, 1/2 and the whole size


@keras.saving.register_keras_serializable("ecgan_tf")
class MobileGenerator(Generator):
    """Label map in, photograph out, in a few per cent of ECGAN's multiplications. Ours; of no paper.

        start      LabelConv2D at 1/16 of the size to 12 C
        levels     at 1/16, 1/8, 1/4, 1/2 and the whole size: pointwise to the level's width, enlarged by 2 (bilinear),
                   `FixedNoise`, separable blocks that class normalisation modulates by the layout of that size
        end        leaky ReLU, conv 3x3, tanh
    The layout comes in at every size, at the whole one as a row for each pixel, which keeps outlines sharp. The
    pointwise convolutions come before the enlarging, where there are a quarter of the pixels.

    Args:
        trunk_blocks: separable blocks of each level below the whole size, which has one.
        noise: "none" or "fixed", for a `FixedNoise` before the blocks of each level.
        normalization: "batch" or "instance".
        kwargs: as in `Generator`.
    Returns:
        dictionary of `image` float32 (batch, height, width, 3) in (-1, 1), `features` (batch, height, width, C), and
        `scales`, the outputs of the last four levels, `features` first.
    """

    # ---- layers

    def __init__(self, trunk_blocks=2, noise="fixed", normalization="batch", **kwargs):
        super().__init__(**kwargs)
        self.trunk_blocks = trunk_blocks
        self.noise = noise
        self.normalization = normalization
        if self.image_size[0] % STRIDE or self.image_size[1] % STRIDE:
            raise ValueError(f"image_size {self.image_size} must be a multiple of {STRIDE}.")
        widths = [factor * self.base_filters for factor in WIDTHS]
        modulation = {
            "num_labels": self.num_labels,
            "has_boundaries": self.has_boundaries,
            "normalization": normalization,
        }
        self.start = LabelConv2D(
            widths[0], self.num_labels, self.has_boundaries, initializer=self.initializer, name="start"
        )
        counts = [*[trunk_blocks] * 4, 1]
        self.narrowings = [
            self._convolution(width, 1, f"narrowing_{level}") for level, width in enumerate(widths[1:], 1)
        ]
        self.noises = [FixedNoise(name=f"noise_{level}") for level in range(5)] if noise == "fixed" else []
        self.blocks = [
            [SeparableBlock(modulation, self.initializer, name=f"block_{level}_{index}") for index in range(count)]
            for level, count in enumerate(counts)
        ]
        self.to_image = self._convolution(3, 3, "to_image", dtype="float32")

    def _convolution(self, filters, size, name, **kwargs):
        initializer = make_initializer(self.initializer)
        return keras.layers.Conv2D(filters, size, padding="same", kernel_initializer=initializer, name=name, **kwargs)

    def build(self, input_shape=None):
        self.start.build()
        height, width = (length // STRIDE for length in self.image_size)
        for level, factor in enumerate(WIDTHS):
            if level:
                self.narrowings[level - 1].build((None, height, width, WIDTHS[level - 1] * self.base_filters))
                height, width = 2 * height, 2 * width
            shape = (None, height, width, factor * self.base_filters)
            for layer in (*self.noises[level : level + 1], *self.blocks[level]):
                layer.build(shape)
        self.to_image.build(shape)
        self.built = True

    def scale_filters(self, scale):
        """Channels of one of `scales`, from 1, F, to 4."""
        return WIDTHS[-scale] * self.base_filters

    # ---- forward pass

    def call(self, inputs, training=False):
        layout, outputs = self.layout(inputs), []
        x = self.start(layout=layout.at(*(length // STRIDE for length in self.image_size)))
        for level, blocks in enumerate(self.blocks):
            if level:
                x = upsample_bilinear(self.narrowings[level - 1](x))
            x = self.noises[level](x) if self.noises else x
            for block in blocks:
                x = block(x, layout=layout, training=training)
            outputs.append(x)
        scales = tuple(outputs[:0:-1])
        image = ops.tanh(self.to_image(leaky_relu(ops.cast(x, "float32"))))
        return {"image": image, "features": scales[0], "scales": scales}
