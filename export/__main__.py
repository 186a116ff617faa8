"""Turns a run into artefacts for servers and devices, and proves that each paints what Keras paints.

Example:
    python -m export --run=runs/demo --output=exported --targets=all

Targets: saved_model (for TF Serving, with its files in serving/), tflite (phones: float32, float16, int8 weights, full
int8), onnx (open batch, and batch 1), tensorrt (ONNX files in three precisions, with all that a machine with a GPU
needs to build engines). Writes them into --output, with model.json (classes, size), export_report.json, comparison.png
and MODEL_CARD.md. An artefact whose pictures differ from Keras' by more than its gate goes to rejected/ instead, and
the exit code is 1; but for full int8, for which int16 activations stand in where they pass.
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
TARGETS = flags.DEFINE_list("targets", ["all"], "Which of saved_model, tflite, onnx, tensorrt; or all.")
IMAGE_SIZE = flags.DEFINE_list("image_size", None, "Height and width to export for, as 128,256; default: the run's.")
UINT8_IO = flags.DEFINE_bool("uint8_io", False, "The .tflite take ids and give pixels as uint8, as an app has them.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(run=RUN.value, output=OUTPUT.value)
    if os.path.isfile(OUTPUT.value):
        raise RequestError(f"--output={OUTPUT.value} is a file; give a folder.")
    size = image_size()

    commands.quiet_tensorflow()
    from ecgan_tf.files import write_json
    from ecgan_tf.runtimes import open_keras_run
    from export import tensorrt_files
    from export.model import InferenceModel
    from export.report import write_model_card, write_sheet
    from export.serving.files import write_serving_files
    from export.targets import INSTEAD_OF, artefacts_of

    artefacts_of(TARGETS.value)  # a wrong target is found before the model is opened
    model = InferenceModel(RUN.value, size, UINT8_IO.value)
    artefacts = artefacts_of(TARGETS.value, model)
    expected = open_keras_run(RUN.value, size)(model.layouts)
    os.makedirs(OUTPUT.value, exist_ok=True)
    write_json(os.path.join(OUTPUT.value, "model.json"), model.description)
    entries, painted = {}, {}
    waiting = list(artefacts.items())
    while waiting:
        name, (write, precision) = waiting.pop(0)
        entries[name], painted[name] = export_one(model, expected, name, write, precision)
        if not entries[name]["passed"]:
            waiting += INSTEAD_OF.get(name, {}).items()
    report = {
        "run": RUN.value,
        "step": model.step,
        "image_size": list(model.image_size),
        "graph": model.graph,
        "layouts": len(expected),
        "machine": platform.processor() or platform.machine(),
        "threads": os.cpu_count(),
        "artefacts": entries,
    }
    write_json(os.path.join(OUTPUT.value, "export_report.json"), report)
    write_sheet(os.path.join(OUTPUT.value, "comparison.png"), model, expected, painted)
    write_model_card(os.path.join(OUTPUT.value, "MODEL_CARD.md"), model, report)
    if entries.get("saved_model", {}).get("passed"):
        write_serving_files(OUTPUT.value, model.description["name"])
    if any(name.startswith(tensorrt_files.FOLDER) for name in entries):
        tensorrt_files.write_build_folder(model, expected, OUTPUT.value)
        say(f"engines: python -m export.tensorrt --exported={OUTPUT.value}, on a machine with an NVIDIA GPU")
    rejected = [name for name, entry in entries.items() if not entry["passed"]]
    rejected = [name for name in rejected if not any(entries[other]["passed"] for other in INSTEAD_OF.get(name, ()))]
    if rejected:
        raise RequestError(
            f"{', '.join(rejected)} paint(s) too unlike Keras; see {OUTPUT.value}/export_report.json "
            f"and {OUTPUT.value}/rejected."
        )
    say(f"every artefact passed its gate; look at {os.path.join(OUTPUT.value, 'comparison.png')}")


def image_size():
    """--image_size as (height, width), or None."""
    if IMAGE_SIZE.value is None:
        return None
    if len(IMAGE_SIZE.value) != 2 or not all(length.strip().isdigit() for length in IMAGE_SIZE.value):
        raise RequestError(f"--image_size={','.join(IMAGE_SIZE.value)}: give height and width, as 128,256.")
    return tuple(map(int, IMAGE_SIZE.value))


def export_one(model, expected, name, write, precision):
    """Writes one artefact beside its final place, proves it there, and moves it in; or to rejected/.

    Returns:
        its entry of the report, and its images.
    """
    from ecgan_tf.files import write_json
    from ecgan_tf.runtimes import open_model
    from export.proof import compare, latency
    from export.report import inspect

    say(f"exporting {name} ...")
    output = os.path.abspath(OUTPUT.value)
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=output) as folder:
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_json(os.path.join(folder, "model.json"), model.description)
        with commands.stderr_held_back():
            write(model, path)
        synthesizer = open_model(path)
        images = synthesizer(model.layouts)
        entry = {
            "bytes": size_of(path),
            **compare(expected, images, precision),
            "latency": latency(synthesizer, model.layouts),
            **inspect(path),
        }
        place, other = output, os.path.join(output, "rejected")
        if not entry["passed"]:
            place, other = other, place
        move_in(path, os.path.join(place, name))
        remove(os.path.join(other, name))  # of an earlier export, which this one replaces
    verdict = "passed" if entry["passed"] else "REJECTED: " + ", ".join(entry["missed"])
    say(
        f"  {entry['bytes'] / 1e6:.2f} MB, largest difference {entry['difference']['largest']} of 255, "
        f"PSNR {entry['difference']['psnr']:.0f} dB, {entry['latency']['median_ms']:.1f} ms a layout, {verdict}"
    )
    return entry, images


def move_in(path, final):
    """Puts a finished file or folder under its final name in place of what was there."""
    os.makedirs(os.path.dirname(final), exist_ok=True)
    remove(final)
    os.replace(path, final)


def remove(path):
    """Removes a file or folder, where there is one."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def size_of(path):
    """Bytes of a file, or of all files below a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


if __name__ == "__main__":
    commands.run(main, __doc__)
