"""The generators of LGGAN (Tang et al., CVPR 2020; arXiv 1912.12215) and LGGAN++ (TPAMI 2023; arXiv 2203.00047)."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.layers.class_branches import ClassBranches
from ecgan_tf.layers.convolution import PaddedConv2D
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.gathering import gather_rows
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.layers.normalization import leaky_relu, make_normalization
from ecgan_tf.layers.semantic_upsampling import SemanticAwareUpsampling, UpsamplingBlock
from ecgan_tf.models.spade import TrunkGenerator
from ecgan_tf.models.torch_names import lggan_torch_name

NO_BRANCH = -1  # in `local_groups`: pixels of this label are synthesised by no branch


@keras.saving.register_keras_serializable("ecgan_tf")
class SharedEncoder(FromArguments, keras.layers.Layer):
    """The encoder E that both generators share: convolutions that halve the size, instance normalisation, ReLU.

    A 7x7 convolution over the layout to C channels, then 3x3 of stride 2 to 2 C, 4 C (the feature f), 8 C and 16 C.
    With semantic-aware upsampling, f is reassembled at its own size before anything reads it.

    Args:
        filters: C.
        num_labels, has_boundaries: of the layout, see `LabelConv2D`.
        has_global: whether there is a global generator, which alone reads the coarse map.
        sau_patch: of `SemanticAwareUpsampling`; None for no SAU.
        initializer: a name of `INITIALIZERS`.
        has_source: whether a photograph is read beside the layout.
    Call arguments:
        layout: `Layout`.
        source: float (batch, height, width, 3), that photograph.
    Returns:
        f, float (batch, height / 4, width / 4, 4 C), and float (batch, height / 16, width / 16, 16 C) or None.
    """

    def __init__(
        self,
        filters,
        num_labels,
        has_boundaries=False,
        has_global=True,
        sau_patch=None,
        initializer="xavier_0.02",
        has_source=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.num_labels = num_labels
        self.has_boundaries = has_boundaries
        self.has_global = has_global
        self.sau_patch = sau_patch
        self.initializer = initializer
        self.has_source = has_source
        # Biases before an instance normalisation change nothing; they are kept for the release's weights.
        self.start = LabelConv2D(
            filters, num_labels, has_boundaries, 7, initializer=initializer, padding="reflect", name="start"
        )
        if has_source:  # the share of the photograph in a convolution over both
            self.start_source = PaddedConv2D(filters, 7, 1, 3, "reflect", initializer, name="start_source")
        widths = [filters * factor for factor in ((2, 4, 8, 16) if has_global else (2, 4))]
        self.convolutions = [
            PaddedConv2D(width, 3, 2, 1, initializer=initializer, name=f"conv_{index}")
            for index, width in enumerate(widths)
        ]
        self.norms = [make_normalization("instance", name=f"norm_{index}") for index in range(1 + len(widths))]
        if sau_patch:
            self.sau = SemanticAwareUpsampling(scale=1, patch=sau_patch, initializer=initializer, name="sau")

    def build(self, input_shape=None):
        self.start.build()
        if self.has_source:
            self.start_source.build((None, None, None, 3))
        shape = (None, None, None, self.filters)
        self.norms[0].build(shape)
        for convolution, norm in zip(self.convolutions, self.norms[1:]):
            convolution.build(shape)
            shape = (*shape[:3], convolution.filters)
            norm.build(shape)
        if self.sau_patch:
            self.sau.build((None, None, None, 4 * self.filters))
        self.built = True

    def call(self, layout, source=None):
        x = self.start(layout=layout)
        if self.has_source:
            x = x + self.start_source(source)
        x = ops.relu(self.norms[0](x))
        features = None
        for convolution, norm in zip(self.convolutions, self.norms[1:]):
            x = ops.relu(norm(convolution(x)))
            if convolution.filters == 4 * self.filters:
                x = features = self.sau(x) if self.sau_patch else x
        return features, x if self.has_global else None


@keras.saving.register_keras_serializable("ecgan_tf")
class ReflectResidualBlock(FromArguments, keras.layers.Layer):
    """x + IN(conv(ReLU(IN(conv(x))))), 3x3 convolutions over mirrored borders.

    Args:
        filters: of x and of the result.
        initializer: a name of `INITIALIZERS`.
    """

    def __init__(self, filters, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.initializer = initializer
        self.conv_0, self.conv_1 = (
            PaddedConv2D(filters, 3, 1, 1, "reflect", initializer, name=name) for name in ("conv_0", "conv_1")
        )
        self.norm_0, self.norm_1 = (make_normalization("instance", name=name) for name in ("norm_0", "norm_1"))

    def build(self, x_shape):
        for layer in (self.conv_0, self.norm_0, self.conv_1, self.norm_1):
            layer.build(x_shape)
        self.built = True

    def call(self, x):
        return x + self.norm_1(self.conv_1(ops.relu(self.norm_0(self.conv_0(x)))))


@keras.saving.register_keras_serializable("ecgan_tf")
class Decoder(FromArguments, keras.layers.Layer):
    """Residual blocks at 4 C channels, then two `UpsamplingBlock`s: from f to full size.

    Args:
        filters: C.
        num_residual_blocks: before the enlargements.
        upsampler, sau_patch, initializer: of `UpsamplingBlock`.
    Call arguments:
        x: float (batch, height / 4, width / 4, 4 C).
    Returns:
        float (batch, height, width, C).
    """

    def __init__(
        self, filters, num_residual_blocks=0, upsampler="deconv", sau_patch="source", initializer="xavier_0.02",
        **kwargs
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.filters = filters
        self.num_residual_blocks = num_residual_blocks
        self.upsampler = upsampler
        self.sau_patch = sau_patch
        self.initializer = initializer
        self.blocks = [
            ReflectResidualBlock(4 * filters, initializer, name=f"block_{index}")
            for index in range(num_residual_blocks)
        ]
        self.ups = [
            UpsamplingBlock(width, upsampler, sau_patch, initializer, name=f"up_{index}")
            for index, width in enumerate((2 * filters, filters))
        ]

    def build(self, x_shape):
        for block in self.blocks:
            block.build(x_shape)
        for up in self.ups:
            up.build(x_shape)
            x_shape = (*x_shape[:3], up.filters)
        self.built = True

    def call(self, x):
        for layer in (*self.blocks, *self.ups):
            x = layer(x)
        return x


class LocalGroups:
    """Which branch synthesises which label; for models with `num_labels` and `local_groups`."""

    @property
    def num_branches(self):
        return self.num_labels if self.local_groups is None else max(self.local_groups) + 1

    def branches_of(self, labels):
        """The branch that synthesises each pixel, int32 (batch, height, width); `num_branches` where none does."""
        if self.local_groups is None:
            return labels
        numbers = [self.num_branches if group == NO_BRANCH else group for group in self.local_groups]
        return gather_rows(tf.constant(numbers, tf.int32), labels)

    def check_groups(self):
        check_groups(self.local_groups, self.num_labels)


@keras.saving.register_keras_serializable("ecgan_tf")
class LGGANGenerator(LocalGroups, TrunkGenerator):
    """Label map in, photograph out: a global image and a class by class local one, mixed by learnt weight maps.

        f = E(S);  I^G = G_g(f);  h = G_l(f);  I^L from h, class by class;  (W_g, W_l) = softmax(G_w(f))
        I^C = W_g I^G + W_l I^L
    G_g is SPADE's trunk, which starts from the encoder's coarsest map instead of the layout. G_w's last convolution
    starts at zero, so that both images have equal shares at first.

    Args:
        head_initializer: a name of `INITIALIZERS`, of the class branches.
        num_residual_blocks: of G_l.
        local_groups: None for a branch per label, or a sequence with the number of its branch for every label, the
            unknown one last; `NO_BRANCH` for none.
        local_fusion, mask_mode, local_kernel_size: see `ClassBranches`.
        fusion: "weight": the learnt maps; "mean": equal shares; "global" or "local": that image alone. What the choice
            leaves out has no variables.
        upsampler: of the decoders: "deconv" or "nearest_conv"; where `sau_place` names them, SAU takes its place.
        sau_place: where semantic-aware upsampling is: "none", "encoder", "decoders" or "both".
        sau_patch: see `SemanticAwareUpsampling`.
        kwargs: as in `TrunkGenerator`.
    Call arguments:
        inputs: dictionary of `labels` int32 (batch, height, width) and, with boundaries, `boundaries` float
            (batch, height, width, 1) in {0, 1}.
        training: whether batch statistics and power iterations are updated.
    Returns:
        dictionary of float tensors (batch, height, width, .), as far as `fusion` has them: `image` in [-1, 1], I^C;
        `global_image` and `local_image` in [-1, 1]; `global_weight` and `local_weight`, one channel in (0, 1) that sum
        to 1; `class_image` in [-1, 1], each pixel as its class's branch synthesised it; `local_features`, h with C
        channels; and with mask_mode="input" `class_images`, see `ClassBranches`.
    """

    torch_name = staticmethod(lggan_torch_name)

    # ---- layers

    def __init__(
        self,
        head_initializer="xavier_0.02",
        num_residual_blocks=9,
        local_groups=None,
        local_fusion="concat",
        local_kernel_size=7,
        mask_mode="output",
        fusion="weight",
        upsampler="deconv",
        sau_place="none",
        sau_patch="source",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.head_initializer = head_initializer
        self.num_residual_blocks = num_residual_blocks
        self.local_groups = None if local_groups is None else tuple(local_groups)
        self.local_fusion = local_fusion
        self.local_kernel_size = local_kernel_size
        self.mask_mode = mask_mode
        self.fusion = fusion
        self.upsampler = upsampler
        self.sau_place = sau_place
        self.sau_patch = sau_patch
        self.check_groups()
        self.has_global, self.has_local = fusion != "local", fusion != "global"
        self.encoder = SharedEncoder(
            self.base_filters,
            self.num_labels,
            self.has_boundaries,
            self.has_global,
            sau_patch if sau_place in ("encoder", "both") else None,
            self.initializer,
            name="encoder",
        )
        if self.has_global:
            self.trunk = self._make_trunk("trunk", starts_from="none")
            self.to_global = PaddedConv2D(
                3, 3, padding=1, initializer=self.initializer, name="to_global", dtype="float32"
            )
        if self.has_local:
            self.local_decoder = self._decoder(num_residual_blocks, "local_decoder")
            self.class_branches = ClassBranches(
                self.num_branches, local_kernel_size, local_fusion, mask_mode, initializer=head_initializer,
                name="class_branches",
            )  # fmt: skip
        if fusion == "weight":
            self.weight_decoder = self._decoder(0, "weight_decoder")
            self.to_weights = keras.layers.Conv2D(2, 1, kernel_initializer="zeros", name="to_weights", dtype="float32")

    scale_filters = None  # of the trunk's; LGGAN gives no features of several scales

    def _decoder(self, num_residual_blocks, name):
        upsampler = "sau" if self.sau_place in ("decoders", "both") else self.upsampler
        return Decoder(
            self.base_filters, num_residual_blocks, upsampler, self.sau_patch, self.initializer, name=name
        )  # fmt: skip

    def build(self, input_shape=None):
        features_shape = (None, self.image_size[0] // 4, self.image_size[1] // 4, 4 * self.base_filters)
        full_shape = (None, *self.image_size, self.base_filters)
        self.encoder.build()
        if self.has_global:
            self.trunk.build(self.image_size)
            self.to_global.build((*full_shape[:3], self.feature_filters))
        if self.has_local:
            self.local_decoder.build(features_shape)
            self.class_branches.build(full_shape)
        if self.fusion == "weight":
            self.weight_decoder.build(features_shape)
            self.to_weights.build(full_shape)
        self.built = True

    # ---- forward pass

    def call(self, inputs, training=False):
        layout = self.layout(inputs)
        features, coarse = self.encoder(layout=layout)
        outputs = {}
        if self.has_global:
            outputs["global_image"] = self._global_image(layout, coarse, training)
        if self.has_local:
            outputs["local_features"] = self.local_decoder(features)
            branches = self.branches_of(inputs["labels"])
            outputs.update(self.class_branches(outputs["local_features"], branches=branches, training=training))
        if self.fusion == "weight":
            outputs.update(weight_maps(self.to_weights(self.weight_decoder(features))))
        return {"image": self._mix(outputs), **outputs}

    def _global_image(self, layout, coarse, training):
        # The nearest neighbour's index rule: every 2nd or 4th cell.
        rows, columns = (size // start for size, start in zip(coarse.shape[1:3], self.trunk.start_size))
        x = self.trunk(layout=layout, x=coarse[:, ::rows, ::columns], training=training)[-1]
        return ops.tanh(self.to_global(leaky_relu(x)))

    def _mix(self, outputs):
        if self.fusion in ("global", "local"):
            return outputs[f"{self.fusion}_image"]
        if self.fusion == "mean":
            return 0.5 * (outputs["local_image"] + outputs["global_image"])
        return mix(outputs)


@keras.saving.register_keras_serializable("ecgan_tf")
class LGGANPlusGenerator(LGGANGenerator):
    """LGGAN++: `LGGANGenerator` with semantic-aware upsampling after the encoder and in the decoders."""

    def __init__(self, sau_place="both", **kwargs):
        super().__init__(sau_place=sau_place, **kwargs)


def weight_maps(logits):
    """The softmax of two channels; as released, the local one comes first."""
    local = ops.sigmoid(logits[..., :1] - logits[..., 1:])
    return {"local_weight": local, "global_weight": 1.0 - local}


def mix(outputs):
    """I^C = W_g I^G + W_l I^L."""
    return outputs["global_weight"] * outputs["global_image"] + outputs["local_weight"] * outputs["local_image"]


def check_groups(groups, num_labels):
    """Raises unless `groups` names branches 0..n-1, each at least once, or none, for every label."""
    if groups is None:
        return
    used = sorted(set(groups) - {NO_BRANCH})
    if len(groups) != num_labels or not used or used != list(range(len(used))):
        raise ValueError(
            f"local_groups {groups} must name a branch for each of {num_labels} labels: every number from 0 on, or "
            f"{NO_BRANCH} for none."
        )
