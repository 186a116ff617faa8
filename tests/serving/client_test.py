"""The SavedModel behind real sockets, and the client: against the stand-in, and TF Serving where one is given."""

import base64
import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ecgan_tf.data import ClassList, read_layout
from ecgan_tf.data.label_maps import list_label_maps
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run
from ecgan_tf.interrupts import InterruptError, raise_on_signals
from ecgan_tf.pixels import to_uint8
from ecgan_tf.runs.folder import read_json, read_layouts
from export.serving import connections, requests
from export.serving.connections import connect
from export.serving.requests import ServedModel, find_inputs, synthesise_files

PROTOCOLS = ("grpc", "rest")


@pytest.fixture(autouse=True)
def no_waits(monkeypatch):
    """Waits between tries are counted, not slept, and are as long as they are at least; gives the list of them."""
    waits = []
    monkeypatch.setattr(requests, "jitter", lambda: 0.0)
    monkeypatch.setattr(requests, "time", type("Clock", (), {"sleep": staticmethod(waits.append)}))
    return waits


@pytest.fixture
def layouts(tmp_path):
    """Folders of label maps and of instance maps, 32x32 and 50x40."""
    rng = np.random.default_rng(0)
    for name, size in (("a", (32, 32)), ("b", (50, 40)), ("c", (32, 32))):
        for folder, values in (("labels", np.uint8([0, 1, 2, 255])), ("instances", np.arange(300, dtype=np.uint16))):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(rng.choice(values, size)).save(tmp_path / folder / f"{name}.png")
    return tmp_path


@pytest.fixture(scope="module")
def keras_model(run):
    return open_keras_run(run)


@pytest.fixture(scope="module")
def keras_gives(keras_model):
    """The picture that Keras synthesises of a label file and its instance file, uint8 (height, width, 3)."""
    model = keras_model

    def synthesise(labels, instances):
        layout = read_layout(labels, model.classes, model.image_size, instances)
        return to_uint8(model.generate({key: value[None] for key, value in layout.items()}))[0]

    return synthesise


def address_of(server, protocol):
    return server.grpc_address if protocol == "grpc" else server.rest_address


def open_served(server, protocol, model="tiny", deadline=30.0, retries=0, max_message=connections.MAX_MESSAGE):
    return ServedModel(connect(protocol, address_of(server, protocol), model, deadline, max_message), retries)


def synthesise(served, layouts, **options):
    paths = list_label_maps(layouts / "labels")
    inputs = find_inputs(served, paths, {"instances": layouts / "instances"})
    synthesise_files(served, inputs, layouts / "synthesised", **options)
    return {path.stem: np.asarray(Image.open(path)) for path in sorted((layouts / "synthesised").iterdir())}


def synthesised(layouts):
    folder = layouts / "synthesised"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def assert_equals_keras(pictures, layouts, keras_gives, most=0):
    assert sorted(pictures) == ["a", "b", "c"]
    for name, picture in pictures.items():
        expected = keras_gives(layouts / "labels" / f"{name}.png", layouts / "instances" / f"{name}.png")
        assert np.abs(picture.astype(int) - expected).max() <= most


# ---- the SavedModel in a TensorFlow session, asked without our client


