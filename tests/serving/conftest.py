"""One tiny model, exported once and served by one stand-in, for all tests of serving."""

import importlib.util
import pathlib
import sys

import pytest


@pytest.fixture(scope="session")
def stand_in_class():
    spec = importlib.util.spec_from_file_location("stand_in", pathlib.Path(__file__).with_name("stand_in.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.StandIn


@pytest.fixture(scope="session")
def run(make_run):
    return make_run("ecgan", has_unknown=True, has_boundaries=True)


@pytest.fixture(scope="session")
def exported(run, tmp_path_factory):
    """An export's folder, with model.json, saved_model/1/ and serving/."""
    from ecgan_tf.atomic_files import write_json
    from export.inference_model import InferenceModel
    from export.saved_model import write_saved_model
    from export.serving.server_config import write_serving_files

    folder = tmp_path_factory.mktemp("exported")
    model = InferenceModel(run)
    write_json(folder / "model.json", model.description)
    write_saved_model(model, str(folder / "saved_model" / "1"))
    write_serving_files(str(folder), "tiny", 1)
    return folder


@pytest.fixture(scope="session")
def served(exported, stand_in_class):
    with stand_in_class("tiny", str(exported / "saved_model")) as server:
        yield server


@pytest.fixture
def server(served):
    """The stand-in, whose hooks a test may set."""
    yield served
    served.before = served.after = None
