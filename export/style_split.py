"""A guided model in two parts: the style of an exemplar, read once; and layouts synthesised in it, many times.

style_encoder   exemplar float32 (batch, height, width, 3), exemplar_labels int32 (batch, height, width)
                -> the style: values_0 .. values_4, label_pool, global_code, float32
painter         labels (and boundaries) and the style -> image float32 (batch, height, width, 3)
"""

import os

import tensorflow as tf

from ecgan_tf.inference.runtimes import PAINTER, STYLE_ENCODER
from export.tflite import convert
from export.tflite_metadata import write_described


def is_guided(model):
    """Whether a model can be split: it reads an exemplar apart from the layout."""
    return hasattr(model.generator, "encode_exemplar") and "exemplar" in model.generator.input_specs


class Part:
    """One of the two functions.

    Attributes:
        function: of keyword tensors to a dictionary of tensors.
        signature: function of a batch size, or None for an open one, to a dictionary of `tf.TensorSpec`.
    """

    def __init__(self, function, signature):
        self.function = function
        self.signature = signature


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

    def synthesise(**inputs):
        kept = {name: inputs.pop(name) for name in style}
        return {"image": tf.identity(generator.synthesise(inputs, kept)["image"], name="image")}

    def of_painter(batch):
        layout = {name: spec for name, spec in model.signature(batch).items() if not name.startswith("exemplar")}
        return {
            **layout,
            **{name: tf.TensorSpec((batch, *x.shape[1:]), x.dtype, name=name) for name, x in style.items()},
        }

    return {STYLE_ENCODER: Part(encode, of_exemplar), PAINTER: Part(synthesise, of_painter)}


def write_split_tflite(model, folder, precision="float32", uint8_io=False):
    """Writes style_encoder.tflite and painter.tflite into a folder, of builtin operators only.

    Args:
        model: `InferenceModel` for which `is_guided`.
        folder: made if it is not there.
        precision: "float32", or "float16" for weights of half the size.
        uint8_io: as in `write_tflite`; styles stay float32.
    """
    os.makedirs(folder, exist_ok=True)
    for name, part in split(model).items():
        content = convert(model, part.function, part.signature(1), precision, uint8_io)
        write_described(os.path.join(folder, f"{name}.tflite"), content, model)
