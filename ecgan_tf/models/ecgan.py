"""The generator of ECGAN (Tang et al., ICLR 2023; arXiv 2003.13898)."""

import keras
from keras import ops

from ecgan_tf.layers.exemplar_encoder import StyleCode, exemplar_specs, mix
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.layout import Layout, layout_specs
from ecgan_tf.layers.spade import SPADEResidualBlock, leaky_relu
from ecgan_tf.layers.upsampling import upsample_nearest

HEAD_FILTERS = (32, 16, 8)  # of the n = 3 intermediate layers, whatever the trunk's width, as in the release
UPSAMPLING = {"normal": 5, "more": 6}  # doublings between the trunk's first feature map and the image


@keras.saving.register_keras_serializable("ecgan_tf")
class Encoder(keras.layers.Layer):
    """The shared encoder E: the trunk of SPADE, which reads the layout again at every scale.

    Args:
        filters: C, of the last feature map; the first has 16 C.
        upsampling: "normal": the first feature map has 1/32 of the image's height and width; "more": 1/64.
        spade: dictionary of the arguments of `SPADE`.
        has_start: whether the first feature map is read from the layout; else the caller gives it.
    Call arguments:
        layout: `Layout` of the image's size.
        style: float (batch, 1 or rows, 1 or columns, 16 C), added to the first feature map; or None.
        x: without a start, float (batch, *start_size, 16 C).
    Returns:
        list of the outputs of the residual blocks, coarse to fine; the last, float (batch, height, width, C), is the
        feature F.
    """

    def __init__(self, filters, upsampling, spade, has_start=True, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.upsampling = upsampling
        self.spade = dict(spade)
        self.has_start = has_start
        if has_start:
            labels, initializer = (spade["num_labels"], spade["has_boundaries"]), spade["initializer"]
            self.start = LabelConv2D(16 * filters, *labels, initializer=initializer, name="start")
        widths = [filters * factor for factor in (16, 16, 16, 8, 4, 2, 1)]
        names = ("head_0", "middle_0", "middle_1", "up_0", "up_1", "up_2", "up_3")
        self.blocks = [SPADEResidualBlock(width, spade, name=name) for width, name in zip(widths, names)]
        # "normal" keeps the size between the two middle blocks, as the release does.
        self.factors = [1, 2, 2 if upsampling == "more" else 1, 2, 2, 2, 2]

    def build(self, image_size):
        stride = 2 ** UPSAMPLING[self.upsampling]
        self.start_size = (image_size[0] // stride, image_size[1] // stride)
        if self.has_start:
            self.start.build()
        shape = (None, *self.start_size, 16 * self.filters)
        for block, factor in zip(self.blocks, self.factors):
            shape = (None, shape[1] * factor, shape[2] * factor, shape[3])
            block.build(shape)
            shape = (*shape[:3], block.filters)
        self.built = True

    def call(self, layout, x=None, style=None, training=False):
        if self.has_start:
            x = self.start(layout=layout.at(*self.start_size))
        if style is not None:
            x = x + style
        outputs = []
        for block, factor in zip(self.blocks, self.factors):
            x = block(upsample_nearest(x, factor) if factor > 1 else x, layout=layout, training=training)
            outputs.append(x)
        return outputs

    def get_config(self):
        names = ("filters", "upsampling", "spade", "has_start")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("ecgan_tf")
class ConvolutionChain(keras.layers.Layer):
    """The chain of convolutions that the edge generator G_e and the image generator G_i share in shape.

    C -> 32 -> 16 -> 8 -> 3, each a 3x3 convolution after a leaky ReLU, then tanh. Given gates, each intermediate
    feature is multiplied by 1 + sigmoid(gate): the attention guided edge transfer G_t at feature level,
        F_i^j <- sigmoid(F_e^j) * F_i^j + F_i^j.

    Args:
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        x: float (batch, height, width, C).
        gates: the intermediate features of the other chain, or None.
    Returns:
        float (batch, height, width, 3) in (-1, 1), and the list of the n intermediate features before activation.
    """

    def __init__(self, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.initializer = initializer
        self.convolutions = [
            keras.layers.Conv2D(
                filters, 3, padding="same", name=f"conv_{j}", kernel_initializer=make_initializer(initializer)
            )
            for j, filters in enumerate(HEAD_FILTERS)
        ]
        self.to_image = keras.layers.Conv2D(
            3, 3, padding="same", name="to_image", kernel_initializer=make_initializer(initializer), dtype="float32"
        )

    def build(self, x_shape):
        shape = tuple(x_shape)
        for convolution in (*self.convolutions, self.to_image):
            convolution.build(shape)
            shape = (*shape[:-1], convolution.filters)
        self.built = True

    def call(self, x, gates=None):
        features = []
        for j, convolution in enumerate(self.convolutions):
            x = convolution(leaky_relu(x))
            if gates is not None:
                x = transfer_edges(gates[j], x)
            features.append(x)
        return ops.tanh(self.to_image(leaky_relu(x))), features

    def get_config(self):
        return {**super().get_config(), "initializer": self.initializer}


def transfer_edges(edge, image):
    """Attention guided edge transfer G_t: sigmoid(edge) * image + image."""
    return image * (1.0 + ops.sigmoid(edge))


@keras.saving.register_keras_serializable("ecgan_tf")
class SemanticPreservingModule(keras.layers.Layer):
    """The semantic preserving module G_s: a class-dependent channel gate between two convolutions.

        F_c  = conv(X), one channel per class;  gamma' = sigmoid(mean over height and width of F_c)
        F_c' = gamma' * F_c + F_c;  X' = conv(F_c') of X's width;  I'' = tanh(conv(X'))
    Each convolution is 3x3 and follows a leaky ReLU. The module has no normalisation.

    Args:
        num_classes: N, without "unknown".
        initializer: a name of `INITIALIZERS`.
        skip: adds I' before the last tanh. Not in the paper, where the final image has to be painted through the
            bottleneck of one channel per class; with the skip it starts from the first image.
    Call arguments:
        x: float (batch, height, width, C + 3 + 3 + N'), the concatenation of F, I', I'_e and S.
        initial_image: I', read only with `skip`.
    Returns:
        float32 (batch, height, width, 3) in (-1, 1), the final image I''.
    """

    def __init__(self, num_classes, initializer="xavier_0.02", skip=False, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.initializer = initializer
        self.skip = skip

    def build(self, x_shape):
        def convolution(filters, name, **kwargs):
            return keras.layers.Conv2D(
                filters, 3, padding="same", name=name, kernel_initializer=make_initializer(self.initializer), **kwargs
            )

        self.to_classes = convolution(self.num_classes, "to_classes")
        self.to_features = convolution(x_shape[-1], "to_features")
        self.to_image = convolution(3, "to_image", dtype="float32")
        self.to_classes.build(x_shape)
        self.to_features.build((*x_shape[:-1], self.num_classes))
        self.to_image.build(x_shape)
        self.built = True

    def call(self, x, initial_image=None):
        classes = self.to_classes(leaky_relu(x))
        gate = ops.sigmoid(ops.mean(classes, axis=(1, 2), keepdims=True))
        features = self.to_features(leaky_relu(classes * (1.0 + gate)))
        image = self.to_image(leaky_relu(features))
        return ops.tanh(image + initial_image if self.skip else image)

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "initializer": self.initializer,
            "skip": self.skip,
        }


@keras.saving.register_keras_serializable("ecgan_tf")
class ECGANGenerator(keras.Model):
    """Label map in, photograph out: E, then G_e and G_i with the edge transfer between them, then G_s.

    Args:
        num_classes: N, without "unknown".
        image_size: (height, width), multiples of 32 ("normal") or 64 ("more").
        has_unknown: whether label id N occurs and has a channel of its own.
        has_boundaries: whether the instance boundary map is an input.
        base_filters: C.
        spade_hidden_filters: hidden filters of each modulation.
        upsampling: "normal" or "more", see `Encoder`.
        normalization: "batch" or "instance", of SPADE.
        initializer, head_initializer: names of `INITIALIZERS`, of the trunk and of G_e, G_i, G_s.
        use_edge: whether there is an edge generator G_e.
        edge_transfer: where the edge gates the image: "both", "feature", "image" or "none".
        use_semantic_preserving: whether there is a G_s; without it the final image is the first one, clipped.
        semantic_skip: see `SemanticPreservingModule`.
        use_exemplar: whether the picture takes the style of an exemplar, the guidance of MSCA without its attention: a
            code of the whole exemplar, added to the trunk's first feature map. Not in the paper.
    Call arguments:
        inputs: dictionary of `labels` int32 (batch, height, width) and, with boundaries, `boundaries` float
            (batch, height, width, 1) in {0, 1}; with exemplars `exemplar` float (batch, height, width, 3) in [-1, 1].
        training: whether batch statistics and power iterations are updated.
    Returns:
        dictionary of float tensors (batch, height, width, .): `image` in [-1, 1], the final I'';
        `initial_image`, the first I' in (-1.74, 1.74), since the gate of the last edge transfer exceeds 1; with G_e
        `edge` in (-1, 1), I'_e; `features`, F with C channels; and `scales`, the tuple of the features of the encoder's
        last four blocks, F first, each half the size and of twice the channels of the one before.
    """

    # ---- layers

    def __init__(
        self,
        num_classes,
        image_size,
        has_unknown=False,
        has_boundaries=False,
        base_filters=64,
        spade_hidden_filters=128,
        upsampling="normal",
        normalization="batch",
        initializer="xavier_0.02",
        head_initializer="xavier_0.02",
        use_edge=True,
        edge_transfer="both",
        use_semantic_preserving=True,
        semantic_skip=False,
        use_exemplar=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.image_size = tuple(image_size)
        self.has_unknown = has_unknown
        self.has_boundaries = has_boundaries
        self.base_filters = base_filters
        self.spade_hidden_filters = spade_hidden_filters
        self.upsampling = upsampling
        self.normalization = normalization
        self.initializer = initializer
        self.head_initializer = head_initializer
        self.use_edge = use_edge
        self.edge_transfer = edge_transfer
        self.use_semantic_preserving = use_semantic_preserving
        self.semantic_skip = semantic_skip
        self.use_exemplar = use_exemplar
        check_size(self.image_size, upsampling)
        spade = spade_arguments(self)
        self.encoder = Encoder(base_filters, upsampling, spade, name="encoder")
        self.image_generator = ConvolutionChain(head_initializer, name="image_generator")
        if use_edge:
            self.edge_generator = ConvolutionChain(head_initializer, name="edge_generator")
        if use_semantic_preserving:
            self.semantic_preserving = SemanticPreservingModule(
                num_classes, head_initializer, semantic_skip, name="semantic_preserving"
            )
        if use_exemplar:
            self.style_code = StyleCode(base_filters, 16 * base_filters, initializer, name="style_code")

    def build(self, input_shape=None):
        self.encoder.build(self.image_size)
        features_shape = (None, *self.image_size, self.base_filters)
        self.image_generator.build(features_shape)
        channels = self.base_filters + 3 + self.num_classes + self.has_unknown + self.has_boundaries
        if self.use_edge:
            self.edge_generator.build(features_shape)
            channels += 3
        if self.use_semantic_preserving:
            self.semantic_preserving.build((*features_shape[:3], channels))
        if self.use_exemplar:
            self.style_code.build((None, *self.image_size, 3))
        self.built = True

    # ---- forward pass

    @property
    def input_specs(self):
        """What `call` takes: dictionary from name to `keras.InputSpec`."""
        exemplar = exemplar_specs(self.image_size, has_labels=False) if self.use_exemplar else {}
        return {**layout_specs(self.image_size, self.has_boundaries), **exemplar}

    def call(self, inputs, training=False):
        style = self.encode_exemplar(inputs["exemplar"]) if self.use_exemplar else None
        return self.synthesise(inputs, style, training=training)

    def encode_exemplar(self, exemplar):
        """The style of an exemplar float (batch, height, width, 3): dictionary of `global_code` (batch, 16 C)."""
        return {"global_code": self.style_code(exemplar)}

    def synthesise(self, inputs, style=None, training=False):
        """Paints a layout: `call` with a style that is already encoded.

        Args:
            inputs: dictionary of `labels` and, with boundaries, `boundaries`, as in `call`.
            style: of `encode_exemplar`, or a list of (style, share), see `MSCAGenerator.synthesise`; None without
                exemplars.
            training: as in `call`.
        Returns:
            as `call`.
        """
        layout = Layout(inputs["labels"], self.num_classes + self.has_unknown, inputs.get("boundaries"))
        if style is not None:
            styles = style if isinstance(style, list) else [(style, None)]
            codes = [(each["global_code"][:, None, None], share) for each, share in styles]
            style = mix(codes, self.encoder.start_size)
        scales = self.encoder(layout=layout, style=style, training=training)[:-5:-1]
        features = scales[0]
        outputs = {"features": features, "scales": tuple(scales)}
        gates = None
        if self.use_edge:
            outputs["edge"], edge_features = self.edge_generator(features)
            gates = edge_features if self.edge_transfer in ("feature", "both") else None
        image, _ = self.image_generator(features, gates=gates)
        if self.use_edge and self.edge_transfer in ("image", "both"):
            image = transfer_edges(outputs["edge"], image)
        outputs["initial_image"] = image
        if not self.use_semantic_preserving:
            return {"image": ops.clip(image, -1.0, 1.0), **outputs}
        parts = [features, image, *([outputs["edge"]] if self.use_edge else []), layout.semantic(self.compute_dtype)]
        joined = ops.concatenate([ops.cast(part, self.compute_dtype) for part in parts], axis=-1)
        return {"image": self.semantic_preserving(joined, image), **outputs}

    # ---- config

    def get_config(self):
        names = (
            "num_classes",
            "image_size",
            "has_unknown",
            "has_boundaries",
            "base_filters",
            "spade_hidden_filters",
            "upsampling",
            "normalization",
            "initializer",
            "head_initializer",
            "use_edge",
            "edge_transfer",
            "use_semantic_preserving",
            "semantic_skip",
            "use_exemplar",
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def spade_arguments(generator):
    """The arguments of `SPADE` for a generator with these attributes."""
    return {
        "num_labels": generator.num_classes + generator.has_unknown,
        "has_boundaries": generator.has_boundaries,
        "hidden_filters": generator.spade_hidden_filters,
        "normalization": generator.normalization,
        "initializer": generator.initializer,
    }


def check_size(image_size, upsampling):
    stride = 2 ** UPSAMPLING[upsampling]
    if image_size[0] % stride or image_size[1] % stride:
        raise ValueError(f"image_size {image_size} must be a multiple of {stride} for upsampling={upsampling!r}.")