def post(server, content):
    request = urllib.request.Request(
        f"http://{server.rest_address}/v1/models/tiny:predict", json.dumps(content).encode(), method="POST"
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_warm_up_request_of_each_signature_is_replayed(served):
    by_neighbourhoods = ["labels_neighbourhoods", "png_neighbourhoods"]
    assert sorted(served.warmed_up) == sorted(["labels_uint8", "png", "serving_default", *by_neighbourhoods])
    assert set(served.warmed_up) == set(served.signatures)


def test_rest_takes_ids_in_columns_and_bytes_in_rows(run, server, keras_model):
    layouts = read_layouts(run)
    expected = to_uint8(keras_model.generate(layouts))
    columns = {name: value.tolist() for name, value in layouts.items()}
    np.testing.assert_array_equal(to_uint8(np.array(post(server, {"inputs": columns})["outputs"])), expected)
    rows = [dict(zip(layouts, row)) for row in zip(*(value.astype(int).tolist() for value in layouts.values()))]
    answer = post(server, {"signature_name": "labels_uint8", "instances": rows})
    np.testing.assert_array_equal(answer["predictions"], expected)


@pytest.mark.parametrize("size", [16, 31, 64])
def test_ids_of_another_size_are_refused_with_both_sizes(server, size):
    inputs = {"labels": np.zeros((1, size, size)), "boundaries": np.zeros((1, size, size, 1))}
    with pytest.raises(urllib.error.HTTPError) as error:
        post(server, {"inputs": {name: value.astype(int).tolist() for name, value in inputs.items()}})
    assert error.value.code == 400
    message = json.load(error.value)["error"]
    assert f"[1,{size},{size}" in message and "?,32,32" in message, message


def test_a_session_refuses_ids_without_a_class(server):
    labels = np.full((1, 32, 32), 4, np.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels are not all ids of classes"):
        server.predict("serving_default", {"labels": labels, "boundaries": np.zeros((1, 32, 32, 1), np.float32)})


# ---- pictures


@pytest.mark.parametrize("by_neighbourhoods", [False, True])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("batch", [1, 2])
def test_pictures_equal_keras(server, protocol, batch, by_neighbourhoods, layouts, keras_gives):
    sizes = []
    server.before = lambda signature, inputs: sizes.append((signature, len(inputs["labels_bytes"])))
    steps = []
    served = ServedModel(connect(protocol, address_of(server, protocol), "tiny", 30.0), 0, by_neighbourhoods)
    pictures = synthesise(served, layouts, batch=batch, show=lambda *step: steps.append(step))
    assert_equals_keras(pictures, layouts, keras_gives)
    name = "png_neighbourhoods" if by_neighbourhoods else "png"
    assert sizes == [(name, 1)] * 3 if batch == 1 else [(name, 2), (name, 1)]
    assert steps[-1] == (3, 3) and len(steps) == len(sizes)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pictures_of_tf_serving_equal_keras(protocol, layouts):
    """TF_SERVING_ADDRESS, and TF_SERVING_REST_ADDRESS, of a TF Serving that serves what `python -m export` made of
    the run folder TF_SERVING_RUN, under the name TF_SERVING_MODEL (ecgan)."""
    variable = {"grpc": "TF_SERVING_ADDRESS", "rest": "TF_SERVING_REST_ADDRESS"}[protocol]
    if not os.environ.get(variable) or not os.environ.get("TF_SERVING_RUN"):
        pytest.skip(f"needs a TF Serving: set {variable}=host:port and TF_SERVING_RUN=its run folder")
    run = pathlib.Path(os.environ["TF_SERVING_RUN"])
    connection = connect(protocol, os.environ[variable], os.environ.get("TF_SERVING_MODEL", "ecgan"), 60.0)
    served = ServedModel(connection)
    model = open_keras_run(run)
    assert served.image_size == model.image_size
    rng = np.random.default_rng(0)
    values = rng.choice(np.array(model.classes.file_values, np.uint16), model.image_size)
    Image.fromarray(values).save(layouts / "labels" / "a.png")
    Image.fromarray(values).save(layouts / "instances" / "a.png")
    others = dict.fromkeys(served.inputs[1:], layouts / "instances" / "a.png")
    synthesise_files(served, find_inputs(served, [layouts / "labels" / "a.png"], others), layouts / "synthesised")
    instances = others.get("instances")
    layout = read_layout(layouts / "labels" / "a.png", model.classes, model.image_size, instances)
    expected = to_uint8(model.generate({key: value[None] for key, value in layout.items()}))[0]
    picture = np.asarray(Image.open(layouts / "synthesised" / "a.png"))
    assert np.abs(picture.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["colours", "palette", "16 bits"])
def test_label_maps_of_every_kind_give_one_picture(server, exported, layouts, keras_gives, kind):
    expected = keras_gives(layouts / "labels" / "a.png", layouts / "instances" / "a.png")
    values = np.asarray(Image.open(layouts / "labels" / "a.png"))
    classes = ClassList.from_dict(read_json(exported / "model.json")["classes"])
    if kind == "colours":
        picture = Image.fromarray(classes.colorize(np.where(values == 255, 3, values)))
    elif kind == "palette":
        picture = Image.fromarray(values, "P")
        picture.putpalette([7, 7, 7] * 256)
    else:
        picture = Image.fromarray(values.astype(np.uint16))
    picture.save(layouts / "labels" / "a.png")
    pictures = synthesise(open_served(server, "rest"), layouts, classes=classes if kind == "colours" else None)
    np.testing.assert_array_equal(pictures["a"], expected)


# ---- the command


def command(*words, timeout=300):
    words = [sys.executable, "-m", "export.serving.client", *map(str, words)]
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout)


def refusal(result):
    assert result.returncode == 1, result
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_command_synthesises_a_folder(server, exported, protocol, layouts, keras_gives):
    result = command(
        f"--address={address_of(server, protocol)}",
        f"--protocol={protocol}",
        "--model=tiny",
        f"--labels={layouts / 'labels'}",
        f"--input=instances={layouts / 'instances'}",
        f"--output={layouts / 'synthesised'}",
        f"--classes={exported / 'model.json'}",
        "--batch=3",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"synthesised 3 layouts into {layouts / 'synthesised'}"
    pictures = {path.stem: np.asarray(Image.open(path)) for path in (layouts / "synthesised").iterdir()}
    assert_equals_keras(pictures, layouts, keras_gives)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--model=other"], "serves no model 'other' (Servable not found for request: Latest(other))"),
        (["--address=nonsense"], "--address=nonsense: not host:port"),
        (["--labels=nowhere"], "--labels=nowhere: no such file or folder"),
        (["--input=instances"], "not NAME=FILE_OR_FOLDER"),
        (["--classes=setup.cfg"], "--classes=setup.cfg: not the model.json of an export"),
        (["--protocol=soap"], "soap"),
        (["--deadline=0"], "deadline"),
        (["--output=setup.cfg"], "is a file"),
    ],
)
def test_a_wrong_request_ends_in_one_line(server, layouts, words, reason):
    good = [
        f"--address={server.rest_address}",
        "--protocol=rest",
        "--model=tiny",
        f"--labels={layouts / 'labels'}",
        f"--output={layouts / 'synthesised'}",
    ]
    names = {word.partition("=")[0] for word in words}
    assert reason in refusal(command(*(word for word in good if word.partition("=")[0] not in names), *words))
    assert not synthesised(layouts)


