"""A guided model in two parts: the style of an exemplar, read once; and layouts painted in it, many times.

    style_encoder   exemplar float32 (batch, height, width, 3), exemplar_labels int32 (batch, height, width)
                    -> the style: values_0 .. values_4, label_pool, global_code, float32
    painter         labels (and boundaries) and the style -> image float32 (batch, height, width, 3)
Each part has the face of an `InferenceModel` as far as the writers of formats look at it.
"""

import os

import numpy as np
import tensorflow as tf

from export.tflite import write_tflite

STYLE_ENCODER, PAINTER = "style_encoder", "painter"


def is_guided(model):
    """Whether a model can be split: it reads an exemplar apart from the layout."""
    return hasattr(model.generator, "encode_exemplar") and "exemplar" in model.generator.input_specs


class Part:
    """One of the two functions, as `write_tflite` and `write_onnx` take a model.

    Args:
        model: `InferenceModel` that the part belongs to.
        function: of keyword tensors to a dictionary of tensors.
        signature: function of a batch size, or None for an open one, to a dictionary of `tf.TensorSpec`.
    """

    def __init__(self, model, function, signature):
        self.module = model.module
        self.image = function
        self.signature = signature

    @property
    def parameters(self):
        """Number of values that an artefact has to hold: of the variables that the function reads."""
        function = tf.function(self.image, autograph=False).get_concrete_function(**self.signature(1))
        return sum(int(np.prod(variable.shape)) for variable in function.graph.variables)


def split(model):
    """The two parts of a guided model.

    Args:
        model: `InferenceModel` for which `is_guided`.
    Returns:
        dictionary of `Part`, "style_encoder" and "painter".
    """
    generator = model.generator

    def encode(**exemplar):
        return {name: tf.identity(x, name=name) for name, x in generator.encode_exemplar(**exemplar).items()}

    def of_exemplar(batch):
        return {name: spec for name, spec in model.signature(batch).items() if name.startswith("exemplar")}

    style = tf.function(encode, autograph=False).get_concrete_function(**of_exemplar(1)).structured_outputs

    def paint(**inputs):
        kept = {name: inputs.pop(name) for name in style}
        return {"image": tf.identity(generator.synthesise(inputs, kept)["image"], name="image")}

    def of_painter(batch):
        layout = {name: spec for name, spec in model.signature(batch).items() if not name.startswith("exemplar")}
        return {
            **layout,
            **{name: tf.TensorSpec((batch, *x.shape[1:]), x.dtype, name=name) for name, x in style.items()},
        }

    return {STYLE_ENCODER: Part(model, encode, of_exemplar), PAINTER: Part(model, paint, of_painter)}


def write_split_tflite(model, folder, precision="float32"):
    """Writes style_encoder_<precision>.tflite and painter_<precision>.tflite.

    Args:
        model: `InferenceModel` for which `is_guided`.
        folder: exists.
        precision: as in `write_tflite`.
    Returns:
        the two paths.
    """
    paths = []
    for name, part in split(model).items():
        paths.append(os.path.join(folder, f"{name}_{precision}.tflite"))
        write_tflite(part, paths[-1], precision)
    return paths


def write_split_saved_model(model, folder):
    """Writes version 1 of a servable with the signatures `encode_exemplar` and `synthesise`, for any batch size."""
    module = model.module()
    parts = split(model)
    module.encode_exemplar, module.synthesise = (
        tf.function(parts[name].image, autograph=False) for name in (STYLE_ENCODER, PAINTER)
    )
    signatures = {
        "encode_exemplar": module.encode_exemplar.get_concrete_function(**parts[STYLE_ENCODER].signature(None)),
        "synthesise": module.synthesise.get_concrete_function(**parts[PAINTER].signature(None)),
    }
    tf.saved_model.save(module, os.path.join(folder, "1"), signatures=signatures)


def paint_with_split_tflite(paths, layouts):
    """Paints layouts after their exemplars with the two files, as a device would: to compare with Keras.

    Args:
        paths: of `write_split_tflite`.
        layouts: dictionary of NumPy arrays with the inputs of the whole model.
    Returns:
        float32 (layouts, height, width, 3).
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreters = [Interpreter(model_path=path) for path in paths]
    encode, paint = (interpreter.get_signature_runner("serving_default") for interpreter in interpreters)
    images = []
    for i in range(len(layouts["labels"])):
        inputs = {name: array[i : i + 1] for name, array in layouts.items()}
        exemplar = {name: inputs.pop(name) for name in list(inputs) if name.startswith("exemplar")}
        images.append(paint(**inputs, **encode(**exemplar))["image"])
    return np.concatenate(images)
