"""A stand-in for TensorFlow Serving, for tests on machines that cannot get the real one.

It loads the newest version below a servable's folder into a TensorFlow session, as TF Serving does, replays the
warm-up requests, and answers over real sockets: gRPC PredictionService (Predict, GetModelMetadata) with the real
protos, and of the REST API the model's status, its metadata and `:predict`, in rows and in columns. Errors carry the
codes and, where they were known, the words of TF Serving.

What it does not do: batching, several models or versions, version labels, new versions while it runs, model.config
files, monitoring, ModelService, classify, regress, REST compression, TLS. It says nothing of TF Serving's speed.

    python tests/serving/stand_in.py NAME exported/saved_model [GRPC_PORT REST_PORT]
"""

import base64
import concurrent.futures
import contextlib
import http.server
import json
import os
import re
import sys
import threading

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

HTTP_STATUS = {3: 400, 4: 504, 5: 404, 8: 429, 9: 400, 11: 400, 12: 501, 14: 503}  # of gRPC's codes; others are 500
GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}


class StandIn:
    """Serves one model on two free ports of the loopback until it is closed; a context manager.

    Attributes:
        grpc_address, rest_address: "127.0.0.1:port".
        version: number of the folder that was loaded.
        warmed_up: names of the signatures that warm-up requests were replayed for, in order.
        before: None, or a function of the signature's name and its inputs (NumPy arrays) that runs before each
            request, to raise a `tf.errors.OpError` or to wait.
        after: None, or a function that takes the outputs of each request and gives others in their place.
    """

    def __init__(self, name, folder, max_message=-1, ports=(0, 0)):
        self.name = name
        self.version = max(int(entry) for entry in os.listdir(folder) if entry.isdigit())
        self.before = self.after = None
        path = os.path.join(folder, str(self.version))
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        with self._session.graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self._session, ["serve"], path).signature_def
        self.signatures = {name: loaded[name] for name in loaded if name != "__saved_model_init_op"}
        self._callables = {name: self._callable(signature) for name, signature in self.signatures.items()}
        self.warmed_up = [self._replay(record) for record in _records(path)]
        self._serve_grpc(max_message, ports[0])
        self._serve_rest(max_message, ports[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._grpc.stop(None)
        self._rest.shutdown()
        self._rest.server_close()
        self._session.close()

    def predict(self, signature_name, inputs):
        """Outputs by name, as NumPy arrays; mistakes are `tf.errors.OpError`."""
        signature = self.signatures[signature_name]
        if set(inputs) != set(signature.inputs):
            raise tf.errors.InvalidArgumentError(
                None,
                None,
                f"input size does not match signature: {len(inputs)}!={len(signature.inputs)} inputs expected to be "
                f"in the set {{{','.join(sorted(signature.inputs))}}}.",
            )
        if self.before:
            self.before(signature_name, inputs)
        outputs = dict(
            zip(signature.outputs, self._callables[signature_name](*(inputs[name] for name in signature.inputs)))
        )
        return self.after(outputs) if self.after else outputs

    def _callable(self, signature):
        """Unlike `Session.run` of Python, this compares no shapes with the signature; TF Serving does not either."""
        options = config_pb2.CallableOptions(
            feed=[tensor.name for tensor in signature.inputs.values()],
            fetch=[tensor.name for tensor in signature.outputs.values()],
        )
        return self._session._make_callable_from_options(options)

    def _replay(self, record):
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(tensor) for name, tensor in request.inputs.items()}
        self.predict(request.model_spec.signature_name, inputs)
        return request.model_spec.signature_name

    def check_model(self, name):
        if name != self.name:
            raise tf.errors.NotFoundError(None, None, f"Servable not found for request: Latest({name})")

    # ---- gRPC

    def _serve_grpc(self, max_message, port):
        options = [("grpc.max_receive_message_length", max_message), ("grpc.max_send_message_length", -1)]
        self._grpc = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=options)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(self), self._grpc)
        self.grpc_address = f"127.0.0.1:{self._grpc.add_insecure_port(f'127.0.0.1:{port}')}"
        self._grpc.start()

    # ---- REST

    def _serve_rest(self, max_message, port):
        handler = type("Handler", (_RestHandler,), {"stand_in": self, "max_message": max_message})
        self._rest = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._rest.daemon_threads = True
        self.rest_address = f"127.0.0.1:{self._rest.server_address[1]}"
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()


def _records(path):
    warmup = os.path.join(path, "assets.extra", "tf_serving_warmup_requests")
    return [record.numpy() for record in tf.data.TFRecordDataset(warmup)] if os.path.exists(warmup) else []


class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, stand_in):
        self.stand_in = stand_in

    def Predict(self, request, context):  # noqa: N802 (the protocol's name)
        with _StatusOf(context):
            self.stand_in.check_model(request.model_spec.name)
            name = request.model_spec.signature_name or "serving_default"
            if name not in self.stand_in.signatures:
                raise tf.errors.FailedPreconditionError(None, None, f'Serving signature key "{name}" not found.')
            inputs = {key: tf.make_ndarray(tensor) for key, tensor in request.inputs.items()}
            response = predict_pb2.PredictResponse()
            response.model_spec.CopyFrom(request.model_spec)
            response.model_spec.version.value = self.stand_in.version
            for key, value in self.stand_in.predict(name, inputs).items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
            return response

    def GetModelMetadata(self, request, context):  # noqa: N802
        with _StatusOf(context):
            self.stand_in.check_model(request.model_spec.name)
            if list(request.metadata_field) != ["signature_def"]:
                raise tf.errors.InvalidArgumentError(None, None, "Metadata field is not supported")
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = self.stand_in.name
            response.model_spec.version.value = self.stand_in.version
            response.metadata["signature_def"].Pack(_signature_map(self.stand_in))
            return response


