"""Turns a run into artefacts for servers and devices, each compared with Keras."""

import os
import platform
from collections.abc import Sequence
from typing import Any

from ecgan_tf.atomic_files import write_json
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run
from export import tensorrt_files
from export.artefact import export_one
from export.inference_model import InferenceModel
from export.report import write_model_card, write_sheet
from export.serving.server_config import write_serving_files
from export.targets import INSTEAD_OF, artefacts_of


def export_run(
    run: str,
    output: str,
    targets: Sequence[str] = ("all",),
    image_size: tuple[int, int] | None = None,
    uint8_io: bool = False,
) -> dict[str, Any]:
    """Writes the artefacts of a run, with their report, comparison.png and MODEL_CARD.md.

    Args:
        run: run folder.
        output: folder to write to.
        targets: keys of `TARGETS`, or ("all",).
        image_size: (height, width) to export for, or None for the run's.
        uint8_io: whether the .tflite take ids and give pixels as uint8.
    Returns:
        the content of export_report.json.
    Raises:
        RequestError: where an artefact misses its gate; all others are written.
    """
    if os.path.isfile(output):
        raise RequestError(f"--output={output} is a file; give a folder.")
    artefacts_of(targets)  # a wrong target is found before the model is opened
    model = InferenceModel(run, image_size, uint8_io)
    expected = open_keras_run(run, image_size).generate(model.layouts)
    os.makedirs(output, exist_ok=True)
    write_json(os.path.join(output, "model.json"), model.description)
    entries, images = {}, {}
    waiting = list(artefacts_of(targets, model).items())
    while waiting:
        name, (write, precision) = waiting.pop(0)
        entries[name], images[name] = export_one(model, expected, output, name, write, precision)
        if not entries[name]["passed"]:
            waiting += INSTEAD_OF.get(name, {}).items()
    report = {
        "run": run,
        "step": model.step,
        "image_size": list(model.image_size),
        "graph": model.graph,
        "layouts": len(expected),
        "machine": platform.processor() or platform.machine(),
        "threads": os.cpu_count(),
        "artefacts": entries,
    }
    write_json(os.path.join(output, "export_report.json"), report)
    write_sheet(os.path.join(output, "comparison.png"), model, expected, images)
    write_model_card(os.path.join(output, "MODEL_CARD.md"), model, report)
    if entries.get("saved_model", {}).get("passed"):
        write_serving_files(output, model.description["name"])
    if any(name.startswith(tensorrt_files.FOLDER) for name in entries):
        tensorrt_files.write_build_folder(model, expected, output)
        say(f"engines: python -m export.tensorrt --exported={output}, on a machine with an NVIDIA GPU")
    _conclude(entries, output)
    return report


def _conclude(entries, output):
    """Says how it went; an artefact that nothing stands in for ends the command with exit code 1."""
    rejected = [name for name, entry in entries.items() if not entry["passed"]]
    lost = [name for name in rejected if not any(entries[other]["passed"] for other in INSTEAD_OF.get(name, ()))]
    if lost:
        raise RequestError(
            f"{', '.join(lost)}: picture(s) too unlike Keras'; see {output}/export_report.json and {output}/rejected."
        )
    say(f"every artefact passed its gate; look at {os.path.join(output, 'comparison.png')}")
