"""The table of targets: which artefacts each has, who writes them, and at what precision they are judged."""

import importlib.util
import os

from ecgan_tf.errors import RequestError
from export.onnx import write_onnx
from export.openvino import write_openvino
from export.saved_model import write_saved_model
from export.style_split import is_guided, write_split_tflite
from export.tensorrt_files import FOLDER
from export.tflite import write_tflite


def _tflite(precision):
    return (lambda model, path: write_tflite(model, path, precision, model.uint8_io)), precision


def _onnx(batch):
    return (lambda model, path: write_onnx(model, path, batch=batch)), "float32"


def _openvino(precision):
    return (lambda model, path: write_openvino(model, path, precision)), precision


def _tensorrt(precision):
    return (lambda model, path: write_onnx(model, path, precision)), precision


# target -> artefact -> (function of an `InferenceModel` and a path, precision)
TARGETS = {
    "saved_model": {"saved_model": (write_saved_model, "float32")},
    "tflite": {
        "model_float32.tflite": _tflite("float32"),
        "model_float16.tflite": _tflite("float16"),
        "model_dynamic_int8.tflite": _tflite("dynamic_int8"),
        "model_int8.tflite": _tflite("static_int8"),
    },
    "onnx": {"model_float32.onnx": _onnx(None), "model_float32_batch1.onnx": _onnx(1)},
    "openvino": {f"openvino_{precision}": _openvino(precision) for precision in ("float32", "float16")},
    "tensorrt": {
        os.path.join(FOLDER, f"model_{precision}.onnx"): _tensorrt(precision)
        for precision in ("float32", "float16", "int8")
    },
}
PACKAGES = {"openvino": "openvino"}  # that a target needs beside those of all others
# Of exemplar-guided models, beside the .tflite files: the style of an exemplar read once, for many layouts.
GUIDED = {
    f"split_{precision}": (
        (lambda model, path, precision=precision: write_split_tflite(model, path, precision, model.uint8_io)),
        precision,
    )
    for precision in ("float32", "float16")
}


def artefact_of(name):
    """(writer of (model, path), precision) of one of all artefacts."""
    tables = (*TARGETS.values(), GUIDED)
    return next(table[name] for table in tables if name in table)


def artefacts_of(targets, model=None):
    """The artefacts of the wanted targets: dictionary from name to (writer of (model, path), precision).

    Args:
        targets: keys of `TARGETS`, or ["all"].
        model: `InferenceModel`; one that synthesises after exemplars has more artefacts.
    """
    if list(targets) == ["all"]:
        targets = list(TARGETS)
    unknown = [target for target in targets if target not in TARGETS]
    if unknown or not targets:
        raise RequestError(
            f"--targets: {', '.join(unknown) or 'none given'}; choose from {', '.join(TARGETS)}, or all."
        )
    for target in targets:
        if target in PACKAGES and importlib.util.find_spec(PACKAGES[target]) is None:
            others = ",".join(name for name in TARGETS if name != target)
            raise RequestError(
                f"--targets: {target} needs the package {PACKAGES[target]!r}, which is not installed; pip install "
                f"'ecgan_tf[export]', or export without it: --targets={others}."
            )
    artefacts = {name: artefact for target in targets for name, artefact in TARGETS[target].items()}
    return {**artefacts, **(GUIDED if model and is_guided(model) and "tflite" in targets else {})}