def test_rest_needs_no_tensorflow():
    code = "import sys; from export.serving import client, connections, requests; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ---- what a server does not do


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_unknown_model_is_named(server, protocol):
    with pytest.raises(RequestError, match=r"serves no model 'other' \(Servable not found for request: Latest"):
        open_served(server, protocol, model="other")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_model_without_the_signature_is_named_with_those_it_has(server, protocol, monkeypatch):
    monkeypatch.delitem(server.signatures, "png")
    with pytest.raises(RequestError, match=r"signature 'png' \(it has labels_neighbourhoods, labels_uint8, "):
        open_served(server, protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_is_down_is_asked_again_after_growing_waits(protocol, no_waits):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(RequestError, match=f"{address} does not answer .*; asked 4 times"):
        ServedModel(connect(protocol, address, "tiny", 30.0), retries=3)
    assert no_waits == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_busy_server_is_asked_again_until_it_answers(server, protocol, layouts, keras_gives, no_waits):
    served = open_served(server, protocol, retries=2)
    failures = [tf.errors.UnavailableError(None, None, "The batch scheduling queue is full")] * 2

    def fail(signature, inputs):
        if failures:
            raise failures.pop()

    server.before = fail
    assert_equals_keras(synthesise(served, layouts), layouts, keras_gives)
    assert no_waits == [0.5, 1.0]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "kind", [tf.errors.ResourceExhaustedError, tf.errors.UnavailableError, tf.errors.InternalError]
)
def test_a_full_queue_is_asked_again_and_told_in_the_end(server, protocol, layouts, keras_gives, no_waits, kind):
    """gRPC's RESOURCE_EXHAUSTED, UNAVAILABLE and INTERNAL are 429, 503 and 500 of HTTP."""
    failures = [kind(None, None, "The batch scheduling queue is full")] * 3

    def fail(signature, inputs):
        if failures:
            raise failures.pop()

    server.before = fail
    assert_equals_keras(synthesise(open_served(server, protocol, retries=3), layouts), layouts, keras_gives)
    assert no_waits == [0.5, 1.0, 2.0]
    failures += [kind(None, None, "The batch scheduling queue is full")] * 100
    words = "had an error of its own .*see its log" if kind is tf.errors.InternalError else r"is busy .*more --retries"
    with pytest.raises(RequestError, match=f"{words}; asked 2 times"):
        synthesise(open_served(server, protocol, retries=1), layouts, overwrite=True)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_signal_ends_a_job_while_it_waits_for_an_answer(server, protocol, layouts):
    """The server works on the second layout when the signal comes; the first one's picture is whole."""
    served = open_served(server, protocol)
    requests_seen, main = [], os.getpid()

    def hang(signature, inputs):
        requests_seen.append(signature)
        if len(requests_seen) == 2:
            os.kill(main, signal.SIGTERM)
            time.sleep(1.5)

    server.before = hang
    start = time.monotonic()
    with pytest.raises(InterruptError), raise_on_signals():
        synthesise(served, layouts)
    assert time.monotonic() - start < 1.4 and synthesised(layouts) == ["a.png"]
    time.sleep(1.5)  # until the stand-in is done


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_slow_server_is_asked_twice(server, protocol, layouts, no_waits):
    served = open_served(server, protocol, retries=3)
    served.connection.deadline = 0.2
    server.before = lambda signature, inputs: time.sleep(0.6)
    with pytest.raises(RequestError, match=r"a\.png: .* took longer than --deadline=0.2 seconds; asked 2 times"):
        synthesise(served, layouts)
    assert len(no_waits) == 1
    assert not synthesised(layouts)
    time.sleep(0.6)  # until the stand-in is done with the second try


