"""Discriminators: what is real is judged patch by patch, at several scales."""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.convolution import PaddedConv2D, convolve
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.layout import Layout, SemanticCells
from ecgan_tf.layers.normalization import leaky_relu, make_normalization
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.models.torch_names import discriminator_torch_name

# From how many labels on, and up to what share of distinct 3x3 windows among the cells, the layout's share of a first
# convolution is added up from rows instead of convolved: by counted operations, not measured.
FEWEST_LABELS, MOST_WINDOWS = 64, 0.1


@keras.saving.register_keras_serializable("ecgan_tf")
class PatchDiscriminator(FromArguments, keras.layers.Layer):
    """A PatchGAN over pairs of a layout and an image (Isola et al., 2017, in the form of SPADE).

    4x4 convolutions with padding 2: stride 2, then two of stride 2 and one of stride 1 with spectral and instance
    normalisation, then one score per patch; leaky ReLU between them.

    Args:
        semantic_filters: N', channels of the semantic input; 0: images are judged without their layouts.
        base_filters: of the first convolution.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        of_layout: of the method of this name; not read without semantic filters.
        images: float (pairs * batch, height, width, 3); image i belongs to layout i modulo batch.
    Returns:
        list of the features of the first four layers, and the logits float32 (pairs * batch, rows, columns, 1).
    """

    def __init__(self, semantic_filters, base_filters=64, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.semantic_filters = semantic_filters
        self.base_filters = base_filters
        self.initializer = initializer
        widths = [min(base_filters * factor, 512) for factor in (2, 4, 8)]
        self.convolutions = [
            SpectralConv2D(width, 4, strides, 2, use_bias=False, initializer=initializer, name=f"conv_{layer}")
            for layer, (width, strides) in enumerate(zip(widths, (2, 2, 1)), start=1)
        ]
        self.norms = [make_normalization("instance", name=f"norm_{layer}") for layer in (1, 2, 3)]
        self.to_logits = keras.layers.Conv2D(
            1, 4, padding="valid", name="to_logits", kernel_initializer=make_initializer(initializer), dtype="float32"
        )

    def build(self, input_shape=None):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(4, 4, self.semantic_filters + 3, self.base_filters),
            initializer=make_initializer(self.initializer),
        )
        self.bias = self.add_weight(name="bias", shape=(self.base_filters,), initializer="zeros")
        shape = (None, None, None, self.base_filters)
        for convolution, norm in zip(self.convolutions, self.norms):
            convolution.build(shape)
            shape = (*shape[:-1], convolution.filters)
            norm.build(shape)
        self.to_logits.build(shape)
        self.built = True

    def of_layout(self, semantic):
        """The share of a layout in the first convolution, which is linear: computed once for all images of it.

        Args:
            semantic: float (batch, height, width, N') or `SemanticCells`.
        Returns:
            float (batch, rows, columns, base_filters).
        """
        kernel = ops.cast(self.kernel[:, :, : self.semantic_filters], self.compute_dtype)
        if isinstance(semantic, SemanticCells):
            return semantic.convolve(kernel, 2, 2)
        return convolve(ops.cast(semantic, self.compute_dtype), kernel, 2, 2)

    def call(self, of_layout, images, training=False):
        of_image = convolve(images, self.kernel[:, :, self.semantic_filters :], 2, 2)
        if self.semantic_filters:
            pairs = images.shape[0] // of_layout.shape[0]
            x = leaky_relu(of_image + ops.tile(of_layout + self.bias, (pairs, 1, 1, 1)))
        else:
            x = leaky_relu(of_image + self.bias)
        features = [x]
        for convolution, norm in zip(self.convolutions, self.norms):
            x = leaky_relu(norm(convolution(x, training=training)))
            features.append(x)
        return features, self.to_logits(ops.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)]))


