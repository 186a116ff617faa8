"""int8 .tflite files: convolutions in int8 by ranges of calibration layouts, what lies between them in float32.

The quantiser is litert-quantizer. TensorFlow's own converter makes every operator int8: measured on the same runs
(README, "Export"), its pictures are 2 to 19 dB worse, most of it at norms, attention and what layouts modulate.
"""

import dataclasses
import logging
import re

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from export.tflite_graph import packed

# How much wider a range is than what calibration showed. A value beyond a range is cut, at a whole region of a layout
# that is brighter than all of calibration's, which is far worse than steps half as fine.
ROOMS = (1.0, 1.25, 1.5, 2.0)
# Of the layers, worst first, the shares that are treated apart, in the order in which they are tried: activations that
# are quantised as they come, and then none, for networks of few channels, in which no errors cancel.
APART = (
    *[("dynamic", share) for share in (0.125, 0.25, 0.5)],
    *[("weights", share) for share in (0.25, 0.5, 0.75, 1.0)],
)
ENOUGH = 42.0  # dB of PSNR on layouts that set no range, from which on no layer is treated apart
FEW = 8  # of the calibration layouts, which set no range and choose between the ROOMS and what is treated APART
LOOKED_AT = 2  # of those, for the errors of the layers
CONVOLUTIONS = ("CONV_2D", "TRANSPOSE_CONV", "DEPTHWISE_CONV_2D")
SIGNATURE = "serving_default"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution: its output's name, its tensors, and how far quantised ones are from them.

    Attributes:
        name: of its output.
        tensors: the names of its input and output.
        decibels: of the variance of either over its mean squared error at 8 bits, the lower one.
    """

    name: str
    tensors: tuple[str, str]
    decibels: float = float("nan")


def with_int8_convolutions(content, examples):
    """A float32 .tflite with int8 weights, whose convolutions compute in int8.

    Args:
        content: bytes, without metadata.
        examples: list of dictionaries of its inputs, by name: `FEW` of them, or half, choose, the others set ranges.
    Returns:
        bytes; and a dictionary for the report: `room`, of `ROOMS`; `psnr_apart`, dB of the worst of the layouts that
        chose; and `layers`, from a convolution to its `decibels` and `form`: "static" or, of the worst ones where the
        pictures ask for it, "dynamic", int8 too, with the range of what it reads, or "weights", of int8 weights that
        compute in float32.
    """
    apart = examples[: max(1, min(FEW, len(examples) // 2))]
    quantiser = _Quantiser(content, examples[len(apart) :] or apart)
    wanted = _images(content, apart)
    best, room = max((_psnr(_images(quantiser.quantise(room), apart), wanted), room) for room in ROOMS)
    layers = _with_errors(content, quantiser.ranges, room, apart[:LOOKED_AT])
    forms = {}
    for form, share in APART:
        if best >= ENOUGH:
            break
        tried = dict.fromkeys(worst(layers, share), form)
        psnr = _psnr(_images(quantiser.quantise(room, tried), apart), wanted)
        best, forms = (psnr, tried) if psnr > best else (best, forms)
    quantiser.look_at(apart)
    return quantiser.quantise(room, forms), {
        "room": room,
        "psnr_apart": best,
        "layers": {
            each.name: {"decibels": round(each.decibels, 1), "form": forms.get(each.name, "static")} for each in layers
        },
    }


def worst(layers, share):
    """The names of this share of the layers, those with the fewest decibels."""
    return {each.name for each in sorted(layers, key=lambda each: each.decibels)[: round(share * len(layers))]}


class _Quantiser:
    """A float32 .tflite, and the ranges of its tensors over some examples: `ranges`, name to (lowest, highest).

    The quantiser's own are moving averages over the examples, beyond which half of them lie.
    """

    def __init__(self, content, examples):
        from litert_quantizer import qtyping, quantizer

        logging.getLogger("absl").setLevel(logging.ERROR)
        self.content, self.make = content, quantizer.Quantizer
        names = qtyping.TFLOperationName
        self.convolutions = (names.CONV_2D, names.CONV_2D_TRANSPOSE, names.DEPTHWISE_CONV_2D)
        self.dense = names.FULLY_CONNECTED
        self.found = self._recipe().calibrate({SIGNATURE: examples[:1]}, num_threads=1)
        self.ranges = {name: (np.inf, -np.inf) for name, x in self.found.items() if x}
        self.look_at(examples)

    def look_at(self, examples):
        """Widens the ranges by those of examples."""
        for values in _values(_watched(self.content), examples):
            for name, (low, high) in self.ranges.items():
                x = values(name)
                self.ranges[name] = min(low, float(x.min())), max(high, float(x.max()))

    def quantise(self, room, forms=None):
        """The bytes of a .tflite with ranges times `room`, but for the layers of other `forms`, by name."""
        wider = {
            name: {**x, **{k: np.full_like(x[k], room * bound) for k, bound in zip(("min", "max"), self.ranges[name])}}
            for name, x in self.found.items()
            if x
        }
        result = self._recipe(forms or {}).quantize(wider, enable_progress_bar=False, enable_progress_report=False)
        return _inlined(bytes(result.quantized_model))

    def _recipe(self, forms=None):
        recipe = self.make(bytearray(self.content))
        for operation in self.convolutions:
            recipe.add_static_config(".*", operation, activation_num_bits=8, weight_num_bits=8)
            for name, form in (forms or {}).items():
                add = recipe.add_dynamic_config if form == "dynamic" else recipe.add_weight_only_config
                add(f"^{re.escape(name)};?$", operation, num_bits=8)
        recipe.add_dynamic_config(".*", self.dense, num_bits=8)
        return recipe


def _inlined(content):
    """A .tflite whose large buffers lie behind it, as the quantiser leaves them, as one that holds them."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    for buffer in model.buffers:
        if buffer.offset > 1:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    return bytes(packed(model, len(content)))


