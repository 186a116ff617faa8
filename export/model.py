"""The inference function that every target is made from."""

import numpy as np
import tensorflow as tf

from ecgan_tf.data.classes import MAX_FILE_VALUE, ClassList
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.training.run_folder import open_run, read_layouts


class InferenceModel:
    """The averaged generator of a run, ready for export: spectral norms baked, nothing of training left.

    Attributes:
        generator: `keras.Model`.
        description: content of the run's model.json.
        layouts: dictionary of NumPy arrays, the real layouts that artefacts are proven on.
        step: of the checkpoint.
    """

    def __init__(self, run):
        self.generator, self.description, self.step = open_run(run)
        self.layouts = read_layouts(run)
        for layer in self.generator._flatten_layers():
            if isinstance(layer, SpectralConv2D):
                layer.bake()

    @property
    def image_size(self):
        return self.generator.image_size

    @property
    def parameters(self):
        """Number of values that an artefact has to hold."""
        return sum(int(np.prod(v.shape)) for v in self.generator.variables if not v.path.endswith(("/u", "/v")))

    def image(self, **inputs):
        """The final image float32 (batch, height, width, 3) in [-1, 1]."""
        return {"image": tf.identity(self.generator(inputs)["image"], name="image")}

    def signature(self, batch):
        """Names to `tf.TensorSpec` of `image`'s inputs; batch None keeps it open."""
        return {
            name: tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name=name)
            for name, spec in self.generator.input_specs.items()
        }

    def function(self, batch):
        """`image` as a `tf.function` of keyword arguments with fixed shapes."""
        return tf.function(self.image, autograph=False).get_concrete_function(**self.signature(batch))

    def module(self):
        """A `tf.Module` that tracks the raw variables only.

        One that tracks a Keras 3 model converts, without an error, to a .tflite that paints NaN.
        """
        module = tf.Module()
        module.variables_kept = [variable.value for variable in self.generator.variables]
        return module

    def ids_of_file_values(self):
        """int32 (256,): the label id of each value of an 8-bit label file, -1 for values without a class."""
        classes = ClassList.from_dict(self.description["classes"])
        table = np.full(MAX_FILE_VALUE + 1, -1, np.int32)[:256]
        for label, value in enumerate(classes.file_values):
            if value < len(table):
                table[value] = label
        if classes.has_unknown and classes.unknown_label < len(table):
            table[classes.unknown_label] = classes.num_classes
        return table