@keras.saving.register_keras_serializable("ecgan_tf")
class MultiscaleDiscriminator(FromArguments, keras.Model):
    """The multi-modality discriminator D: one network judges images and edge maps alike, at several scales.

    Args:
        num_classes, has_unknown, has_boundaries: of the layouts, as in the generator.
        base_filters: of each scale's first convolution.
        num_scales: number of `PatchDiscriminator`s; each sees half the size of the one before.
        initializer: a name of `INITIALIZERS`.
        is_conditional: whether it sees the layout; without, it judges what is a photograph at all.
    Call arguments:
        inputs: dictionary of `labels` and, with boundaries, `boundaries`, as the generator takes.
        images: float (pairs * batch, height, width, 3): for every layout `pairs` images or edge maps, stacked along
            the batch axis.
    Returns:
        list over the scales of (features, logits), see `PatchDiscriminator`.
    Attributes:
        by_neighbourhoods: how layouts are read, as of a generator.
    """

    torch_name = staticmethod(discriminator_torch_name)

    # ---- layers

    def __init__(
        self,
        num_classes,
        has_unknown=False,
        has_boundaries=False,
        base_filters=64,
        num_scales=2,
        initializer="xavier_0.02",
        is_conditional=True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.has_unknown = has_unknown
        self.has_boundaries = has_boundaries
        self.base_filters = base_filters
        self.num_scales = num_scales
        self.initializer = initializer
        self.is_conditional = is_conditional
        self.by_neighbourhoods = False
        semantic_filters = num_classes + has_unknown + has_boundaries if is_conditional else 0
        self.scales = [
            PatchDiscriminator(semantic_filters, base_filters, initializer, name=f"scale_{scale}")
            for scale in range(num_scales)
        ]

    def build(self, input_shape=None):
        for scale in self.scales:
            scale.build()
        self.built = True

    # ---- forward pass

    def call(self, inputs, images, training=False):
        images = ops.cast(images, self.compute_dtype)
        shares = self._of_layout(inputs) if self.is_conditional else [None] * self.num_scales
        predictions = []
        for scale, of_layout in zip(self.scales, shares):
            images = halve(images) if predictions else images
            predictions.append(scale(of_layout, images, training=training))
        return predictions

    def _of_layout(self, inputs):
        """The layout's share in each scale's first convolution."""
        num_labels = self.num_classes + self.has_unknown
        layout = Layout(inputs["labels"], num_labels, inputs.get("boundaries"), self.by_neighbourhoods)
        dtype, batch = self.compute_dtype, inputs["labels"].shape[0]
        if not layout.by_neighbourhoods or num_labels < FEWEST_LABELS:
            return self._shares(layout.semantic(dtype), halve)
        shares = tf.cond(
            layout.cells.windows(3).share <= MOST_WINDOWS,
            lambda: self._shares(layout.semantic_cells(dtype), SemanticCells.halved),
            lambda: self._shares(layout.by_cells().semantic(dtype), halve),
        )
        return [tf.ensure_shape(share, (batch, *share.shape[1:])) for share in shares]

    def _shares(self, semantic, halve):
        shares = []
        for scale in self.scales:
            semantic = halve(semantic) if shares else semantic
            shares.append(scale.of_layout(semantic))
        return shares


@keras.saving.register_keras_serializable("ecgan_tf")
class PairDiscriminator(FromArguments, keras.Model):
    """The 70x70 PatchGAN of LGGAN's cross-view task (Isola et al., 2017): is this image what belongs to that input?

    4x4 convolutions with padding 1: stride 2 to C, 2 C and 4 C, then stride 1 to 8 C and to one score per patch; leaky
    ReLU between them, instance normalisation from the second on.

    Args:
        num_classes, has_unknown: of the layouts, as in the generator.
        condition: "labels": the wanted view's label map; "source": the photograph of the other view.
        base_filters: C.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        inputs: dictionary with `condition`, as the generator takes it.
        images: float (pairs * batch, height, width, 3), see `MultiscaleDiscriminator`.
    Returns:
        list of one (features, logits): the features of the first four layers, and float32
        (pairs * batch, rows, columns, 1).
    """

    # ---- layers

    def __init__(
        self, num_classes, has_unknown=False, condition="labels", base_filters=64, initializer="xavier_0.02", **kwargs
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.has_unknown = has_unknown
        self.condition = condition
        self.base_filters = base_filters
        self.initializer = initializer
        self.convolutions = [
            PaddedConv2D(base_filters * factor, 4, strides, 1, initializer=initializer, name=f"conv_{layer}")
            for layer, (factor, strides) in enumerate(((1, 2), (2, 2), (4, 2), (8, 1)))
        ]
        self.norms = [make_normalization("instance", name=f"norm_{layer}") for layer in (1, 2, 3)]
        self.to_logits = PaddedConv2D(1, 4, 1, 1, initializer=initializer, name="to_logits", dtype="float32")

    def build(self, input_shape=None):
        seen = 3 if self.condition == "source" else self.num_classes + self.has_unknown
        shape = (None, None, None, seen + 3)
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = (*shape[:3], convolution.filters)
        for norm, convolution in zip(self.norms, self.convolutions[1:]):
            norm.build((*shape[:3], convolution.filters))
        self.to_logits.build(shape)
        self.built = True

    # ---- forward pass

    def call(self, inputs, images, training=False):
        if self.condition == "source":
            given = ops.cast(inputs["source"], self.compute_dtype)
        else:
            given = Layout(inputs["labels"], self.num_classes + self.has_unknown).semantic(self.compute_dtype)
        pairs = images.shape[0] // given.shape[0]
        x = ops.concatenate([ops.tile(given, (pairs, 1, 1, 1)), ops.cast(images, self.compute_dtype)], axis=-1)
        features = []
        for convolution, norm in zip(self.convolutions, (None, *self.norms)):
            x = convolution(x)
            x = leaky_relu(norm(x) if norm else x)
            features.append(x)
        return [(features, self.to_logits(x))]


def halve(x):
    """3x3 average pooling of stride 2 with one cell of padding that is left out of the average.

    Keras' "same" pads even sizes at the bottom and right only; the peers' discriminators pad all sides.

    Args:
        x: float (batch, height, width, filters), height and width static.
    Returns:
        float (batch, ceil(height / 2), ceil(width / 2), filters).
    """
    padded = ops.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    cells = np.pad(np.ones(x.shape[1:3]), 1)
    rows, columns = ((size + 1) // 2 for size in x.shape[1:3])
    count = sum(
        cells[dy : dy + 2 * rows : 2, dx : dx + 2 * columns : 2][:rows, :columns] for dy in range(3) for dx in range(3)
    )
    pooled = ops.average_pool(padded, 3, strides=2, padding="valid")
    return pooled * ops.convert_to_tensor((9.0 / count)[None, :, :, None], dtype=x.dtype)