def test_a_slow_answer_counts_as_a_whole():
    """Every byte comes in time, all of them do not."""

    class Trickle(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            with contextlib.suppress(OSError):  # the client has left
                for _ in range(200):
                    time.sleep(0.05)
                    self.request.sendall(b" ")

    with raw_server(Trickle) as address:
        start = time.monotonic()
        with pytest.raises(connections.NoAnswerError, match="took longer than --deadline=0.3"):
            connect("rest", address, "tiny", 0.3).signatures()
        assert time.monotonic() - start < 5


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_value_without_a_class_is_told_with_the_file(server, protocol, layouts):
    served = open_served(server, protocol, retries=3)
    Image.fromarray(np.full((32, 32), 77, np.uint8)).save(layouts / "labels" / "c.png")
    with pytest.raises(RequestError, match=r"c\.png: .* refuses the request: .*labels are not all ids of classes"):
        synthesise(served, layouts)
    assert synthesised(layouts) == ["a.png", "b.png"]


# ---- sizes


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_that_is_too_large_is_not_sent(server, protocol, layouts):
    served = open_served(server, protocol)
    served.connection.max_message = 1000
    server.before = lambda *_: pytest.fail("it was sent")
    with pytest.raises(RequestError, match=r"a\.png and 2 more: .*: too large for one request .*--batch"):
        synthesise(served, layouts, batch=3)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_request_that_is_too_large_for_the_server_is_explained(server, protocol, layouts):
    served = open_served(server, protocol, retries=3)

    def refuse(signature, inputs):
        raise tf.errors.ResourceExhaustedError(None, None, "Received message larger than max (9 vs. 4)")

    server.before = refuse
    with pytest.raises(RequestError, match=r"too large for one request \(Received message larger.*--batch"):
        synthesise(served, layouts)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_that_is_too_large_is_refused(server, protocol, layouts):
    served = open_served(server, protocol, max_message=100_000)
    server.after = lambda outputs: {"image_bytes": np.array([b"x" * 200_000], object)}
    with pytest.raises(RequestError, match="too large for one request"):
        synthesise(served, layouts)


# ---- answers that are not pictures


def picture_bytes(size=(32, 32), kind="PNG"):
    content = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)).save(content, kind)
    return content.getvalue()


