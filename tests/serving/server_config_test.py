"""The files beside the SavedModel, read as TF Serving and Docker read them; which version an export makes."""

import pathlib

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config import model_server_config_pb2

from ecgan_tf.atomic_files import partial_name
from ecgan_tf.errors import RequestError
from export.serving.server_config import plan_servable, read_models_config, write_serving_files
from export.stages import keep_or_remove

INT64 = descriptor_pb2.FieldDescriptorProto.TYPE_INT64


def with_versions(folder, *versions):
    for version in versions:
        (folder / "saved_model" / str(version)).mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = with_versions(tmp_path_factory.mktemp("exported"), 1)
    write_serving_files(str(folder), "ecgan", 1)
    return folder / "serving"


def model_of(folder):
    text = (folder / "serving" / "models.config").read_text()
    (model,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    return model


def test_the_models_config_is_one_of_tf_serving(folder):
    model = model_of(folder.parent)
    assert (model.name, model.base_path, model.model_platform) == ("ecgan", "/models/ecgan", "tensorflow")
    assert model.model_version_policy.WhichOneof("policy_choice") == "all"
    assert dict(model.version_labels) == {"stable": 1, "canary": 1}


def test_batching_has_the_fields_of_its_proto(folder):
    """`BatchingParameters` of TF Serving's session_bundle_config.proto, which is not in tensorflow-serving-api."""
    file = descriptor_pb2.FileDescriptorProto(name="batching.proto", dependency=[wrappers_pb2.DESCRIPTOR.name])
    message = file.message_type.add(name="BatchingParameters")
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    for number, name in enumerate(names, start=1):
        message.field.add(name=name, number=number, label=1, type=11, type_name=".google.protobuf.Int64Value")
    message.field.add(name="allowed_batch_sizes", number=6, label=3, type=INT64)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    parameters = message_factory.GetMessageClass(pool.FindMessageTypeByName("BatchingParameters"))()
    text_format.Parse((folder / "batching.config").read_text(), parameters)
    sizes = list(parameters.allowed_batch_sizes)
    assert sizes == sorted(set(sizes)) and sizes[-1] == parameters.max_batch_size.value > 1
    assert all(getattr(parameters, name).value > 0 for name in names)


def services(folder, *files):
    """What compose makes of files: a value of a later one takes the place of the former's."""
    merged = {}
    for file in files:
        for name, service in yaml.safe_load((folder / file).read_text())["services"].items():
            merged[name] = {**merged.get(name, {}), **service}
    return merged


@pytest.mark.parametrize(
    "files", [["docker-compose.yaml"], ["docker-compose.yaml", "docker-compose.gpu.yaml"]], ids=len
)
def test_docker_mounts_what_the_servers_are_told_to_read(folder, files):
    service = services(folder, *files)["serving"]
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts == {"../saved_model": "/models/ecgan", ".": "/serving"}
    assert all(volume.endswith(":ro") for volume in service["volumes"])
    told = dict(word.partition("=")[::2] for word in service["command"])
    read = {flag: path for flag, path in told.items() if path.startswith("/")}
    with_gpu = len(files) == 2
    assert set(read) == {"--model_config_file", "--monitoring_config_file",
                         *(["--batching_parameters_file"] if with_gpu else [])}  # fmt: skip
    assert all((folder / path.removeprefix("/serving/")).is_file() for path in read.values())
    assert int(told["--model_config_file_poll_wait_seconds"]) > 0  # labels move while it runs
    assert told["--allow_version_labels_for_unavailable_models"] == "true"  # and are there when it starts
    assert ("--enable_batching" in told) == with_gpu == service["image"].endswith("latest-gpu}")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    devices = service.get("deploy", {"resources": {"reservations": {"devices": []}}})["resources"]["reservations"]
    assert [device["capabilities"] for device in devices["devices"]] == [["gpu"]] * with_gpu


def test_prometheus_scrapes_the_server_where_it_tells(folder):
    all_services = services(folder, "docker-compose.yaml")
    (scrape,) = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    assert f'path: "{scrape["metrics_path"]}"' in (folder / "monitoring.config").read_text()
    ((name, port),) = (target.split(":") for part in scrape["static_configs"] for target in part["targets"])
    assert f"127.0.0.1:{port}:{port}" in all_services[name]["ports"]
    prometheus = all_services["prometheus"]
    assert prometheus["profiles"] and all(port.startswith("127.0.0.1:") for port in prometheus["ports"])
    (mount,) = (volume.split(":") for volume in prometheus["volumes"])
    assert mount == ["./prometheus.yml", "/etc/prometheus/prometheus.yml", "ro"]


@pytest.mark.parametrize("name", ["", "a b", 'a"b', "../a", "a:b"])
def test_a_name_that_would_break_the_files_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="no name"):
        write_serving_files(str(tmp_path), name, 1)
    assert not list(tmp_path.iterdir())
    with pytest.raises(RequestError, match="--name=.* is no name for a model on a server; give letters"):
        plan_servable(str(tmp_path), ["all"], name=name)


# ---- labels


