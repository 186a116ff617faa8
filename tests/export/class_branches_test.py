"""The forms of LGGAN's class branches that the conformance table's few classes do not ask for, in every target."""

import numpy as np
import pytest

from ecgan_tf.inference.runtimes import open_keras_run, open_model
from ecgan_tf.layers import class_branches
from export.inference_model import InferenceModel
from export.parity import compare
from export.targets import artefacts_of

ARTEFACTS = artefacts_of(["saved_model", "tflite", "onnx"])
FORMS = {
    "lookup": {"mask_mode": "output", "local_groups": (0, 1, 2, 1, -1)},
    "masked at the input": {"mask_mode": "input", "local_kernel_size": 7},
}


@pytest.fixture(scope="module", params=FORMS)
def form(request, make_run):
    """A run with the local image alone, which Keras synthesises by the dense form, and Keras' images of its layouts."""
    arguments = {"num_classes": 5, "fusion": "local", "num_residual_blocks": 0, "local_kernel_size": 3}
    run = make_run("lggan", **{**arguments, **FORMS[request.param]})
    return run, open_keras_run(run).generate(InferenceModel(run).layouts)


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_an_export_gives_what_the_dense_form_synthesises(form, artefact, monkeypatch, tmp_path):
    run, expected = form
    looked_up = []
    lookup = class_branches.lookup_convolution
    monkeypatch.setattr(class_branches, "LOOKUP_FROM_BRANCHES", {False: 1, True: 1})
    monkeypatch.setattr(class_branches, "lookup_convolution", lambda *args: looked_up.append(1) or lookup(*args))
    write, precision = ARTEFACTS[artefact]
    model = InferenceModel(run)
    write(model, str(tmp_path / artefact))
    (tmp_path / "model.json").write_text((run / "model.json").read_text())
    result = compare(expected, open_model(str(tmp_path / artefact)).generate(model.layouts), precision)
    assert result["passed"], result
    assert np.ptp(expected) > 0.5
    assert bool(looked_up) == (model.generator.mask_mode == "output")
