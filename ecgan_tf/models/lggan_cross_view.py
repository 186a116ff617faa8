"""The generator of LGGAN for cross-view translation (Tang et al., CVPR 2020; arXiv 1912.12215, section 4.1)."""

import keras
from keras import ops

from ecgan_tf.layers.class_branches import ClassBranches
from ecgan_tf.layers.convolution import PaddedConv2D
from ecgan_tf.models.generator import Generator
from ecgan_tf.models.lggan import Decoder, LocalGroups, ReflectResidualBlock, SharedEncoder, mix, weight_maps


@keras.saving.register_keras_serializable("ecgan_tf")
class CrossViewGenerator(LocalGroups, Generator):
    """A photograph of one view and the label map of another in, the photograph of the other view out.

        f = residual blocks(E(source, S))
        I^G = tanh(conv(decoder_g(f)));  h = decoder_l(f);  I^L from h, class by class
        (W_g, W_l) = softmax(conv(decoder_w(f)));  I^C = W_g I^G + W_l I^L
    All three heads read the residual blocks, and the global image needs no SPADE. The release gives E the label map as
    colours, here it is one-hot.

    Args:
        num_residual_blocks, local_groups, local_fusion, local_kernel_size, mask_mode: as in `LGGANGenerator`.
        upsampler, sau_patch: of the decoders, see `UpsamplingBlock`; with "sau" it is LGGAN++.
        kwargs: as in `Generator`; image_size: multiples of 4.
    Call arguments:
        inputs: dictionary of `labels` int32 (batch, height, width) of the wanted view, `source` float
            (batch, height, width, 3) in [-1, 1], the other view, and, with boundaries, `boundaries`.
        training: the same function in both cases.
    Returns:
        dictionary as that of `LGGANGenerator` with fusion="weight".
    """

    # ---- layers

    def __init__(
        self,
        num_residual_blocks=9,
        local_groups=None,
        local_fusion="sum",
        local_kernel_size=7,
        mask_mode="output",
        upsampler="deconv",
        sau_patch="source",
        **kwargs,
    ):
        super().__init__(**kwargs)
        base_filters, initializer = self.base_filters, self.initializer
        self.num_residual_blocks = num_residual_blocks
        self.local_groups = None if local_groups is None else tuple(local_groups)
        self.local_fusion = local_fusion
        self.local_kernel_size = local_kernel_size
        self.mask_mode = mask_mode
        self.upsampler = upsampler
        self.sau_patch = sau_patch
        self.has_global = self.has_local = True
        self.check_groups()
        if self.image_size[0] % 4 or self.image_size[1] % 4:
            raise ValueError(f"image_size {self.image_size} must be a multiple of 4 for cross-view translation.")
        self.encoder = SharedEncoder(
            base_filters,
            self.num_labels,
            self.has_boundaries,
            has_global=False,
            has_source=True,
            initializer=initializer,
            name="encoder",
        )
        self.blocks = [
            ReflectResidualBlock(4 * base_filters, initializer, name=f"block_{index}")
            for index in range(num_residual_blocks)
        ]
        self.global_decoder, self.local_decoder, self.weight_decoder = (
            Decoder(base_filters, 0, upsampler, sau_patch, initializer, name=f"{head}_decoder")
            for head in ("global", "local", "weight")
        )
        self.to_global = PaddedConv2D(3, 7, 1, 3, "reflect", initializer, name="to_global", dtype="float32")
        self.class_branches = ClassBranches(
            self.num_branches, local_kernel_size, local_fusion, mask_mode, initializer=initializer,
            name="class_branches",
        )  # fmt: skip
        self.to_weights = keras.layers.Conv2D(2, 1, kernel_initializer="zeros", name="to_weights", dtype="float32")

    def build(self, input_shape=None):
        features_shape = (None, self.image_size[0] // 4, self.image_size[1] // 4, 4 * self.base_filters)
        full_shape = (None, *self.image_size, self.base_filters)
        self.encoder.build()
        for layer in (*self.blocks, self.global_decoder, self.local_decoder, self.weight_decoder):
            layer.build(features_shape)
        for layer in (self.to_global, self.class_branches, self.to_weights):
            layer.build(full_shape)
        self.built = True

    # ---- forward pass

    @property
    def input_specs(self):
        source = keras.InputSpec("float32", (None, *self.image_size, 3))
        return {**super().input_specs, "source": source}

    def call(self, inputs, training=False):
        layout = self.layout(inputs)
        features, _ = self.encoder(layout=layout, source=ops.cast(inputs["source"], self.compute_dtype))
        for block in self.blocks:
            features = block(features)
        outputs = {
            "global_image": ops.tanh(self.to_global(self.global_decoder(features))),
            "local_features": self.local_decoder(features),
        }
        branches = self.branches_of(inputs["labels"])
        outputs.update(self.class_branches(outputs["local_features"], branches=branches, training=training))
        outputs.update(weight_maps(self.to_weights(self.weight_decoder(features))))
        return {"image": mix(outputs), **outputs}
