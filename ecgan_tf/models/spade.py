"""The generator of SPADE (Park et al., CVPR 2019; arXiv 1903.07291), and its trunk, which others build on."""

import keras
from keras import ops

from ecgan_tf.latents import NOISE_SIZE, Z_SIZE, latent_shapes
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.latent_start import LatentStart
from ecgan_tf.layers.noise import FixedNoise
from ecgan_tf.layers.normalization import leaky_relu
from ecgan_tf.layers.spade import SPADEResidualBlock
from ecgan_tf.layers.upsampling import upsample_bilinear, upsample_nearest
from ecgan_tf.models.generator import Generator
from ecgan_tf.models.torch_names import spade_torch_name

WIDEST = 16  # times C: filters of the trunk's first feature map, as published
UPSAMPLING = {"normal": 5, "more": 6, "most": 7}  # doublings between the trunk's first feature map and the image
ENLARGING = {"nearest": upsample_nearest, "bilinear": upsample_bilinear}  # by 2


def stride_of(upsampling):
    """By how much the trunk enlarges its first feature map: the sizes of an image must be multiples of it."""
    return 2 ** UPSAMPLING[upsampling]


@keras.saving.register_keras_serializable("ecgan_tf")
class SPADETrunk(FromArguments, keras.layers.Layer):
    """The trunk of SPADE, which reads the layout again at every scale: the shared encoder E of ECGAN.

    Args:
        filters: C; the first feature map has 16 C, the last C, or with "most" C / 2.
        widest: the most that a feature map has, in C; 16 as published.
        upsampling: "normal": the first feature map has 1/32 of the image's height and width; "more": 1/64; "most":
            1/128, and there is one more block.
        modulation: dictionary of the arguments of `SPADE`.
        starts_from: what the first feature map is read from: the "layout", a code "z", or "none": the caller gives it.
        enlarging: "nearest", as published, or "bilinear", between the blocks. After the nearest neighbour a convolution
            tells even cells from odd ones, and a grid of two pixels appears where nothing else tells pixels apart.
        middle_blocks: 2, as published; OASIS has 1.
        noise: "none"; "fixed" for a `FixedNoise` before each block and after the last one; "classes" where the
            modulation reads the layout's noise, for which there is nothing to do here.
    Call arguments:
        layout: `Layout` of the image's size.
        style: float (batch, 1 or rows, 1 or columns, widest C), added to the first feature map; or None.
        x: with "z" float (batch, 256), with "none" float (batch, *start_size, widest C).
    Returns:
        list of the outputs of the residual blocks, coarse to fine; the last, float (batch, height, width, C) or with
        "most" C / 2, is the feature F.
    """

    def __init__(
        self, filters, upsampling, modulation, starts_from="layout", enlarging="nearest", noise="none",
        middle_blocks=2, widest=WIDEST, **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.filters = filters
        self.upsampling = upsampling
        self.modulation = dict(modulation)
        self.starts_from = starts_from
        self.enlarging = enlarging
        self.noise = noise
        self.middle_blocks = middle_blocks
        self.widest = widest
        self.start_filters = widest * filters
        if starts_from == "layout":
            shared = ("num_labels", "has_boundaries", "noise_filters", "initializer")
            labels = {key: modulation[key] for key in shared if key in modulation}
            self.start = LabelConv2D(self.start_filters, **labels, name="start")
        widths = [filters * min(factor, widest) for factor in (*[16] * (1 + middle_blocks), 8, 4, 2, 1)]
        names = ("head_0", "middle_0", "middle_1")[: 1 + middle_blocks] + ("up_0", "up_1", "up_2", "up_3")
        if upsampling == "most":
            widths, names = [*widths, filters // 2], (*names, "up_4")
        self.blocks = [SPADEResidualBlock(width, modulation, name=name) for width, name in zip(widths, names)]
        # "normal" keeps the size between the two middle blocks, as the release does.
        middle = [2, 1 if upsampling == "normal" else 2][:middle_blocks]
        self.factors = [1, *middle, *[2] * (len(widths) - 1 - middle_blocks)]
        self.noises = [FixedNoise(name=f"noise_{name}") for name in (*names, "end")] if noise == "fixed" else []

    def build(self, image_size):
        stride = 2 ** UPSAMPLING[self.upsampling]
        self.start_size = (image_size[0] // stride, image_size[1] // stride)
        if self.starts_from == "layout":
            self.start.build()
        if self.starts_from == "z":
            initializer = self.modulation["initializer"]
            self.start = LatentStart(self.start_filters, self.start_size, initializer=initializer, name="start")
            self.start.build((None, Z_SIZE))
        shape, shapes = (None, *self.start_size, self.start_filters), []
        for block, factor in zip(self.blocks, self.factors):
            shape = (None, shape[1] * factor, shape[2] * factor, shape[3])
            shapes.append(shape)
            block.build(shape)
            shape = (*shape[:3], block.filters)
        for layer, shape_before in zip(self.noises, (*shapes, shape)):
            layer.build(shape_before)
        self.built = True

    def call(self, layout, x=None, style=None, training=False):
        if self.starts_from == "layout":
            x = self.start(layout=layout.at(*self.start_size))
        if self.starts_from == "z":
            x = self.start(x)
        if style is not None:
            x = x + style
        enlarge = ENLARGING[self.enlarging]
        outputs = []
        for index, (block, factor) in enumerate(zip(self.blocks, self.factors)):
            x = enlarge(x) if factor > 1 else x
            x = block(self.noises[index](x) if self.noises else x, layout=layout, training=training)
            outputs.append(x)
        if self.noises:
            outputs[-1] = self.noises[-1](x)
        return outputs


class TrunkGenerator(Generator):
    """A generator that has SPADE's trunk.

    Args:
        image_size: (height, width), multiples of 32 ("normal"), 64 ("more") or 128 ("most").
        spade_hidden_filters: hidden filters of each modulation.
        upsampling: "normal", "more" or "most", see `SPADETrunk`.
        normalization: "batch" or "instance", of SPADE.
        enlarging, noise: of `SPADETrunk`; with "classes" the generator has an input `noise` float (batch, labels, 64).
        widest: of `SPADETrunk`.
        use_vae: whether the trunk starts from an input `z` float (batch, 256) in place of the layout (SPADE's release).
        kwargs: as in `Generator`.
    """

    torch_name = staticmethod(spade_torch_name)
    middle_blocks = 2

    def __init__(
        self,
        spade_hidden_filters=128,
        upsampling="normal",
        normalization="batch",
        enlarging="nearest",
        noise="none",
        widest=WIDEST,
        use_vae=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.use_vae = use_vae
        self.spade_hidden_filters = spade_hidden_filters
        self.upsampling = upsampling
        self.normalization = normalization
        self.enlarging = enlarging
        self.noise = noise
        self.widest = widest
        stride = stride_of(upsampling)
        if self.image_size[0] % stride or self.image_size[1] % stride:
            raise ValueError(f"image_size {self.image_size} must be a multiple of {stride} for {upsampling=}.")

    @property
    def feature_filters(self):
        """Channels of the feature F."""
        return self.base_filters // 2 if self.upsampling == "most" else self.base_filters

    def scale_filters(self, scale):
        """Channels of one of `scales`: 1 is F, each of twice the channels of the one before as far as `widest` goes."""
        return min(self.feature_filters * 2 ** (scale - 1), self.widest * self.base_filters)

    @property
    def input_specs(self):
        latents = latent_shapes({key: getattr(self, key) for key in ("use_vae", "noise", "num_classes", "has_unknown")})
        specs = {key: keras.InputSpec("float32", (None, *shape)) for key, shape in latents.items()}
        return {**super().input_specs, **specs}

    def _make_trunk(self, name, starts_from=None):
        modulation = {
            "num_labels": self.num_labels,
            "has_boundaries": self.has_boundaries,
            "hidden_filters": self.spade_hidden_filters,
            "normalization": self.normalization,
            "initializer": self.initializer,
            "noise_filters": NOISE_SIZE if self.noise == "classes" else 0,
        }
        starts_from = starts_from or ("z" if self.use_vae else "layout")
        how = (self.upsampling, modulation, starts_from, self.enlarging, self.noise)
        return SPADETrunk(self.base_filters, *how, self.middle_blocks, self.widest, name=name)


@keras.saving.register_keras_serializable("ecgan_tf")
class SPADEGenerator(TrunkGenerator):
    """The baseline that the papers compare with: the trunk, a leaky ReLU, one convolution, tanh.

    Arguments and call arguments as in `TrunkGenerator`.

    Returns:
        dictionary of `image` float32 (batch, height, width, 3) in (-1, 1), and `features` and `scales` as of
        `ECGANGenerator`.
    """

    # ---- layers

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.encoder = self._make_trunk("encoder")
        self.to_image = keras.layers.Conv2D(
            3, 3, padding="same", name="to_image", kernel_initializer=make_initializer(self.initializer),
            dtype="float32",
        )  # fmt: skip

    def build(self, input_shape=None):
        self.encoder.build(self.image_size)
        self.to_image.build((None, *self.image_size, self.feature_filters))
        self.built = True

    # ---- forward pass

    def call(self, inputs, training=False):
        scales = self.encoder(layout=self.layout(inputs), x=inputs.get("z"), training=training)[:-5:-1]
        image = ops.tanh(self.to_image(leaky_relu(scales[0])))
        return {"image": image, "features": scales[0], "scales": tuple(scales)}
