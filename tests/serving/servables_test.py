"""Versions of a servable that appear whole, and what asks for their pictures: curl, plain Python, KServe's protocol."""

import contextlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
import yaml
from PIL import Image

from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run, open_model
from ecgan_tf.runs.folder import RunFolder
from export import parity
from export.export_run import export_run
from export.serving.pictures import encode_png
from export.serving.server_config import read_models_config

ROOT = pathlib.Path(__file__).parents[2]
KSERVE = importlib.util.find_spec("kserve")
SIZE = (32, 64)  # of the second export; the run's is 32x32


@pytest.fixture(scope="module")
def run(make_run):
    """A run with checkpoints of two steps, whose pictures differ; of the model that is soonest exported."""
    folder = make_run("lggan", fusion="local", num_residual_blocks=0, local_kernel_size=3)
    (path,) = (folder / "checkpoints").iterdir()
    with np.load(path) as arrays:
        other = {name: tf.Variable(arrays[name] * (2 if "fusion_kernel" in name else 1)) for name in arrays.files}
    RunFolder(folder).save(2, other, keep=2)
    return str(folder)


def contents(folder):
    """What a poller finds in a version: the size of each file by its name."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted(folder.rglob("*")) if path.is_file()}


@contextlib.contextmanager
def polled(folder):
    """Lists the versions every millisecond, as TF Serving does every second: yields what each was when it appeared."""
    seen, stop = {}, threading.Event()

    def poll():
        while not stop.wait(0.001):
            for name in os.listdir(folder) if folder.is_dir() else ():
                if name.isdigit() and name not in seen:
                    seen[name] = contents(folder / name)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield seen
        time.sleep(0.05)
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    """Two exports in a row into one folder, the second of another step and size: the folder, and what a poller saw."""
    folder = tmp_path_factory.mktemp("servables") / "exported"
    with polled(folder / "saved_model") as seen:
        first = export_run(run, str(folder), ["saved_model"], step=1, name="streets")
        second = export_run(run, str(folder), ["saved_model", "onnx"], image_size=SIZE, step=2)
    entries = [report["artefacts"]["saved_model"] for report in (first, second)]
    assert [(entry["version"], entry["name"]) for entry in entries] == [(1, "streets"), (2, "streets")]
    return folder, seen


def test_two_exports_give_versions_1_and_2_and_nobody_sees_half_of_one(exported):
    folder, seen = exported
    assert sorted(path.name for path in (folder / "saved_model").iterdir()) == ["1", "2"]
    assert seen == {name: contents(folder / "saved_model" / name) for name in ("1", "2")}
    assert {"saved_model.pb", "variables/variables.index", "assets.extra/model.json"} <= seen["1"].keys()


def test_each_version_keeps_its_pictures_and_the_newest_is_opened(exported, run):
    folder, _ = exported
    for place, size, step in (("saved_model/1", (32, 32), 1), ("saved_model", SIZE, 2)):
        model = open_model(str(folder / place))
        assert model.image_size == size
        labels = np.arange(size[0] * size[1]).reshape(size) // 16 % 3
        keras, other = (open_keras_run(run, size, which)(labels).astype(int) for which in (step, 3 - step))
        picture = model(labels)
        assert np.abs(keras - picture).max() <= 1 < np.abs(other - picture).max()


def test_the_first_version_stays_stable_and_the_second_is_canary(exported):
    folder, _ = exported
    assert read_models_config(str(folder)) == ("streets", {"stable": 1, "canary": 2})


def test_a_rejected_version_is_never_seen(exported, run, tmp_path, monkeypatch):
    folder = shutil.copytree(exported[0], tmp_path / "exported")
    config = (folder / "serving" / "models.config").read_bytes()
    monkeypatch.setitem(parity.GATES, "float32", {"psnr": 1000})
    with polled(folder / "saved_model") as seen, pytest.raises(RequestError, match="saved_model: .* unlike Keras'"):
        export_run(run, str(folder), ["saved_model"], step=2)
    assert seen.keys() == {"1", "2"}
    assert (folder / "rejected" / "saved_model" / "3" / "saved_model.pb").is_file()
    assert (folder / "serving" / "models.config").read_bytes() == config
    report = json.loads((folder / "export_report.json").read_text())
    assert report["artefacts"]["saved_model"]["version"] == 3 and not report["artefacts"]["saved_model"]["passed"]
    assert "`saved_model`, version 3 |" in (folder / "MODEL_CARD.md").read_text()
    assert not (folder / "model_float32.onnx").exists()  # of other settings


@pytest.mark.parametrize("version", [1, 2])
def test_a_version_that_is_there_is_refused_before_the_run_is_opened(exported, version):
    folder, _ = exported
    before = contents(folder)
    with pytest.raises(
        RequestError, match=f"--version={version}: .*saved_model/{version} is there .* for 3, or remove"
    ):
        export_run("no run at all", str(folder), version=version)
    assert contents(folder) == before


# ---- TF Serving's REST API, by the README


@pytest.fixture(scope="module")
def served(exported, stand_in_class):
    with stand_in_class("ecgan", str(exported[0] / "saved_model")) as server:
        assert server.version == 2
        yield server


def block(kind, word):
    """The one piece of the README's section on serving with a word in it: a code block, or indented lines."""
    section = (ROOT / "README.md").read_text().split("### Serving\n")[1].split("\n## ")[0]
    pattern = r"```python\n(.*?)```" if kind == "python" else r"(?<=\n\n)((?: {4}[^\n]*\n)+)"
    (found,) = (part for part in re.findall(pattern, section, re.S) if word in part)
    return found


