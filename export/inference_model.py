"""The inference function that every target is made from."""

import json
import os

import keras
import ml_collections
import numpy as np
import tensorflow as tf

from ecgan_tf.data.folders import licence_note
from ecgan_tf.inference.runtimes import METADATA_KEY
from ecgan_tf.latents import LATENTS
from ecgan_tf.memory import give_back
from ecgan_tf.methods import METHODS
from ecgan_tf.pixels import nearest_rows
from ecgan_tf.runs.folder import RunFolder, read_calibration, read_config, read_layouts
from ecgan_tf.runs.opening import open_run

# What generators give on the way to the final image, float (batch, height, width, 3) in [-1, 1].
INTERMEDIATES = ("edge", "initial_image", "global_image", "local_image")
# Graph nodes that hold or pass on a value and compute nothing.
NO_WORK = ("Const", "Placeholder", "Identity", "NoOp", "ReadVariableOp")


class InferenceModel:
    """The averaged generator of a run, ready for export: one graph of what synthesises, nothing of training left.

    Spectral norms become part of the kernels, and batch statistics part of the modulation (`fold` of the layers).

    Args:
        run: run folder.
        image_size: (height, width) to export for, or None for the run's; weights do not depend on it.
        uint8_io: whether a .tflite takes ids and gives pixels as uint8.
        which: of the run's checkpoints, see `RunFolder.step_of`.
        gpu_check: whether each .tflite is tried on LiteRT's GPU delegate.
        intermediates: whether a .tflite also gives the pictures on the way, those of `INTERMEDIATES` that there are.
    Attributes:
        generator: `keras.Model`, folded.
        description: content of the run's model.json at this size, with the step, the run's name, the licence, and the
            terms of the loss that it was trained with and without.
        layouts: dictionary of NumPy arrays, the real layouts that artefacts are proven on.
        calibration: the same of other layouts, which set the ranges of int8.
        step: of the checkpoint.
        graph: how many operators the graph has and how many values it holds, before and after baking.
        makes_one: whether one artefact alone is made of it, and nothing need be kept for another.
    """

    makes_one = False

    def __init__(self, run, image_size=None, uint8_io=False, which="last", gpu_check=False, intermediates=False):
        self.generator, self.description, self.step = open_run(run, image_size, which)
        config = ml_collections.ConfigDict(read_config(run))
        self.description |= {
            "step": self.step,
            "source": os.path.basename(os.path.normpath(run)),
            "licence": licence_note(config.data.name),
        }
        if not RunFolder(run).predates("missing_terms"):
            terms = METHODS[self.description["name"]].terms(config)
            self.description["terms"] = [symbol for symbol in terms if symbol not in config.missing_terms]
            self.description["missing_terms"] = list(config.missing_terms)
        self.uint8_io = uint8_io
        self.gpu_check = gpu_check
        self.intermediates = intermediates
        self.layouts, self.calibration = (
            {key: x if key in LATENTS else resize_nearest(x, self.image_size) for key, x in read(run).items()}
            for read in (read_layouts, read_calibration)
        )
        before = self._size_of_graph()
        for layer in self.generator._flatten_layers():
            if hasattr(layer, "fold"):
                layer.fold()
        self.graph = {"before_folding": before, "after_folding": self._size_of_graph()}

    @property
    def image_size(self):
        return self.generator.image_size

    @property
    def parameters(self):
        """Number of values that an artefact has to hold."""
        return self.graph["after_folding"]["values"]

    def metadata(self):
        """What a file with room for it carries inside: its description as JSON, under one key."""
        return {METADATA_KEY: json.dumps(self.description)}

    def let_go_of_weights(self):
        """Makes room for what a writer does after it has read them, where this artefact is the only one."""
        if self.makes_one:
            self.generator = None
        give_back()

    def image(self, **inputs):
        """The final image float32 (batch, height, width, 3) in [-1, 1]."""
        return {"image": tf.identity(self.generator(inputs)["image"], name="image")}

    def pictures(self, **inputs):
        """`image`, and with `intermediates` the pictures on the way to it."""
        if not self.intermediates:
            return self.image(**inputs)
        outputs = self.generator(inputs)
        given = [name for name in (*INTERMEDIATES, "image") if name in outputs]
        # The first image leaves [-1, 1], which a picture does not.
        pictures = {name: tf.clip_by_value(tf.cast(outputs[name], tf.float32), -1.0, 1.0) for name in given}
        return {name: tf.identity(x, name=name) for name, x in pictures.items()}

    def signature(self, batch):
        """Names to `tf.TensorSpec` of `image`'s inputs; batch None keeps it open."""
        return {
            name: tf.TensorSpec((batch, *spec.shape[1:]), spec.dtype, name=name)
            for name, spec in self.generator.input_specs.items()
        }

    def image_of(self, weights, inputs):
        """`image` by other tensors in place of `generator.variables`, in their order.

        A converter that is given the weights as inputs copies no weight from one of its steps to the next; one that is
        given constants takes 30 times their size.
        """
        with keras.StatelessScope(state_mapping=list(zip(self.generator.variables, weights))):
            return self.image(**inputs)

    def module(self):
        """A `tf.Module` that tracks the raw variables only.

        One that tracks a Keras 3 model converts, without an error, to a .tflite that synthesises NaN.
        """
        module = tf.Module()
        module.variables_kept = [variable.value for variable in self.generator.variables]
        return module

    def _size_of_graph(self):
        graph = tf.function(self.image, autograph=False).get_concrete_function(**self.signature(1)).graph
        needed, waiting = set(), [tensor.op for tensor in graph.outputs]
        while waiting:
            node = waiting.pop()
            if node not in needed:
                needed.add(node)
                waiting += [*(tensor.op for tensor in node.inputs), *node.control_inputs]
        values = {node.name: node.outputs[0] for node in needed if node.type == "Const"}
        values |= {node.inputs[0].name: node.outputs[0] for node in needed if node.type == "ReadVariableOp"}
        return {
            "operators": sum(node.type not in NO_WORK for node in needed),
            "values": sum(tensor.shape.num_elements() for tensor in values.values()),
        }


def resize_nearest(array, size):
    """Layouts and images (count, height, width, ...) at another size, by the index rule of the data pipeline."""
    for axis, new in enumerate(size, start=1):
        if array.shape[axis] != new:
            array = np.take(array, nearest_rows(new, array.shape[axis]), axis=axis)
    return array
