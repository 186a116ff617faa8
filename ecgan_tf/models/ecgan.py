"""The generator of ECGAN (Tang et al., ICLR 2023; arXiv 2003.13898)."""

import keras
from keras import ops

from ecgan_tf.layers.convolution import convolve
from ecgan_tf.layers.exemplar_encoder import StyleCode, exemplar_specs, mix
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.label_conv import convolve_labels
from ecgan_tf.layers.normalization import leaky_relu
from ecgan_tf.layers.recomputed import convolve_recomputed, recomputed
from ecgan_tf.models.spade import TrunkGenerator

HEAD_FILTERS = (32, 16, 8)  # of the n = 3 intermediate layers, whatever the trunk's width, as in the release


@keras.saving.register_keras_serializable("ecgan_tf")
class ConvolutionChain(FromArguments, keras.layers.Layer):
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
        float (batch, height, width, 3) in (-1, 1), and the list of the n intermediate features before gates and
        activation.
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

    def call(self, x, gates=None, training=False):
        features, gate = [], None
        for j, convolution in enumerate(self.convolutions):
            x = convolve_recomputed(convolution, _transferred, x, gate, training=training)
            features.append(x)
            gate = gates[j] if gates else None
        return ops.tanh(convolve_recomputed(self.to_image, _transferred, x, gate, training=training)), features


def _transferred(x, gate):
    return leaky_relu(x if gate is None else transfer_edges(gate, x))


def _joined(*parts):
    return leaky_relu(ops.concatenate(parts, axis=-1))


def _gated(classes, gate):
    return leaky_relu(classes * (1.0 + gate))


def transfer_edges(edge, image):
    """Attention guided edge transfer G_t: sigmoid(edge) * image + image."""
    return image * (1.0 + ops.sigmoid(edge))