class _StatusOf:
    """Ends a call with the code of the TensorFlow error that was raised in it."""

    def __init__(self, context):
        self.context = context

    def __enter__(self):
        pass

    def __exit__(self, kind, error, traceback):
        if isinstance(error, tf.errors.OpError):
            self.context.abort(GRPC_CODES[error.error_code], error.message)


def _signature_map(stand_in):
    return get_model_metadata_pb2.SignatureDefMap(signature_def=stand_in.signatures)


class _RestHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def handle(self):
        with contextlib.suppress(ConnectionError):  # the client no longer waits
            super().handle()

    def do_GET(self):  # noqa: N802
        self._answer(self._get)

    def do_POST(self):  # noqa: N802
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        self._answer(lambda: self._post(body))

    def _answer(self, make):
        try:
            status, content = 200, make()
        except tf.errors.OpError as error:
            status, content = HTTP_STATUS.get(error.error_code, 500), {"error": error.message}
        if not isinstance(content, bytes):
            content = json.dumps(content, indent=4).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _get(self):
        match = re.fullmatch(r"/v1/models/([^/:]+)(/metadata)?", self.path)
        if not match:
            raise self._malformed()
        name, metadata = match.groups()
        self.stand_in.check_model(name)
        version = str(self.stand_in.version)
        if metadata is None:
            status = {"error_code": "OK", "error_message": ""}
            return {"model_version_status": [{"version": version, "state": "AVAILABLE", "status": status}]}
        signatures = json_format.MessageToDict(_signature_map(self.stand_in), preserving_proto_field_name=True)
        spec = {"name": name, "signature_name": "", "version": version}
        return {"model_spec": spec, "metadata": {"signature_def": signatures}}

    def _post(self, body):
        match = re.fullmatch(r"/v1/models/([^/:]+):predict", self.path)
        if not match:
            raise self._malformed()
        if 0 <= self.max_message < len(body):
            raise tf.errors.ResourceExhaustedError(None, None, f"a body of {len(body)} bytes")
        self.stand_in.check_model(match.group(1))
        try:
            request = json.loads(body)
        except ValueError as error:
            raise _invalid(f"JSON Parse error: {error}") from error
        name = request.get("signature_name", "serving_default")
        if name not in self.stand_in.signatures:
            raise _invalid(f'Serving signature name: "{name}" not found in signature def')
        if ("instances" in request) == ("inputs" in request):
            raise _invalid("Missing 'inputs' or 'instances' key")
        specs = self.stand_in.signatures[name].inputs
        rows = "instances" in request
        columns = _columns_of_rows(request["instances"], specs) if rows else _columns(request["inputs"], specs)
        inputs = {key: _array(value, specs[key], key) for key, value in columns.items()}
        outputs = self.stand_in.predict(name, inputs)
        plain = {key: _plain(key, value) for key, value in outputs.items()}
        if not rows:
            return {"outputs": plain if len(plain) > 1 else next(iter(plain.values()))}
        if len(plain) == 1:
            return {"predictions": next(iter(plain.values()))}
        return {"predictions": [dict(zip(plain, row)) for row in zip(*plain.values())]}

    def _malformed(self):
        return _invalid(f"Malformed request: {self.command} {self.path}")


def _invalid(message):
    return tf.errors.InvalidArgumentError(None, None, message)


def _is_base64(value):
    return isinstance(value, dict) and set(value) == {"b64"}


def _columns_of_rows(rows, specs):
    if not isinstance(rows, list) or not rows:
        raise _invalid("Request has no instances")
    if not isinstance(rows[0], dict) or _is_base64(rows[0]):
        return _columns(rows, specs)
    for key in rows[0]:
        if key not in specs:
            raise _invalid(f"JSON object: does not have named input: {key}")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _columns(value, specs):
    if isinstance(value, dict) and not _is_base64(value):
        return value
    if len(specs) != 1:
        raise _invalid("instances must be objects with the names of the inputs")
    return {next(iter(specs)): value}


def _array(value, spec, name):
    if not isinstance(value, list):
        raise _invalid(f"{name} is no list")
    dtype = tf.as_dtype(spec.dtype)
    try:
        if dtype == tf.string:
            return np.array([base64.b64decode(v["b64"]) if _is_base64(v) else v.encode() for v in value], object)
        return np.array(value, dtype.as_numpy_dtype)
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise _invalid(f"JSON Value of {name} is not of expected type: {dtype.name}") from error


def _plain(name, value):
    if value.dtype != object:
        return value.tolist()
    return [{"b64": base64.b64encode(v).decode()} if name.endswith("_bytes") else v.decode() for v in value]


if __name__ == "__main__":
    with StandIn(*sys.argv[1:3], ports=[int(port) for port in sys.argv[3:5]] or (0, 0)) as server:
        print(f"stand-in for TF Serving: gRPC {server.grpc_address}, REST {server.rest_address}", flush=True)
        threading.Event().wait()
