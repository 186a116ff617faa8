"""What every generator is: a label map in, named pictures out, rebuilt from its arguments."""

import keras

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.layout import Layout, layout_specs


class Generator(FromArguments, keras.Model):
    """The base of all generators.

    Args:
        num_classes: N, without "unknown".
        image_size: (height, width).
        has_unknown: whether label id N occurs and has a channel of its own.
        has_boundaries: whether the instance boundary map is an input.
        base_filters: C.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        inputs: dictionary of what `input_specs` names: `labels` int32 (batch, height, width) and, with boundaries,
            `boundaries` float (batch, height, width, 1) in {0, 1}.
        training: whether batch statistics and power iterations are updated.
    Returns:
        dictionary of float tensors (batch, height, width, .): `image` float32 in [-1, 1], and named intermediates.
    Attributes:
        by_neighbourhoods: how layouts are read, see `Layout`; a caller that can do with dynamic shapes sets it.
    """

    def __init__(
        self,
        num_classes,
        image_size,
        has_unknown=False,
        has_boundaries=False,
        base_filters=64,
        initializer="xavier_0.02",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.image_size = tuple(image_size)
        self.has_unknown = has_unknown
        self.has_boundaries = has_boundaries
        self.base_filters = base_filters
        self.initializer = initializer
        self.by_neighbourhoods = False

    @property
    def num_labels(self):
        """Number of label ids: the classes, and unknown."""
        return self.num_classes + self.has_unknown

    @property
    def input_specs(self):
        """What `call` takes: dictionary from name to `keras.InputSpec`."""
        return layout_specs(self.image_size, self.has_boundaries)

    def layout(self, inputs):
        """The `Layout` of the inputs."""
        noise = inputs["noise"] if "noise" in self.input_specs else None
        return Layout(inputs["labels"], self.num_labels, inputs.get("boundaries"), self.by_neighbourhoods, noise)