ANSWERS = {
    "truncated": (picture_bytes()[:-200], "no whole PNG"),
    "corrupt": (picture_bytes()[:200] + b"\x00" * 100 + picture_bytes()[300:], "no whole PNG"),
    "empty": (b"", "no whole PNG"),
    "foreign": (b"<html>hello</html>", "no whole PNG"),
    "another size": (picture_bytes((16, 48)), "48x16 pixels where 32x32 was announced"),
    "a JPEG": (picture_bytes(kind="JPEG"), "no whole PNG"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_that_is_no_picture_is_refused_and_not_kept(server, layouts, case):
    content, reason = ANSWERS[case]
    served = open_served(server, "grpc")
    server.after = lambda outputs: {"image_bytes": np.array([content], object)}
    with pytest.raises(RequestError, match=reason):
        synthesise(served, layouts)
    assert not synthesised(layouts)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_of_another_kind_is_refused(server, protocol, layouts):
    served = open_served(server, protocol)
    server.after = lambda outputs: {"pixels": np.zeros((1, 2, 2), np.uint8)}
    with pytest.raises(RequestError, match="no image_bytes in its answer"):
        synthesise(served, layouts)
    server.after = lambda outputs: {"image_bytes": np.array([picture_bytes()] * 2, object)}
    with pytest.raises(RequestError, match="answered 2 pictures for 1 layouts"):
        synthesise(served, layouts)


class raw_server:  # noqa: N801
    """A context manager around a TCP server of one handler; gives its address."""

    def __init__(self, handler):
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


RAW = {
    "not HTTP": (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
    "half an answer": (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", "ends too early"),
    "brackets": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"[" * 99999, "no JSON object"),
    "no JSON": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "no JSON object"),
    "a list": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "does not describe 'tiny' as TF Serving does"),
    "another object": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "does not describe 'tiny'"),
    "a proxy's error": (b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\n<p>", "status 502"),
    "too large": (b"HTTP/1.1 413 Large\r\nContent-Length: 3\r\n\r\n<p>", "too large for one request"),
}


@pytest.mark.parametrize("case", RAW)
def test_a_server_that_is_not_tf_serving_is_refused(case):
    content, reason = RAW[case]

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            self.request.sendall(content)

    with raw_server(Handler) as address, pytest.raises(RequestError, match=reason):
        ServedModel(connect("rest", address, "tiny", 30.0), retries=0)


def test_metadata_that_is_none_is_refused(server, monkeypatch):
    """Over gRPC."""
    from tensorflow_serving.apis import get_model_metadata_pb2

    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.metadata["signature_def"].Pack(get_model_metadata_pb2.SignatureDefMap())
    response.metadata["signature_def"].value = b"\xff\xff\xff"
    connection = connect("grpc", server.grpc_address, "tiny", 30.0)
    monkeypatch.setattr(connection, "_call", lambda *_: response)
    with pytest.raises(RequestError, match="does not answer as TF Serving does: its metadata cannot be read"):
        connection.signatures()


def test_base64_that_is_none_is_refused(server, layouts, monkeypatch):
    served = open_served(server, "rest")
    answer = {"predictions": [{"b64": base64.b64encode(picture_bytes()).decode()[:-3] + "!"}]}
    monkeypatch.setattr(served.connection, "_exchange", lambda *_: (200, json.dumps(answer).encode()))
    with pytest.raises(RequestError, match="no image_bytes in its answer"):
        synthesise(served, layouts)


@pytest.mark.parametrize(
    ("protocol", "other", "hint"),
    [
        ("grpc", "rest", "is this its port for gRPC?; asked once"),
        ("rest", "grpc", "the gRPC port needs --protocol=grpc"),
    ],
)
def test_the_other_protocols_port_is_an_error_with_a_hint(server, protocol, other, hint):
    with pytest.raises(RequestError) as error:
        ServedModel(connect(protocol, address_of(server, other), "tiny", 30.0), retries=0)
    assert address_of(server, other) in str(error.value) and hint in str(error.value)
    assert "\n" not in str(error.value)


# ---- files that are not layouts


def test_a_broken_file_is_found_before_the_first_request(server, layouts):
    served = open_served(server, "rest")
    server.before = lambda *_: pytest.fail("a request was sent")
    whole = (layouts / "labels" / "c.png").read_bytes()
    (layouts / "labels" / "c.png").write_bytes(whole[:100])
    with pytest.raises(RequestError, match=r"c\.png"):
        synthesise(served, layouts)


def test_colours_need_the_classes(server, layouts):
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(layouts / "labels" / "c.png")
    with pytest.raises(RequestError, match=r"c\.png: a label map in colours.*--classes=model.json"):
        synthesise(open_served(server, "rest"), layouts)


def test_instances_of_another_size_are_refused(server, layouts):
    Image.fromarray(np.zeros((16, 16), np.uint16)).save(layouts / "instances" / "c.png")
    with pytest.raises(RequestError, match=r"c\.png is 32x32 pixels but .* is 16x16"):
        synthesise(open_served(server, "rest"), layouts)


def test_inputs_that_are_missing_or_unknown_are_named(server, layouts):
    served = open_served(server, "rest")
    paths = list_label_maps(layouts / "labels")
    with pytest.raises(RequestError, match="takes instances as well; give --input=instances=FILE_OR_FOLDER"):
        find_inputs(served, paths, {})
    with pytest.raises(RequestError, match="--input=exemplar: this model takes labels, instances only"):
        find_inputs(served, paths, {"instances": layouts / "instances", "exemplar": layouts})