def _images(content, examples):
    """The `image` of each example: float32 in [-1, 1], or uint8 pixels."""
    runner = Interpreter(model_content=content, num_threads=1).get_signature_runner(SIGNATURE)
    return [runner(**example)["image"] for example in examples]


def _psnr(images, wanted):
    """dB of the worst image."""
    error = max(np.square(image.astype(np.float32) - other).mean() for image, other in zip(images, wanted))
    span = 255.0 if wanted[0].dtype == np.uint8 else 2.0
    return float(10.0 * np.log10(span**2 / max(error, 1e-10)))


def _watched(content):
    """An interpreter that keeps what every operator gives."""
    return Interpreter(
        model_content=content,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )


def _values(interpreter, examples):
    """Runs examples; yields of each a function from a tensor's name to its values."""
    runner = interpreter.get_signature_runner(SIGNATURE)
    numbers = {details["name"]: details["index"] for details in interpreter.get_tensor_details()}
    for example in examples:
        runner(**example)
        yield lambda name: interpreter.get_tensor(numbers[name])


def _with_errors(content, ranges, room, examples):
    """The convolutions of a .tflite, each with the worst of its errors over some examples."""
    interpreter = _watched(content)
    layers = {layer.name: layer for layer in _convolutions(interpreter)}
    for values in _values(interpreter, examples):
        for layer in layers.values():
            found = [_decibels(values(name), *ranges[name], room) for name in layer.tensors if name in ranges]
            layers[layer.name] = dataclasses.replace(layer, decibels=float(np.fmin(min(found), layer.decibels)))
    return list(layers.values())


def _convolutions(interpreter):
    names = {details["index"]: details["name"] for details in interpreter.get_tensor_details()}
    for each in interpreter._get_ops_details():
        if each["op_name"] in CONVOLUTIONS:
            x, y = each["inputs"][2 if each["op_name"] == "TRANSPOSE_CONV" else 0], each["outputs"][0]
            yield Layer(names[y], (names[x], names[y]))


def _decibels(x, low, high, room):
    """Of the variance of x over the error of x as int8, by the affine rule of LiteRT's specification."""
    low, high = min(room * low, 0.0), max(room * high, 0.0)
    scale = max((high - low) / 255.0, 1e-20)
    zero = np.round(-128.0 - low / scale)
    error = x - scale * (np.clip(np.round(x / scale) + zero, -128, 127) - zero)
    return 10.0 * np.log10(max(np.var(x), 1e-20) / max(np.mean(np.square(error)), 1e-20))