@keras.saving.register_keras_serializable("ecgan_tf")
class SemanticPreservingModule(FromArguments, keras.layers.Layer):
    """The semantic preserving module G_s: a class-dependent channel gate between two convolutions.

        F_c  = conv(X), one channel per class;  gamma' = sigmoid(mean over height and width of F_c)
        F_c' = gamma' * F_c + F_c;  X' = conv(F_c') of X's width;  I'' = tanh(conv(X'))
    Each convolution is 3x3 and follows a leaky ReLU. The module has no normalisation.

    Args:
        num_classes: N, without "unknown".
        initializer: a name of `INITIALIZERS`.
        skip: adds I' before the last tanh. Not in the paper, where the final image has to be synthesised through the
            bottleneck of one channel per class; with the skip it starts from the first image.
    Call arguments:
        parts: list of F, I' and I'_e, float (batch, height, width, .). X is their concatenation and, after them, the
            semantic input S of N' channels.
        layout: `Layout`, of which S is.
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

    def call(self, parts, layout, initial_image=None, training=False):
        classes = self._classes([ops.cast(part, self.compute_dtype) for part in parts], layout, training)
        gate = ops.sigmoid(ops.mean(classes, axis=(1, 2), keepdims=True))
        features = convolve_recomputed(self.to_features, _gated, classes, gate, training=training)
        image = convolve_recomputed(self.to_image, leaky_relu, features, training=training)
        return ops.tanh(image + initial_image if self.skip else image)

    def _classes(self, parts, layout, training):
        if not layout.by_neighbourhoods:
            semantic = layout.semantic(self.compute_dtype)
            return convolve_recomputed(self.to_classes, _joined, *parts, semantic, training=training)
        # The leaky ReLU leaves the channels of the layout as they are, and the convolution is linear.
        channels = sum(part.shape[-1] for part in parts)
        kernel = ops.cast(self.to_classes.kernel, self.compute_dtype)
        of_features, of_layout = kernel[:, :, :channels], kernel[:, :, channels:]

        def convolve_features(kernel, *parts):
            return convolve(_joined(*parts), kernel, padding=1)

        if training:
            classes = recomputed(convolve_features, of_features, *parts)
        else:
            classes = convolve_features(of_features, *parts)
        classes = classes + convolve_labels(layout, of_layout)
        return classes + ops.cast(self.to_classes.bias, self.compute_dtype)


@keras.saving.register_keras_serializable("ecgan_tf")
class ECGANGenerator(TrunkGenerator):
    """Label map in, photograph out: E, then G_e and G_i with the edge transfer between them, then G_s.

    Args:
        head_initializer: a name of `INITIALIZERS`, of G_e, G_i, G_s.
        use_edge: whether there is an edge generator G_e.
        edge_transfer: where the edge gates the image: "both", "feature", "image" or "none".
        use_semantic_preserving: whether there is a G_s; without it the final image is the first one, clipped.
        semantic_skip: see `SemanticPreservingModule`.
        use_exemplar: whether the picture takes the style of an exemplar, the guidance of MSCA without its attention: a
            code of the whole exemplar, added to the trunk's first feature map. Not in the paper.
        kwargs: as in `TrunkGenerator`.
    Call arguments:
        inputs: dictionary of `labels` int32 (batch, height, width) and, with boundaries, `boundaries` float
            (batch, height, width, 1) in {0, 1}; with exemplars `exemplar` float (batch, height, width, 3) in [-1, 1].
        training: whether batch statistics and power iterations are updated.
    Returns:
        dictionary of float tensors (batch, height, width, .): `image` in [-1, 1], the final I'';
        `initial_image`, the first I' in (-1.74, 1.74), since the gate of the last edge transfer exceeds 1; with G_e
        `edge` in (-1, 1), I'_e; `features`, F with C channels; and `scales`, the tuple of the features of the encoder's
        last four blocks, F first, each half the size and of twice the channels of the one before, up to widest C.
    """

    # ---- layers

    def __init__(
        self,
        head_initializer="xavier_0.02",
        use_edge=True,
        edge_transfer="both",
        use_semantic_preserving=True,
        semantic_skip=False,
        use_exemplar=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.head_initializer = head_initializer
        self.use_edge = use_edge
        self.edge_transfer = edge_transfer
        self.use_semantic_preserving = use_semantic_preserving
        self.semantic_skip = semantic_skip
        self.use_exemplar = use_exemplar
        self.encoder = self._make_trunk("encoder")
        self.image_generator = ConvolutionChain(head_initializer, name="image_generator")
        if use_edge:
            self.edge_generator = ConvolutionChain(head_initializer, name="edge_generator")
        if use_semantic_preserving:
            self.semantic_preserving = SemanticPreservingModule(
                self.num_classes, head_initializer, semantic_skip, name="semantic_preserving"
            )
        if use_exemplar:
            filters = self.base_filters
            self.style_code = StyleCode(filters, self.encoder.start_filters, self.initializer, name="style_code")

    def build(self, input_shape=None):
        self.encoder.build(self.image_size)
        features_shape = (None, *self.image_size, self.feature_filters)
        self.image_generator.build(features_shape)
        channels = self.feature_filters + 3 + self.num_labels + self.has_boundaries
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
        exemplar = exemplar_specs(self.image_size, has_labels=False) if self.use_exemplar else {}
        return {**super().input_specs, **exemplar}

    def call(self, inputs, training=False):
        style = self.encode_exemplar(inputs["exemplar"]) if self.use_exemplar else None
        return self.synthesise(inputs, style, training=training)

    def encode_exemplar(self, exemplar):
        """The style of an exemplar float (batch, height, width, 3): dictionary of `global_code` (batch, widest C)."""
        return {"global_code": self.style_code(exemplar)}

    def synthesise(self, inputs, style=None, training=False):
        """Synthesises a layout: `call` with a style that is already encoded.

        Args:
            inputs: dictionary of `labels` and, with boundaries, `boundaries`, as in `call`.
            style: of `encode_exemplar`, or a list of (style, share), see `MSCAGenerator.synthesise`; None without
                exemplars.
            training: as in `call`.
        Returns:
            as `call`.
        """
        layout = self.layout(inputs)
        if style is not None:
            styles = style if isinstance(style, list) else [(style, None)]
            codes = [(each["global_code"][:, None, None], share) for each, share in styles]
            style = mix(codes, self.encoder.start_size)
        scales = self.encoder(layout=layout, x=inputs.get("z"), style=style, training=training)[:-5:-1]
        features = scales[0]
        outputs = {"features": features, "scales": tuple(scales)}
        gates = None
        if self.use_edge:
            outputs["edge"], edge_features = self.edge_generator(features, training=training)
            gates = edge_features if self.edge_transfer in ("feature", "both") else None
        image, _ = self.image_generator(features, gates=gates, training=training)
        if self.use_edge and self.edge_transfer in ("image", "both"):
            image = transfer_edges(outputs["edge"], image)
        outputs["initial_image"] = image
        if not self.use_semantic_preserving:
            return {"image": ops.clip(image, -1.0, 1.0), **outputs}
        parts = [features, image, *([outputs["edge"]] if self.use_edge else [])]
        image = self.semantic_preserving(parts, layout=layout, initial_image=image, training=training)
        return {"image": image, **outputs}
