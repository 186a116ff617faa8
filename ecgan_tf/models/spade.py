"""The generator of SPADE (Park et al., CVPR 2019; arXiv 1903.07291), whose trunk is ECGAN's encoder."""

import keras
from keras import ops

from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.layout import Layout, layout_specs
from ecgan_tf.layers.spade import leaky_relu
from ecgan_tf.models.ecgan import Encoder, check_size, spade_arguments


@keras.saving.register_keras_serializable("ecgan_tf")
class SPADEGenerator(keras.Model):
    """The baseline that the papers compare with: the trunk, a leaky ReLU, one convolution, tanh.

    Arguments, call arguments and `features` as in `ECGANGenerator`.

    Returns:
        dictionary of `image` float32 (batch, height, width, 3) in (-1, 1), the same under `initial_image`, `features`
        and `scales`.
    """

    # ---- layers

    def __init__(
        self, num_classes, image_size, has_unknown=False, has_boundaries=False, base_filters=64,
        spade_hidden_filters=128, upsampling="normal", normalization="batch", initializer="xavier_0.02", **kwargs
    ):  # fmt: skip
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
        check_size(self.image_size, upsampling)
        self.encoder = Encoder(base_filters, upsampling, spade_arguments(self), name="encoder")
        self.to_image = keras.layers.Conv2D(
            3, 3, padding="same", name="to_image", kernel_initializer=make_initializer(initializer), dtype="float32"
        )

    def build(self, input_shape=None):
        self.encoder.build(self.image_size)
        self.to_image.build((None, *self.image_size, self.base_filters))
        self.built = True

    # ---- forward pass

    @property
    def input_specs(self):
        """What `call` takes: dictionary from name to `keras.InputSpec`."""
        return layout_specs(self.image_size, self.has_boundaries)

    def call(self, inputs, training=False):
        layout = Layout(inputs["labels"], self.num_classes + self.has_unknown, inputs.get("boundaries"))
        scales = self.encoder(layout=layout, training=training)[:-5:-1]
        image = ops.tanh(self.to_image(leaky_relu(scales[0])))
        return {"image": image, "initial_image": image, "features": scales[0], "scales": tuple(scales)}

    # ---- config

    def get_config(self):
        names = ("num_classes", "image_size", "has_unknown", "has_boundaries", "base_filters", "spade_hidden_filters",
                 "upsampling", "normalization", "initializer")  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
