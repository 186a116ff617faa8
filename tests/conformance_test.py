"""Every method in METHODS passes the same list of checks; a new method is tested by being in the table."""

import numpy as np
import pytest

from ecgan_tf.inference.runtimes import open_keras_run, open_model
from ecgan_tf.methods import METHODS
from ecgan_tf.pixels import as_float
from export.gpu_delegate import driver, on_gpu
from export.inference_model import InferenceModel
from export.parity import compare
from export.targets import artefacts_of
from export.tflite import write_tflite

ARTEFACTS = artefacts_of(["all"])
TFLITE = [name for name in ARTEFACTS if name.endswith(".tflite")]


def taking_bytes(precision):
    return lambda model, path: write_tflite(model, path, precision, uint8_io=True), precision


# Every precision with either form of input and output.
IN_BYTES = {f"bytes-{name}": taking_bytes(ARTEFACTS[name][1]) for name in TFLITE}
INPUTS = {
    "plain": {},
    "unknown and boundaries": {"has_unknown": True, "has_boundaries": True, "image_size": (32, 64)},
    "noise": {"enlarging": "bilinear", "noise": "fixed"},
    "codes": {"use_vae": True, "noise": "classes", "has_unknown": True, "has_boundaries": True, "image_size": (64, 32)},
}
RUNS = [
    (name, inputs)
    for name in sorted(METHODS)
    for inputs in INPUTS
    if all(f"model.{key}" in METHODS[name].keys for key in INPUTS[inputs] if not key.startswith(("has", "image")))
]
# The whole table takes an hour of CPU time and more (make conformance). What make test checks: all targets of one run,
# and of one run of each kind of network those that the others are made from.
SMOKE_OF_ALL_TARGETS = ("ecgan", "unknown and boundaries")
SMOKE_RUNS = [
    ("ecgan", "noise"),
    ("spade", "codes"),
    ("lggan", "unknown and boundaries"),
    ("msca", "unknown and boundaries"),
]
SMOKE_ARTEFACTS = ("saved_model", "model_float32.tflite", "model_float32.onnx")
SMOKE_IN_BYTES = "bytes-model_int8.tflite"


def is_quick(run, artefact=None):
    """Whether `make test` checks it."""
    if run == SMOKE_OF_ALL_TARGETS and artefact in (None, SMOKE_IN_BYTES, *ARTEFACTS):
        return True
    return run in SMOKE_RUNS and artefact in (None, *SMOKE_ARTEFACTS)


def pytest_generate_tests(metafunc):
    """The artefacts of a row, of which `make test` leaves most out."""
    if "artefact" in metafunc.fixturenames:
        run, on_gpu_alone = metafunc.cls.run, "gpu" in metafunc.function.__name__
        names = [*(TFLITE if on_gpu_alone else ARTEFACTS), *IN_BYTES]
        slow = [[] if is_quick(run, name) else [pytest.mark.slow] for name in names]
        metafunc.parametrize("artefact", [pytest.param(name, marks=marks) for name, marks in zip(names, slow)])


class Exported:
    """A run, what Keras gives of its layouts, and the artefacts that were asked for so far, each written once."""

    def __init__(self, folder, run):
        self.folder, self.model = folder, InferenceModel(run)
        self.expected = open_keras_run(run).generate(self.model.layouts)
        self.paths = {}
        (folder / "model.json").write_text((run / "model.json").read_text())

    def write(self, artefact):
        if artefact not in self.paths:
            self.paths[artefact] = path = self.folder / artefact
            path.parent.mkdir(exist_ok=True)
            {**ARTEFACTS, **IN_BYTES}[artefact][0](self.model, str(path))
        return str(self.paths[artefact])


class Rows:
    """All checks of one run: one class each, which `--dist=loadscope` gives to one process, so that it is made once."""

    run = None

    @pytest.fixture(scope="class")
    def exported(self, request, make_run, tmp_path_factory, set_aside):
        set_aside()
        name, inputs = request.cls.run
        return Exported(tmp_path_factory.mktemp("artefacts"), make_run(name, **INPUTS[inputs]))

    def test_an_export_gives_what_keras_gives(self, exported, artefact):
        precision = {**ARTEFACTS, **IN_BYTES}[artefact][1]
        images = open_model(exported.write(artefact)).generate(exported.model.layouts)
        result = compare(exported.expected, images, precision, artefact in IN_BYTES)
        assert result["passed"], result
        assert not result["flat"]  # a constant image would agree with anything

    @pytest.mark.skipif(driver() is None, reason="no Vulkan driver; Debian's package chromium brings one")
    def test_a_gpu_runs_all_of_it_and_gives_what_keras_gives(self, exported, artefact):
        found, images = on_gpu(exported.write(artefact), exported.model.layouts)
        assert found["checked"] and found["whole"] and not found["refused"], found
        precision = {**ARTEFACTS, **IN_BYTES}[artefact][1]
        result = compare(exported.expected, as_float(images), precision, artefact in IN_BYTES)
        assert result["passed"], result

    def test_folding_changes_no_pixel(self, exported):
        model = exported.model
        folded = model.image(**model.layouts)["image"]
        np.testing.assert_allclose(folded, exported.expected, atol=1e-4)
        before, after = (model.graph[f"{when}_folding"]["operators"] for when in ("before", "after"))
        can_fold = any(hasattr(layer, "fold") for layer in model.generator._flatten_layers())
        assert (after < before) == can_fold


def rows_of(run):
    """The class of a run: its name is that of the method and of what it takes."""
    words = f"{run[0]}_{run[1]}".replace(" ", "_")
    marks = [] if is_quick(run) else [pytest.mark.slow]
    return type(f"Test_{words}", (Rows,), {"run": run, "pytestmark": marks})


globals().update({rows.__name__: rows for rows in map(rows_of, RUNS)})
