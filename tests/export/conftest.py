"""What tests of artefacts share."""

import pytest

from export.inference_model import InferenceModel


@pytest.fixture(scope="session")
def toy_run(make_run):
    return make_run("ecgan", has_unknown=True, image_size=(64, 96))


@pytest.fixture(scope="session")
def toy_model(toy_run):
    """Of 64x96, three classes and unknown; never changed."""
    return InferenceModel(toy_run)
