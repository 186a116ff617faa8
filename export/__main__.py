"""Turns a run into artefacts for servers and devices, and proves that each paints what Keras paints.

Example:
    python -m export --run=runs/demo --output=exported --targets=saved_model,tflite,onnx

Writes into --output: saved_model/1/ (for TF Serving), model_float32.tflite, model_float16.tflite, model_float32.onnx,
model.json (classes and size, keep it beside them), export_report.json, comparison.png and MODEL_CARD.md. An artefact
whose pictures differ from Keras' by more than its gate goes to rejected/ instead, and the exit code is 1.
"""

import os
import platform
import shutil
import tempfile

from absl import flags

from ecgan_tf import commands
from ecgan_tf.commands import RequestError, say

RUN = flags.DEFINE_string("run", None, "The run folder of a training.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the artefacts.")
TARGETS = flags.DEFINE_list("targets", ["saved_model", "tflite", "onnx"], "Which of saved_model, tflite, onnx.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(run=RUN.value, output=OUTPUT.value)
    artefacts = artefacts_of(TARGETS.value)

    commands.quiet_tensorflow()
    from ecgan_tf.files import write_json
    from ecgan_tf.runtimes import open_keras_run
    from export.model import InferenceModel
    from export.report import write_model_card, write_sheet

    model = InferenceModel(RUN.value)
    expected = open_keras_run(RUN.value)(model.layouts)
    os.makedirs(OUTPUT.value, exist_ok=True)
    write_json(os.path.join(OUTPUT.value, "model.json"), model.description)
    report = {
        "run": RUN.value,
        "step": model.step,
        "parameters": model.parameters,
        "layouts": len(expected),
        "machine": platform.processor() or platform.machine(),
        "threads": os.cpu_count(),
        "artefacts": {},
    }
    painted = {}
    for name, (write, precision) in artefacts.items():
        report["artefacts"][name], painted[name] = export_one(model, expected, name, write, precision)
    write_json(os.path.join(OUTPUT.value, "export_report.json"), report)
    write_sheet(os.path.join(OUTPUT.value, "comparison.png"), model, expected, painted)
    write_model_card(os.path.join(OUTPUT.value, "MODEL_CARD.md"), model, report)
    rejected = [name for name, entry in report["artefacts"].items() if not entry["passed"]]
    if rejected:
        raise RequestError(
            f"{', '.join(rejected)} paint(s) too unlike Keras; see {OUTPUT.value}/export_report.json "
            f"and {OUTPUT.value}/rejected."
        )
    say(f"every artefact passed its gate; look at {os.path.join(OUTPUT.value, 'comparison.png')}")


def artefacts_of(targets):
    """The artefacts of the wanted targets: name -> (writer of (model, path), precision)."""
    known = {
        "saved_model": {"saved_model": (_saved_model, "float32")},
        "tflite": {
            "model_float32.tflite": (_tflite("float32"), "float32"),
            "model_float16.tflite": (_tflite("float16"), "float16"),
        },
        "onnx": {"model_float32.onnx": (_onnx, "float32")},
    }
    unknown = [target for target in targets if target not in known]
    if unknown or not targets:
        raise RequestError(f"--targets: {', '.join(unknown) or 'none given'}; choose from {', '.join(known)}.")
    return {name: artefact for target in targets for name, artefact in known[target].items()}


def export_one(model, expected, name, write, precision):
    """Writes one artefact beside its final place, proves it there, and moves it in; or to rejected/.

    Returns:
        its entry of the report, and its images.
    """
    from ecgan_tf.runtimes import open_model
    from export.proof import compare, latency

    say(f"exporting {name} ...")
    output = os.path.abspath(OUTPUT.value)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=output) as folder:
        path = os.path.join(folder, name)
        write(model, path)
        synthesizer = open_model(path)
        images = synthesizer(model.layouts)
        entry = {
            "bytes": size_of(path),
            **compare(expected, images, precision),
            "latency": latency(synthesizer, model.layouts),
        }
        place = output if entry["passed"] else os.path.join(output, "rejected")
        move_in(path, os.path.join(place, name))
    say(
        f"  {entry['bytes'] / 1e6:.2f} MB, largest difference {entry['largest_difference']} of 255 "
        f"(gate {entry['gate']}), {entry['latency']['median_ms']:.1f} ms a layout"
    )
    return entry, images


def move_in(path, final):
    """Puts a finished file or folder under its final name in place of what was there."""
    os.makedirs(os.path.dirname(final), exist_ok=True)
    if os.path.isdir(final):
        shutil.rmtree(final)
    os.replace(path, final)


def size_of(path):
    """Bytes of a file, or of all files below a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def _saved_model(model, path):
    from export.saved_model import write_saved_model

    write_saved_model(model, path)


def _tflite(precision):
    def write(model, path):
        from export.tflite import write_tflite

        write_tflite(model, path, precision)

    return write


def _onnx(model, path):
    from export.onnx import write_onnx

    write_onnx(model, path)


if __name__ == "__main__":
    commands.run(main, __doc__)
