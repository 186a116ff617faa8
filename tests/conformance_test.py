"""Every method in METHODS passes the same list of checks; a new method is tested by being in the table."""

import numpy as np
import pytest

from ecgan_tf.inference.runtimes import open_keras_run, open_model
from ecgan_tf.methods import METHODS
from export.inference_model import InferenceModel
from export.parity import compare
from export.targets import INSTEAD_OF, artefacts_of

ARTEFACTS = artefacts_of(["all"])
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


def marks(run, artefact=None):
    """Those of a case: all of a run are for one process, which makes the run once (`--dist=loadgroup`)."""
    is_quick = run == SMOKE_OF_ALL_TARGETS or (run in SMOKE_RUNS and artefact in (None, *SMOKE_ARTEFACTS))
    group = pytest.mark.xdist_group(f"{run[0]} {run[1]}")
    return [group] if is_quick else [group, pytest.mark.slow]


CASES = [pytest.param(run, artefact, marks=marks(run, artefact)) for run in RUNS for artefact in ARTEFACTS]


@pytest.fixture(scope="module", params=[pytest.param(run, marks=marks(run)) for run in RUNS], ids=str)
def run(request, make_run):
    name, inputs = request.param
    return make_run(name, **INPUTS[inputs])


@pytest.fixture(scope="module")
def model(run):
    return InferenceModel(run)


@pytest.fixture(scope="module")
def expected(run, model):
    return open_keras_run(run).generate(model.layouts)


@pytest.mark.parametrize(("run", "artefact"), CASES, indirect=["run"], ids=str)
def test_an_export_gives_what_keras_gives(run, model, expected, artefact, tmp_path):
    write, precision = ARTEFACTS[artefact]
    path = tmp_path / artefact
    path.parent.mkdir(exist_ok=True)
    write(model, str(path))
    (tmp_path / "model.json").write_text((run / "model.json").read_text())
    result = compare(expected, open_model(str(path)).generate(model.layouts), precision)
    assert result["passed"], result
    assert np.ptp(expected) > 0.3  # a constant image would agree with anything


def test_folding_changes_no_pixel(model, expected):
    folded = model.image(**model.layouts)["image"]
    np.testing.assert_allclose(folded, expected, atol=1e-4)
    before, after = (model.graph[f"{when}_folding"]["operators"] for when in ("before", "after"))
    can_fold = any(hasattr(layer, "fold") for layer in model.generator._flatten_layers())
    assert (after < before) == can_fold


def test_there_is_a_way_out_where_int8_is_too_coarse():
    assert set(INSTEAD_OF) <= set(ARTEFACTS)
