"""The files beside the SavedModel, read as TF Serving and Docker read them."""

import re

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from export.serving.server_config import write_serving_files


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    write_serving_files(str(folder), "ecgan")
    return folder / "serving"


def test_the_models_config_is_one_of_tf_serving(folder):
    config = text_format.Parse((folder / "models.config").read_text(), model_server_config_pb2.ModelServerConfig())
    (model,) = config.model_config_list.config
    assert (model.name, model.base_path, model.model_platform) == ("ecgan", "/models/ecgan", "tensorflow")


def test_batching_has_the_fields_of_its_proto(folder):
    """The proto itself is not in tensorflow-serving-api."""
    lines = [line for line in (folder / "batching.config").read_text().splitlines() if not line.startswith("#")]
    fields = dict(re.fullmatch(r"(\w+) \{ value: (\d+) \}", line).groups() for line in lines)
    assert set(fields) == {"max_batch_size", "batch_timeout_micros", "num_batch_threads", "max_enqueued_batches"}


def test_docker_mounts_what_the_server_is_told_to_read(folder):
    (service,) = yaml.safe_load((folder / "docker-compose.yaml").read_text())["services"].values()
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts == {"../saved_model": "/models/ecgan", ".": "/serving"}
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    told = dict(word.partition("=")[::2] for word in service["command"])
    files = {flag: path for flag, path in told.items() if path}
    assert set(files) == {"--model_config_file", "--monitoring_config_file", "--batching_parameters_file"}
    assert all((folder / path.removeprefix("/serving/")).is_file() for path in files.values())
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "../a", "a:b"])
def test_a_name_that_would_break_the_files_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="no name"):
        write_serving_files(str(tmp_path), name)
    assert not list(tmp_path.iterdir())
