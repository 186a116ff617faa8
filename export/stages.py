"""The stages of an export: begin, make each artefact, finish; in one process, or each in one of its own."""

import os
import platform

import numpy as np

from ecgan_tf.atomic_files import machine_errors, read_json, write_json
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run
from ecgan_tf.memory import give_back, peak_bytes
from ecgan_tf.outputs import expand, plan_folder
from export import tensorrt_files
from export.artefact import export_one, remove
from export.inference_model import InferenceModel
from export.report import delegate_lines, flat_words, write_model_card, write_sheet
from export.serving.server_config import SERVABLE, write_serving_files
from export.targets import artefact_of, artefacts_of

REPORT = "export_report.json"
EXPECTED = "expected.npy"
ABSENT = {"intermediates": False}  # what the report of an older version does not say


class Stages:
    """An export whose state is on disk, so that any process can go on with it: in the report and in `work`.

    Args:
        request: dictionary with the arguments of `export_run`.
        work: folder for the pictures that are compared.
        beside: bytes that another process has meanwhile, which count as memory of the export.
    """

    def __init__(self, request, work, beside=0):
        artefacts_of(request["targets"])  # a wrong target is found before the model is opened
        self.request, self.work, self.beside = request, work, beside
        self.run, self.output = expand(request["run"]), expand(request["output"])
        size = request["image_size"] and tuple(request["image_size"])
        self.model = InferenceModel(
            self.run, size, request["uint8_io"], request["step"], request["gpu_check"], request["intermediates"]
        )

    def begin(self):
        """Writes model.json, the report of an export that has no artefact yet, and Keras' images.

        Returns:
            dictionary: `artefacts`, the names of what is to be made.
        """
        model = self.model
        artefacts = artefacts_of(self.request["targets"], model)
        earlier = earlier_export(self.output, self.run)
        plan_folder(self.output)
        expected = open_keras_run(self.run, model.image_size, model.step).generate(model.layouts)
        self._keep(EXPECTED, expected)
        give_back()
        settings = {
            "run": self.run,
            "step": model.step,
            "image_size": list(model.image_size),
            "uint8_io": self.request["uint8_io"],
            "intermediates": self.request["intermediates"],
        }
        kept = keep_or_remove(self.output, earlier, settings, artefacts)
        report = {
            **settings,
            "graph": model.graph,
            "layouts": len(expected),
            "machine": platform.processor() or platform.machine(),
            "threads": os.cpu_count(),
            "artefacts": kept,
            "peak_bytes": None,
        }
        self._write_report(report)  # before the first artefact: whose export this is
        write_json(os.path.join(self.output, "model.json"), model.description)
        return {"artefacts": list(artefacts)}

    def make(self, name):
        """Writes an artefact, and its entry into the report, which is returned."""
        write, precision = artefact_of(name)
        self.model.makes_one = self.beside > 0
        version = self.request["servable"] if name == SERVABLE else {}
        entry, images = export_one(
            self.model, self._images(EXPECTED), self.output, place_of(name, version), write, precision, bool(version)
        )
        if version:
            entry |= {**version, "name": version["name"] or self.model.description["name"]}
            if entry["passed"]:
                remove(os.path.join(self.output, "rejected", name))
        self._keep(_images_of(name), images)
        report = read_json(os.path.join(self.output, REPORT))
        report["artefacts"][name] = entry
        if self.beside:
            entry["peak_bytes"] = (peak_bytes() or 0) + self.beside  # of its process and the one that started it
        self._write_report(report)
        return entry

    def finish(self):
        """Writes what an export leaves beside its artefacts, and says how it went; returns the report."""
        report, expected = read_json(os.path.join(self.output, REPORT)), self._images(EXPECTED)
        wanted = list(artefacts_of(self.request["targets"], self.model))
        names = wanted + [name for name in report["artefacts"] if name not in wanted]  # which the file has sorted
        made = [name for name in names if os.path.isfile(os.path.join(self.work, _images_of(name)))]
        entries = {name: report["artefacts"][name] for name in made}
        images = {name: self._images(_images_of(name)) for name in made}
        self._write_report(report)
        write_sheet(os.path.join(self.output, "comparison.png"), self.model, expected, images)
        write_model_card(os.path.join(self.output, "MODEL_CARD.md"), self.model, report)
        if entries.get(SERVABLE, {}).get("passed"):
            write_serving_files(self.output, entries[SERVABLE]["name"], entries[SERVABLE]["version"])
        if any(name.startswith(tensorrt_files.FOLDER) for name in entries):
            tensorrt_files.write_build_folder(self.model, expected, self.output)
            say(f"engines: python -m export.tensorrt --exported={self.output}, on a machine with an NVIDIA GPU")
        if report["peak_bytes"]:
            weights = 4 * self.model.parameters
            say(f"memory at the peak: {report['peak_bytes'] / 1e9:.2f} GB; weights: {weights / 1e9:.2f} GB")
        _conclude(entries, self.output)
        return report

    def _keep(self, file, images):
        path = os.path.join(self.work, file)
        with machine_errors(path):
            np.save(path, images)

    def _images(self, file):
        return np.load(os.path.join(self.work, file))

    def _write_report(self, report):
        peak = peak_bytes()  # of all stages in this process
        if peak:
            report["peak_bytes"] = max(report["peak_bytes"] or 0, peak + self.beside)
        write_json(os.path.join(self.output, REPORT), report)


def _images_of(name):
    return f"{name.replace(os.sep, '-')}.npy"


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
        settings: run, step, image_size, uint8_io and intermediates of this export.
        artefacts: that it makes.
    Returns:
        the entries of those that stay, for the report. Servables, which have versions, are never removed.
    """
    entries = (earlier or {}).get("artefacts")
    entries = entries if isinstance(entries, dict) else {}
    same = earlier is not None and all(earlier.get(key, ABSENT.get(key)) == value for key, value in settings.items())
    others = {name: entry for name, entry in entries.items() if name not in artefacts}
    if same:
        places = {name: os.path.join(output, place_of(name, entry)) for name, entry in others.items()}
        return {name: entry for name, entry in others.items() if os.path.exists(places[name])}
    replaced = [name for name in others if name != SERVABLE]
    for name in others:
        remove(os.path.join(output, "rejected", name))
    for name in replaced:
        remove(os.path.join(output, name))
    if replaced:
        say(f"removed {', '.join(replaced)} of an earlier export, of step {earlier.get('step')} or other settings")
    return {}


def place_of(name, entry):
    """Where an artefact lies below the output: a servable has a folder for each version."""
    version = entry.get("version") if isinstance(entry, dict) else None
    return os.path.join(name, str(version)) if version else name


def _conclude(entries, output):
    """Says how it went; an artefact that missed its gate ends the command with exit code 1."""
    rejected = [name for name, entry in entries.items() if not entry["passed"]]
    if rejected:
        refused = any(entries[name].get("tensorrt_parser", {}).get("refused") for name in rejected)
        why = "picture(s) too unlike Keras'" + (", or refused by TensorRT's parser" if refused else "")
        raise RequestError(f"{', '.join(rejected)}: {why}; see {output}/export_report.json and {output}/rejected.")
    for line in delegate_lines(entries):
        say(line)
    look = f"look at {os.path.join(output, 'comparison.png')}"
    flat = flat_words(entries)
    if flat:
        say(f"warning: {flat}: that artefacts give the same proves little; train, then export again; {look}")
    else:
        say(f"every artefact passed its gate; {look}")
