"""The generator of MSCA (Zheng et al., ECCV 2020; arXiv 2004.10024): a layout in the style of an exemplar scene.

The authors released no code; docs/papers/msca.md is what this follows, and says which numbers are the paper's.
"""

import keras
from keras import ops

from ecgan_tf.layers.exemplar_encoder import ExemplarEncoder, exemplar_specs, mix
from ecgan_tf.layers.feature_spade import FeatureSPADEResidualBlock
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.masked_attention import LARGEST_FULL, FullAttention, MaskedSpatialChannelAttention, PooledStyle
from ecgan_tf.layers.normalization import leaky_relu
from ecgan_tf.layers.upsampling import upsample_bilinear, upsample_nearest
from ecgan_tf.models.exemplar_vgg import NETWORKS, VGGExemplarEncoder
from ecgan_tf.models.generator import Generator

NUM_SCALES = 5  # L + 1: from the image's size to a sixteenth of it


@keras.saving.register_keras_serializable("ecgan_tf")
class LabelPyramid(FromArguments, keras.layers.Layer):
    """Features F_c of a layout at every scale, with one set of weights for the target's and the exemplar's.

        F_c^(i) = leaky ReLU(W_i * [labels at scale i, F_c^(i+1) enlarged]),  coarse to fine

    Args:
        filters: M, at every scale.
        num_labels, has_boundaries: of the layout, see `LabelConv2D`.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        layout: `Layout`.
    Returns:
        list of float (batch, height / 2^i, width / 2^i, M), fine to coarse.
    """

    def __init__(self, filters, num_labels, has_boundaries=False, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.initializer = initializer
        # A convolution of two inputs side by side is the sum of one of each.
        self.of_labels = [
            LabelConv2D(filters, num_labels, has_boundaries, initializer=initializer, name=f"labels_{i}")
            for i in range(NUM_SCALES)
        ]
        self.of_coarser = [
            keras.layers.Conv2D(
                filters, 3, 1, "same", use_bias=False, kernel_initializer=make_initializer(initializer),
                name=f"coarser_{i}",
            )
            for i in range(NUM_SCALES - 1)
        ]  # fmt: skip

    def build(self, input_shape=None):
        for convolution in self.of_labels:
            convolution.build()
        for convolution in self.of_coarser:
            convolution.build((None, None, None, self.filters))
        self.built = True

    def call(self, layout):
        height, width = layout.size
        features = []
        for i in reversed(range(NUM_SCALES)):
            x = self.of_labels[i](layout=layout.at(height >> i, width >> i))
            if features:
                x = x + self.of_coarser[i](upsample_bilinear(features[0]))
            features.insert(0, leaky_relu(x))
        return features


@keras.saving.register_keras_serializable("ecgan_tf")
class MSCAGenerator(Generator):
    """A layout and an exemplar scene in, the layout as a photograph in the exemplar's style out.

    Args:
        spade_hidden_filters: hidden filters of each modulation.
        normalization: "batch" or "instance", of the modulated blocks.
        attention: "msca"; "gap": the exemplar's mean feature everywhere; "full": between all pairs of positions where
            a scale has at most 32 rows and columns, "msca" above.
        attention_slots: K of the scales, finest first; 0: one per label.
        use_mask: whether slots without use for the layout are masked.
        use_global: whether the global style code g is there.
        exemplar_label: "given": the exemplar comes with its label map; "predicted": the same, of maps that a segmenter
            may have made; "none": without, and attention reads its pixels alone.
        exemplar_encoder: "trained": an `ExemplarEncoder`; "vgg19" or "hed": a `VGGExemplarEncoder`.
        attention_sharpness: see `MaskedSpatialChannelAttention`.
        kwargs: as in `Generator`; image_size, multiples of 32, is the exemplar's, too, and boundaries are the layout's.
    Call arguments:
        inputs: dictionary of `labels` int32 (batch, height, width), with boundaries `boundaries` float
            (batch, height, width, 1), `exemplar` float (batch, height, width, 3) in [-1, 1] and, if given,
            `exemplar_labels` int32 (batch, height, width).
        training: whether batch statistics and power iterations are updated.
    Returns:
        dictionary of `image` float32 (batch, height, width, 3) in (-1, 1), and `attention`, a tuple over the scales,
        finest first, of dictionaries of the maps there: `exemplar` (alpha, which positions a slot was read from) and
        `target` (beta, which slots a position takes), float32 (batch, rows, columns, K), and `mask` (m) (batch, K), as
        far as the switches leave them.
    """

    # ---- layers

    def __init__(
        self,
        spade_hidden_filters=128,
        normalization="batch",
        attention="msca",
        attention_slots=(16, 32, 64, 64, 64),
        use_mask=True,
        use_global=True,
        exemplar_label="given",
        exemplar_encoder="trained",
        attention_sharpness=1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.spade_hidden_filters = spade_hidden_filters
        self.normalization = normalization
        self.attention = attention
        self.attention_slots = tuple(attention_slots)
        self.use_mask = use_mask
        self.use_global = use_global
        self.exemplar_label = exemplar_label
        self.exemplar_encoder = exemplar_encoder
        self.attention_sharpness = attention_sharpness
        if self.image_size[0] % 32 or self.image_size[1] % 32:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 32.")
        if len(self.attention_slots) != NUM_SCALES:
            raise ValueError(f"attention_slots {self.attention_slots} must have {NUM_SCALES} numbers, one per scale.")
        if attention == "full" and exemplar_label == "none":
            raise ValueError('attention="full" compares label maps; it needs exemplar_label="given" or "predicted".')
        filters, initializer = self.base_filters, self.initializer
        self.encoder = (
            VGGExemplarEncoder(exemplar_encoder, filters, initializer, name="exemplar_encoder")
            if exemplar_encoder in NETWORKS
            else ExemplarEncoder(filters, initializer, name="exemplar_encoder")
        )
        self.label_pyramid = LabelPyramid(
            filters, self.num_labels, self.has_boundaries, initializer, name="label_pyramid"
        )
        self.attentions = [self._make_attention(i) for i in range(NUM_SCALES)]
        if use_global:
            self.to_global = self._dense(4 * filters, "to_global")
            self.style_to_start = self._dense(16 * filters, "style_to_start")
        self.start = keras.layers.Conv2D(
            16 * filters, 3, 1, "same", kernel_initializer=make_initializer(initializer), name="start"
        )
        modulation = {
            "hidden_filters": spade_hidden_filters,
            "normalization": normalization,
            "initializer": initializer,
        }
        self.blocks = [
            FeatureSPADEResidualBlock(filters * factor, modulation, name=f"block_{j}")
            for j, factor in enumerate((16, 16, 8, 4, 2, 1))
        ]
        self.to_image = keras.layers.Conv2D(
            3, 3, 1, "same", kernel_initializer=make_initializer(initializer), name="to_image", dtype="float32"
        )

    def _dense(self, filters, name):
        return keras.layers.Dense(filters, kernel_initializer=make_initializer(self.initializer), name=name)

    def _make_attention(self, i):
        name = f"attention_{i}"
        if self.attention == "gap":
            return PooledStyle(name=name)
        if self.attention == "full" and max(self.image_size) >> i <= LARGEST_FULL:
            return FullAttention(self.base_filters, name=name)
        return MaskedSpatialChannelAttention(
            self.attention_slots[i] or self.num_labels,
            mask_filters=2 * self.base_filters,
            use_mask=self.use_mask,
            initializer=self.initializer,
            sharpness=self.attention_sharpness,
            name=name,
        )

    def build(self, input_shape=None):
        height, width = self.image_size
        self.encoder.build((None, height, width, 3))
        self.label_pyramid.build()
        widths = [compress.filters for compress in self.encoder.compress]
        for i, attention in enumerate(self.attentions):
            label_shape = (None, height >> i, width >> i, self.base_filters)
            known = label_shape if self.exemplar_label != "none" else None
            attention.build(label_shape, (*label_shape[:3], widths[i]), known)
        style_shape = None
        if self.use_global:
            style_shape = (None, 1, 1, self.to_global.units)
            self.to_global.build((None, widths[-1]))
            self.style_to_start.build(style_shape)
        self.start.build((None, height >> 5, width >> 5, self.base_filters))
        in_filters = 16 * self.base_filters
        for (i, _), block in zip(self._plan, self.blocks):
            features = (None, None, None, self.base_filters + widths[i])
            block.build((None, None, None, in_filters), features, style_shape)
            in_filters = block.filters
        self.to_image.build((None, height, width, in_filters))
        self.built = True

    @property
    def _plan(self):
        """For each block the scale of its modulation, and that of its own size: the first is half of the coarsest."""
        return [(NUM_SCALES - 1, NUM_SCALES), *((i, i) for i in reversed(range(NUM_SCALES)))]

    # ---- forward pass

    @property
    def input_specs(self):
        return {
            **super().input_specs,
            **exemplar_specs(self.image_size, self.exemplar_label != "none"),
        }

    def call(self, inputs, training=False):
        style, read = self._encode(inputs["exemplar"], inputs.get("exemplar_labels"))
        outputs = self.synthesise(inputs, style, training=training)
        attention = tuple(
            {**written, **({} if alpha is None else {"exemplar": alpha})}
            for alpha, written in zip(read, outputs["attention"])
        )
        return {**outputs, "attention": attention}

    def encode_exemplar(self, exemplar, exemplar_labels=None):
        """The style of an exemplar: all that `synthesise` has to know of it.

        Args:
            exemplar, exemplar_labels: as in `call`.
        Returns:
            dictionary of float tensors: `values_<i>` (batch, K, N) of scale i (with "full" attention `keys_<i>`, too),
            `label_pool` (batch, scales, M), the mean features of its labels, and `global_code` (batch, 4 C), g.
        """
        return self._encode(exemplar, exemplar_labels)[0]

    def _encode(self, exemplar, exemplar_labels):
        features = self.encoder(exemplar)
        of_labels = [None] * NUM_SCALES
        style = {}
        if self.exemplar_label != "none":
            boundaries = ops.zeros_like(exemplar[..., :1]) if self.has_boundaries else None  # the layout alone has any
            of_labels = self.label_pyramid(layout=Layout(exemplar_labels, self.num_labels, boundaries))
            style["label_pool"] = ops.stack([ops.mean(x, axis=(1, 2)) for x in of_labels], axis=1)
        if self.use_global:
            style["global_code"] = self.to_global(ops.mean(features[-1], axis=(1, 2)))
        maps = []
        for i, attention in enumerate(self.attentions):
            read, alpha = attention.read(features[i], of_labels[i])
            style.update({f"{key}_{i}": value for key, value in read.items()})
            maps.append(alpha)
        return style, maps

    def synthesise(self, inputs, style, training=False):
        """Synthesises a layout in a style.

        Args:
            inputs: dictionary of `labels` and, with boundaries, `boundaries`, as in `call`.
            style: of `encode_exemplar`; or a list of (style, share), to mix several: share is a number, or float
                (batch, height, width, 1), how much of the style each position gets. Shares add up to 1 everywhere; a
                share below 0 or above 1 extrapolates.
            training: as in `call`.
        Returns:
            as `call`, without the maps over the exemplar; of several styles the maps are the first one's.
        """
        styles = style if isinstance(style, list) else [(style, None)]
        layout = self.layout(inputs)
        of_layout = self.label_pyramid(layout=layout)
        modulations, maps = [], []
        for i, attention in enumerate(self.attentions):
            written = [self._write(attention, i, of_layout[i], each) for each, _ in styles]
            maps.append(written[0][1])
            parts = [(aligned, share) for (aligned, _), (_, share) in zip(written, styles)]
            modulations.append(ops.concatenate([of_layout[i], mix(parts, of_layout[i].shape[1:3])], axis=-1))
        x = self.start(ops.average_pool(of_layout[-1], 2, strides=2))
        for j, ((i, size), block) in enumerate(zip(self._plan, self.blocks)):
            shape = (self.image_size[0] >> size, self.image_size[1] >> size)
            code = self._mixed_code(styles, shape) if self.use_global else None
            if j == 0 and self.use_global:
                x = x + self.style_to_start(code)
            features = modulations[i] if size == i else ops.average_pool(modulations[i], 2, strides=2)
            x = block(x if j == 0 else upsample_nearest(x), features, code, training=training)
        image = ops.tanh(self.to_image(leaky_relu(x)))
        return {"image": image, "attention": tuple(maps)}

    def _write(self, attention, i, target, style):
        kept = {key: style[f"{key}_{i}"] for key in ("values", "keys") if f"{key}_{i}" in style}
        pool = style.get("label_pool")
        if pool is not None:  # a slice that drops an axis is no operation of GPU delegates
            pool = ops.reshape(pool[:, i : i + 1], (-1, pool.shape[2]))
        return attention.write(target, kept, pool)

    def _mixed_code(self, styles, shape):
        return mix([(style["global_code"][:, None, None], share) for style, share in styles], shape)
