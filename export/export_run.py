"""Turns a run into artefacts for servers and devices, each compared with Keras."""

import os
import platform
from collections.abc import Sequence
from typing import Any

from ecgan_tf.atomic_files import read_json, write_json
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run
from ecgan_tf.outputs import expand, plan_folder
from export import tensorrt_files
from export.artefact import export_one, remove
from export.inference_model import InferenceModel
from export.memory import give_back, peak_bytes
from export.report import write_model_card, write_sheet
from export.serving.server_config import write_serving_files
from export.targets import INSTEAD_OF, artefacts_of, stand_ins

REPORT = "export_report.json"
SERVABLE = "saved_model"


def export_run(
    run: str,
    output: str,
    targets: Sequence[str] = ("all",),
    image_size: tuple[int, int] | None = None,
    uint8_io: bool = False,
    step: int | str = "last",
) -> dict[str, Any]:
    """Writes the artefacts of a run, with their report, comparison.png and MODEL_CARD.md.

    Args:
        run: run folder.
        output: folder to write to.
        targets: keys of `TARGETS`, or ("all",).
        image_size: (height, width) to export for, or None for the run's.
        uint8_io: whether the .tflite take ids and give pixels as uint8.
        step: of the run's checkpoint, "best" by what it measured while it was trained, or "last".
    Returns:
        the content of export_report.json.
    Raises:
        RequestError: where an artefact misses its gate; all others are written.
    """
    artefacts_of(targets)  # a wrong target is found before the model is opened
    run = expand(run)
    model = InferenceModel(run, image_size, uint8_io, step)
    earlier = earlier_export(expand(output), run)
    output = plan_folder(output)
    expected = open_keras_run(run, image_size, model.step).generate(model.layouts)
    give_back()
    os.makedirs(output, exist_ok=True)
    settings = {
        "run": run,
        "step": model.step,
        "image_size": list(model.image_size),
        "uint8_io": uint8_io,
    }
    kept = keep_or_remove(output, earlier, settings, artefacts_of(targets, model))
    report = {
        **settings,
        "graph": model.graph,
        "layouts": len(expected),
        "machine": platform.processor() or platform.machine(),
        "threads": os.cpu_count(),
        "artefacts": kept,
    }
    write_json(os.path.join(output, REPORT), report)  # before the first artefact: whose export this is
    write_json(os.path.join(output, "model.json"), model.description)
    entries, images = {}, {}
    waiting = list(artefacts_of(targets, model).items())
    while waiting:
        name, (write, precision) = waiting.pop(0)
        entries[name], images[name] = export_one(model, expected, output, name, write, precision)
        report |= {"artefacts": {**kept, **entries}, "peak_bytes": peak_bytes()}
        write_json(os.path.join(output, REPORT), report)
        if not entries[name]["passed"]:
            waiting += stand_ins(name, model).items()
    write_sheet(os.path.join(output, "comparison.png"), model, expected, images)
    write_model_card(os.path.join(output, "MODEL_CARD.md"), model, report)
    if entries.get("saved_model", {}).get("passed"):
        write_serving_files(output, model.description["name"])
    if any(name.startswith(tensorrt_files.FOLDER) for name in entries):
        tensorrt_files.write_build_folder(model, expected, output)
        say(f"engines: python -m export.tensorrt --exported={output}, on a machine with an NVIDIA GPU")
    if report["peak_bytes"]:
        say(f"memory at the peak: {report['peak_bytes'] / 1e9:.1f} GB; weights: {4 * model.parameters / 1e9:.2f} GB")
    _conclude(entries, output, model)
    return report


def earlier_export(output, run):
    """The report of an export that a folder holds, or None; a folder of another run's artefacts is refused."""
    path = os.path.join(output, REPORT)
    if not os.path.isfile(path):
        if os.path.isfile(os.path.join(output, "model.json")):
            raise RequestError(f"--output={output} holds a model.json of something else; give another folder.")
        return None
    report = read_json(path)
    if expand(str(report.get("run"))) != run:
        raise RequestError(
            f"--output={output} holds the export of another run, {report.get('run')}; give another folder."
        )
    return report


def keep_or_remove(output, earlier, settings, artefacts):
    """What becomes of an earlier export's artefacts that are not made anew: kept where all is equal, else removed.

    Args:
        output: folder.
        earlier: of `earlier_export`.
        settings: run, step, image_size and uint8_io of this export.
        artefacts: that it makes.
    Returns:
        the entries of those that stay, for the report. Servables, which have versions, are never removed.
    """
    entries = (earlier or {}).get("artefacts")
    entries = entries if isinstance(entries, dict) else {}
    same = earlier is not None and all(earlier.get(key) == value for key, value in settings.items())
    others = {name: entry for name, entry in entries.items() if name not in artefacts}
    if same:
        return {name: entry for name, entry in others.items() if os.path.exists(os.path.join(output, name))}
    for name in others:
        if name != SERVABLE:
            for place in (output, os.path.join(output, "rejected")):
                remove(os.path.join(place, name))
    if others:
        say(f"removed {', '.join(others)} of an earlier export, of step {earlier.get('step')} or other settings")
    return {}


def _conclude(entries, output, model):
    """Says how it went; an artefact that nothing stands in for ends the command with exit code 1."""
    rejected = [name for name, entry in entries.items() if not entry["passed"]]
    instead = {name: [other for other in stand_ins(name, model) if entries[other]["passed"]] for name in rejected}
    lost = [name for name, others in instead.items() if not others]
    if lost:
        left_out = [other for name in lost for other in INSTEAD_OF.get(name, ()) if other not in entries]
        too_large = f" {', '.join(left_out)} is left out of a model this large: int16 is slow." if left_out else ""
        raise RequestError(
            f"{', '.join(lost)}: picture(s) too unlike Keras'; see {output}/export_report.json and {output}/rejected."
            + too_large
        )
    look = f"look at {os.path.join(output, 'comparison.png')}"
    if rejected:
        say(
            f"{len(entries) - len(rejected)} of {len(entries)} artefacts passed their gates; "
            + "; ".join(f"{name} did not, and {', '.join(others)} stands in" for name, others in instead.items())
            + f"; {look}"
        )
    else:
        say(f"every artefact passed its gate; {look}")