@pytest.fixture
def layout(tmp_path, monkeypatch):
    """a.png in the working folder; gives its labels."""
    labels = np.arange(32 * 64).reshape(SIZE).astype(np.uint8) // 16 % 3
    (tmp_path / "a.png").write_bytes(encode_png(labels))
    monkeypatch.chdir(tmp_path)
    return labels


@pytest.mark.parametrize("how", ["curl", "python"])
def test_the_readme_asks_without_our_client(how, served, exported, layout):
    if how == "curl" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("needs curl and jq")
    code = block(how, "predict").replace("localhost:8501", served.rest_address)
    assert served.rest_address in code
    if how == "curl":
        subprocess.run(["bash", "-ec", code], check=True)
    else:
        exec(code, {})
    expected = open_model(str(exported[0] / "saved_model"))(layout)
    np.testing.assert_array_equal(Image.open("a_picture.png"), expected)


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_the_health_check_tells_a_server_with_the_model_from_others(served, exported):
    services = yaml.safe_load((exported[0] / "serving" / "docker-compose.yaml").read_text())["services"]
    *command, script = services["serving"]["healthcheck"]["test"]
    assert command == ["CMD", "bash", "-c"] and "$" not in script  # which compose would replace
    script = script.replace("127.0.0.1/8501", served.rest_address.replace(":", "/"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = script.replace(served.rest_address.replace(":", "/"), f"127.0.0.1/{free.getsockname()[1]}")
    scripts = [script.replace("/streets", "/ecgan"), script, nobody]
    codes = [subprocess.run(["bash", "-c", words], capture_output=True, timeout=10).returncode for words in scripts]
    assert codes[0] == 0 and all(codes[1:])


# ---- KServe


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def answer(url, body=None, timeout=20):
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=timeout) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def kserve(exported, tmp_path_factory):
    """A KServe process in a folder with a copy of the one file and the .onnx: its REST and gRPC ports."""
    if KSERVE is None:
        pytest.skip("needs kserve: pip install 'ecgan_tf[kserve]'")
    folder = tmp_path_factory.mktemp("kserve")
    shutil.copy(ROOT / "export/kserve_server.py", folder)
    shutil.copy(exported[0] / "model_float32.onnx", folder)
    http, of_grpc = free_ports()
    words = [
        "kserve_server.py",
        "--model=model_float32.onnx",
        "--name=streets",
        f"--http_port={http}",
        f"--grpc_port={of_grpc}",
    ]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen([sys.executable, "-P", *words], cwd=folder, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                if answer(f"http://127.0.0.1:{http}/v2/models/streets/ready")["ready"]:
                    break
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        yield http, of_grpc
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)


@pytest.fixture(scope="module")
def wanted(run):
    """Two layouts, and Keras' pictures of them."""
    labels = np.random.default_rng(0).integers(0, 3, (2, 4, 8)).repeat(8, 1).repeat(8, 2).astype(np.int32)
    images = open_keras_run(run, SIZE, 2).generate({"labels": labels})
    assert np.ptp(images) > 0.3
    return labels, images


def tensor(labels, datatype="INT32"):
    return {"name": "labels", "shape": list(labels.shape), "datatype": datatype, "data": labels.ravel().tolist()}


def test_kserve_answers_rest_with_the_pictures_of_keras(kserve, wanted):
    labels, expected = wanted
    base = f"http://127.0.0.1:{kserve[0]}/v2/models/streets"
    assert answer(f"{base}/ready") == {"name": "streets", "ready": True}
    described = answer(base)
    assert described["inputs"] == [{"name": "labels", "datatype": "INT32", "shape": [-1, *SIZE]}]
    assert described["outputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, *SIZE, 3]}]
    (output,) = answer(f"{base}/infer", {"inputs": [tensor(labels)]})["outputs"]
    images = np.array(output["data"], np.float32).reshape(output["shape"])
    np.testing.assert_allclose(images, expected, atol=1e-4)
    assert parity.compare(expected, images, "float32")["passed"]


@pytest.fixture(scope="module")
def protocol():
    """The messages of KServe's gRPC, without the package around them, which takes seconds to import."""
    place = pathlib.Path(KSERVE.submodule_search_locations[0], "protocol/grpc/grpc_predict_v2_pb2.py")
    spec = importlib.util.spec_from_file_location("grpc_predict_v2_pb2", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ask(port, protocol, labels):
    """A ModelInfer over gRPC, with the bytes of the labels."""
    given = protocol.ModelInferRequest.InferInputTensor(name="labels", datatype="INT32", shape=labels.shape)
    request = protocol.ModelInferRequest(model_name="streets", inputs=[given], raw_input_contents=[labels.tobytes()])
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            protocol.ModelInferRequest.SerializeToString,
            protocol.ModelInferResponse.FromString,
        )
        return call(request, timeout=20)


def test_kserve_answers_grpc_with_the_pictures_of_keras(kserve, wanted, protocol):
    labels, expected = wanted
    response = ask(kserve[1], protocol, labels)
    (output,), (content,) = response.outputs, response.raw_output_contents
    assert (output.name, output.datatype, list(output.shape)) == ("image", "FP32", [2, *SIZE, 3])
    images = np.frombuffer(content, np.float32).reshape(output.shape)
    np.testing.assert_allclose(images, expected, atol=1e-4)
    assert parity.compare(expected, images, "float32")["passed"]


MISTAKES = {
    "ids of no class": (tensor(np.full((1, *SIZE), 3)), "not all ids of classes, 0 to 2"),
    "another size": (tensor(np.zeros((1, 8, 8), int)), "give INT32 ['batch', 32, 64]"),
    "another type": (tensor(np.zeros((1, *SIZE)), "FP32"), "labels is FP32"),
    "another input": ({**tensor(np.zeros((1, *SIZE), int)), "name": "layout"}, "give labels, each once"),
    "too few values": ({**tensor(np.zeros((1, *SIZE), int)), "data": [0, 1]}, "reshape"),
    "no layout": (tensor(np.zeros((0, *SIZE), int)), "or none"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_kserve_refuses_what_the_model_does_not_take(kserve, case):
    given, words = MISTAKES[case]
    with pytest.raises(urllib.error.HTTPError) as error:
        answer(f"http://127.0.0.1:{kserve[0]}/v2/models/streets/infer", {"inputs": [given]})
    assert error.value.code == 400 and words in error.value.read().decode()


def test_kserve_refuses_over_grpc_and_in_its_old_protocol_too(kserve, protocol):
    with pytest.raises(grpc.RpcError) as error:
        ask(kserve[1], protocol, np.full((1, *SIZE), -1, np.int32))
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT and "0 to 2" in error.value.details()
    with pytest.raises(urllib.error.HTTPError) as error:
        answer(f"http://127.0.0.1:{kserve[0]}/v1/models/streets:predict", {"instances": [[0]]})
    assert error.value.code == 400 and "/v2/models/streets/infer" in error.value.read().decode()


@pytest.mark.skipif(not os.path.isfile("/proc/net/tcp"), reason="reads the sockets of Linux")
def test_kserve_listens_on_this_machine_alone(kserve):
    files = [pathlib.Path("/proc/net/tcp"), pathlib.Path("/proc/net/tcp6")]
    lines = [
        line.split() for path in files if path.exists() for line in path.read_text().splitlines() if " 0A " in line
    ]
    listening = {words[1] for words in lines if int(words[1].rsplit(":")[1], 16) in kserve}
    loopback = ("0100007F", "0000000000000000FFFF00000100007F")  # as IPv4, and as IPv6 has it
    assert len(listening) == 2 and all(address.startswith(loopback) for address in listening)


def test_kserve_is_not_started_with_another_file(tmp_path):
    if KSERVE is None:
        pytest.skip("needs kserve: pip install 'ecgan_tf[kserve]'")
    (tmp_path / "a.onnx").write_bytes(b"no model")
    words = [ROOT / "export/kserve_server.py", f"--model={tmp_path / 'a.onnx'}"]
    result = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: --model={tmp_path / 'a.onnx'} is no .onnx of this project's export")