def test_labels_stay_where_somebody_put_them_and_canary_is_the_new_version(tmp_path, capsys):
    folder = with_versions(tmp_path, 1)
    write_serving_files(str(folder), "streets", 1)
    with_versions(folder, 2)
    write_serving_files(str(folder), "streets", 2)
    assert dict(model_of(folder).version_labels) == {"stable": 1, "canary": 2}
    path = folder / "serving" / "models.config"
    path.write_text(
        path.read_text().replace('"stable" value: 1 }', '"stable" value: 2 } version_labels {key: "b" value: 1}')
    )
    with_versions(folder, 3)
    write_serving_files(str(folder), "streets", 3)
    assert dict(model_of(folder).version_labels) == {"stable": 2, "canary": 3, "b": 1}
    assert "version 3 of streets, for TF Serving; stable is 2, b is 1, canary is 3" in capsys.readouterr().out
    for version in (1, 2):
        (folder / "saved_model" / str(version)).rmdir()
    with_versions(folder, 4)
    write_serving_files(str(folder), "streets", 4)
    assert dict(model_of(folder).version_labels) == {"stable": 3, "canary": 4}
    assert "the versions of b (1), stable (2) are gone" in capsys.readouterr().out


def test_an_export_of_before_labels_has_what_was_served_as_stable(tmp_path):
    folder = with_versions(tmp_path, 1, 2)
    (folder / "serving").mkdir()
    (folder / "serving" / "models.config").write_text(
        'model_config_list {\n  config {\n    name: "ecgan"\n    base_path: "/models/ecgan"\n  }\n}\n'
    )
    write_serving_files(str(folder), "ecgan", 2)
    assert dict(model_of(folder).version_labels) == {"stable": 1, "canary": 2}


# ---- which version


@pytest.mark.parametrize(("there", "version"), [([], 1), ([1], 2), ([1, 7], 8), (["1", "007"], 8), (["1", "b2"], 2)])
def test_the_next_version_is_above_all_that_are_there(tmp_path, there, version):
    with_versions(tmp_path, *there)
    assert plan_servable(str(tmp_path), ["onnx", "saved_model"]) == {"version": version, "name": None}


def test_a_version_between_may_be_asked_for(tmp_path):
    assert plan_servable(str(with_versions(tmp_path, 1, 7)), ["all"], version=3)["version"] == 3


def test_partial_names_are_no_versions(tmp_path):
    with_versions(tmp_path, partial_name(), f"3{partial_name()}")
    assert plan_servable(str(tmp_path), ["all"])["version"] == 1


@pytest.mark.parametrize(("there", "version", "words"), [
    ([1, 2], 2, "--version=2: .*saved_model/2 is there already; leave --version out for 3, or remove that folder"),
    (["02"], 2, "--version=2: "),
    ([], 0, "--version=0 is none that TF Serving reads; give one between 1 and"),
    ([], 2**63, "is none that TF Serving reads"),
    ([2**63 - 1], None, "is none that TF Serving reads"),
])  # fmt: skip
def test_a_version_that_cannot_be_is_refused(tmp_path, there, version, words):
    with pytest.raises(RequestError, match=words):
        plan_servable(str(with_versions(tmp_path, *there)), ["all"], version=version)


@pytest.mark.parametrize("flags", [{"version": 3}, {"name": "streets"}], ids=str)
def test_what_only_a_saved_model_has_is_refused_without_one(tmp_path, flags):
    assert plan_servable(str(tmp_path), ["onnx"]) is None
    with pytest.raises(
        RequestError, match=f"--{[*flags][0]}=.* is of a SavedModel, and --targets=onnx,tflite makes none"
    ):
        plan_servable(str(tmp_path), ["onnx", "tflite"], **flags)


def test_a_file_in_place_of_the_versions_is_one_line(tmp_path):
    (tmp_path / "saved_model").write_text("")
    with pytest.raises(RequestError, match="saved_model: a file stands where a folder should be"):
        plan_servable(str(tmp_path), ["all"])


def test_the_name_stays_until_another_is_asked_for(tmp_path, capsys):
    write_serving_files(str(with_versions(tmp_path, 1)), "streets", 1)
    assert plan_servable(str(tmp_path), ["all"])["name"] == "streets"
    capsys.readouterr()
    assert plan_servable(str(tmp_path), ["all"], name="roads")["name"] == "roads"
    assert "clients that ask for streets, its name so far, will not find it" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["model_config_list {", "", 'model_config_list { config { name: "a b" } }', "\udcff",
                                  'model_config_list { config { name: "a" } config { name: "b" } }'])  # fmt: skip
def test_a_models_config_that_cannot_be_kept_is_refused_before_the_run_is_opened(tmp_path, text):
    path = pathlib.Path(tmp_path, "serving", "models.config")
    path.parent.mkdir()
    path.write_text(text, errors="surrogateescape")
    with pytest.raises(
        RequestError, match="models.config is no list of one model, .*; repair it, or move it elsewhere"
    ):
        plan_servable(str(tmp_path), ["all"])


def test_without_a_models_config_there_is_no_name(tmp_path):
    assert read_models_config(str(tmp_path)) == (None, {})


def test_the_report_keeps_the_version_that_it_tells_of_and_no_version_is_removed(tmp_path):
    settings = {"step": 1}
    earlier = {**settings, "artefacts": {"saved_model": {"version": 2}}}
    with_versions(tmp_path, 1)
    assert keep_or_remove(str(tmp_path), earlier, settings, []) == {}
    with_versions(tmp_path, 2)
    assert keep_or_remove(str(tmp_path), earlier, settings, []) == earlier["artefacts"]
    assert keep_or_remove(str(tmp_path), earlier, {"step": 2}, []) == {}
    assert sorted(path.name for path in (tmp_path / "saved_model").iterdir()) == ["1", "2"]
