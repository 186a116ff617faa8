"""What is read of an exemplar scene by convolutions, and how several styles are mixed."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.normalization import leaky_relu


def exemplar_specs(image_size, has_labels):
    """The inputs that describe an exemplar: dictionary from name to `keras.InputSpec`."""
    specs = {"exemplar": keras.InputSpec("float32", (None, *image_size, 3))}
    if has_labels:
        specs["exemplar_labels"] = keras.InputSpec("int32", (None, *image_size))
    return specs


@keras.saving.register_keras_serializable("ecgan_tf")
class ExemplarEncoder(FromArguments, keras.layers.Layer):
    """Features F_x of the exemplar at every scale: a convolution per scale, then a 1x1 convolution to N_i channels.

    Trained from scratch, where the paper's frozen VGG-19 is not at hand; that one is
    `ecgan_tf.models.exemplar_vgg.VGGExemplarEncoder`. Departures from the spec's sketch of it: the first convolution
    has stride 1, since scale 0 is the image's own; and there is no instance normalisation, which would take out each
    channel's mean and variance, that is, the style (as in the style encoder of MUNIT, Huang et al., 2018).

    Its convolutions start by "he" whatever the rest does: five of them in a row at a gain of 0.02 leave nothing of the
    exemplar (ECGAN's code had a deviation of 4.5e-15 over eight earth tiles, and has 3.5e-3 now, beside 5.4e-4 of the
    feature map that it is added to).

    Args:
        filters: C; the widths are C, 2C, 4C, 8C, 8C, and N = C, 2C, 4C, 4C, 4C.
        initializer: a name of `INITIALIZERS`, of the 1x1 convolutions.
        coarsest_only: leaves out all 1x1 convolutions but the coarsest.
    Call arguments:
        image: float (batch, height, width, 3) in [-1, 1].
    Returns:
        list of float (batch, height / 2^i, width / 2^i, N_i), fine to coarse; or of the coarsest alone.
    """

    def __init__(self, filters, initializer="xavier_0.02", coarsest_only=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.initializer = initializer
        self.coarsest_only = coarsest_only
        self.stages = [
            keras.layers.Conv2D(
                filters * factor,
                3,
                strides,
                "same",
                kernel_initializer=make_initializer("he"),
                name=f"stage_{i}",
            )
            for i, (factor, strides) in enumerate(zip((1, 2, 4, 8, 8), (1, 2, 2, 2, 2)))
        ]
        compress = compressions(filters, initializer)
        self.compress = compress[-1:] if coarsest_only else compress

    def build(self, image_shape):
        shape = tuple(image_shape)
        for stage in self.stages:
            stage.build(shape)
            shape = (*shape[:3], stage.filters)
        for stage, compress in zip(self.stages[-len(self.compress) :], self.compress):
            compress.build((*shape[:3], stage.filters))
        self.built = True

    def call(self, image):
        x, features = ops.cast(image, self.compute_dtype), []
        for stage in self.stages:
            x = leaky_relu(stage(x))
            features.append(x)
        return [compress(x) for x, compress in zip(features[-len(self.compress) :], self.compress)]


def compressions(filters, initializer):
    """The 1x1 convolutions of the five scales, fine to coarse, to C, 2C, 4C, 4C and 4C channels."""
    return [
        keras.layers.Conv2D(filters * factor, 1, kernel_initializer=make_initializer(initializer), name=f"compress_{i}")
        for i, factor in enumerate((1, 2, 4, 4, 4))
    ]


@keras.saving.register_keras_serializable("ecgan_tf")
class StyleCode(FromArguments, keras.layers.Layer):
    """The global style code alone: the mean of an `ExemplarEncoder`'s coarsest features, then a dense layer.

    Args:
        filters: C of the encoder.
        code_filters: of the code.
        initializer: a name of `INITIALIZERS`, of the dense layer; the encoder starts by "he".
    Call arguments:
        image: float (batch, height, width, 3) in [-1, 1].
    Returns:
        float (batch, code_filters).
    """

    def __init__(self, filters, code_filters, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.code_filters = code_filters
        self.initializer = initializer
        self.encoder = ExemplarEncoder(filters, "he", coarsest_only=True, name="encoder")
        self.to_code = keras.layers.Dense(
            code_filters, kernel_initializer=make_initializer(initializer), name="to_code"
        )

    def build(self, image_shape):
        self.encoder.build(image_shape)
        self.to_code.build((None, self.encoder.compress[-1].filters))
        self.built = True

    def call(self, image):
        return self.to_code(ops.mean(self.encoder(image)[-1], axis=(1, 2)))


def mix(parts, size):
    """The sum of tensors, each times its share.

    Args:
        parts: list of (x, share): x float (batch, rows, columns, filters) of this size, or with one row and column;
            share a number, or float (batch, height, width, 1) of a multiple of this size. Or one (x, None): x itself.
        size: (rows, columns).
    Returns:
        float (batch, rows, columns, filters), or as x where all shares are numbers.
    """
    total = 0.0
    for x, share in parts:
        if share is None:
            return x
        if not isinstance(share, (int, float)):
            share = ops.cast(share, x.dtype)
            share = share[:, :: share.shape[1] // size[0], :: share.shape[2] // size[1]]
        total = total + share * x
    return total
