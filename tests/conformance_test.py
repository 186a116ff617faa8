"""Every model in MODELS passes the same list of checks; a new model is tested by being in the table."""

import numpy as np
import pytest

from ecgan_tf.models import MODELS
from ecgan_tf.runtimes import open_keras_run, open_model
from export.__main__ import artefacts_of
from export.model import InferenceModel
from export.proof import compare

ARTEFACTS = artefacts_of(["saved_model", "tflite", "onnx"])
INPUTS = {
    "plain": {},
    "unknown and boundaries": {"has_unknown": True, "has_boundaries": True, "image_size": (32, 64)},
}


@pytest.fixture(scope="module", params=[(name, inputs) for name in sorted(MODELS) for inputs in INPUTS], ids=str)
def run(request, make_run):
    name, inputs = request.param
    return make_run(name, **INPUTS[inputs])


@pytest.fixture(scope="module")
def expected(run):
    return open_keras_run(run)(InferenceModel(run).layouts)


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_an_export_paints_what_keras_paints(run, expected, artefact, tmp_path):
    write, precision = ARTEFACTS[artefact]
    model = InferenceModel(run)
    write(model, str(tmp_path / artefact))
    (tmp_path / "model.json").write_text((run / "model.json").read_text())
    result = compare(expected, open_model(str(tmp_path / artefact))(model.layouts), precision)
    assert result["passed"], result
    assert np.ptp(expected) > 0.5  # a constant image would agree with anything


def test_baking_the_spectral_norms_changes_no_pixel(run, expected):
    model = InferenceModel(run)
    baked = model.image(**model.layouts)["image"]
    np.testing.assert_allclose(baked, expected, atol=1e-4)
