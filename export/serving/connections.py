"""The two ways to TF Serving, gRPC and REST, behind one face: what a model takes, and PNG bytes in, PNG bytes out.

Neither retries: `NoAnswerError` says that another try may help. Whatever else goes wrong is a `RequestError`, one line
that names the server.
"""

import base64
import contextlib
import email.utils
import http.client
import json
import time
import urllib.parse

import numpy as np

from ecgan_tf.errors import RequestError

MAX_MESSAGE = 256 * 1024 * 1024  # bytes, of a request as of an answer
CHUNK = 64 * 1024


class NoAnswerError(Exception):
    """The server could not be reached, was busy, or took too long (`timed_out`).

    Attributes:
        retry_after: seconds that the server asks to be left alone, 0 where it says nothing.
    """

    def __init__(self, message, timed_out=False, retry_after=0.0):
        super().__init__(message)
        self.timed_out = timed_out
        self.retry_after = retry_after


def connect(protocol, address, model, deadline, max_message=MAX_MESSAGE):
    """A `GrpcConnection` or `RestConnection` to one model of a server; nothing is sent yet.

    Args:
        protocol: "grpc" or "rest".
        address: "host:port"; TF Serving's ports are 8500 for gRPC and 8501 for REST.
        model: name that the server knows the model by.
        deadline: seconds that one request may take.
        max_message: bytes that one request or answer may have.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in address or not port.isdigit() or not 0 < int(port) < 65536:
        raise RequestError(f"--address={address}: not host:port, such as localhost:8500.")
    if not model:
        raise RequestError("--model is empty; give the name that the server knows the model by.")
    kinds = {"grpc": GrpcConnection, "rest": RestConnection}
    return kinds[protocol](address, model, deadline, max_message)


class Connection:
    """What both have in common.

    signatures(): the model's, as a dictionary from name to {"inputs": {name: {"dtype", "shape"}}, "outputs": ...};
        dtypes are TensorFlow's names such as "DT_STRING", shapes lists with -1 where open.
    predict(signature, inputs, output): `inputs` a dictionary from name to lists of bytes, or to a float32 array with
        as many rows; gives the list of bytes that the server answers under the name `output`, as many as were sent.
    """

    def __init__(self, address, model, deadline, max_message):
        self.address = address
        self.model = model
        self.deadline = deadline
        self.max_message = max_message

    def signatures(self):
        described = self._metadata()
        try:
            return {
                name: {side: _tensors(signature.get(side, {})) for side in ("inputs", "outputs")}
                for name, signature in described["metadata"]["signature_def"]["signature_def"].items()
            }
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise RequestError(f"{self.address} does not describe {self.model!r} as TF Serving does.") from error

    def predict(self, signature, inputs, output):
        count = len(next(iter(inputs.values())))
        columns = [column for column in inputs.values() if not isinstance(column, np.ndarray)]
        size = sum(len(content) for column in columns for content in column)
        if size > self.max_message:
            raise self._too_large(f"{size} bytes")
        answers = self._predict(signature, inputs, output)
        if len(answers) != count:
            raise RequestError(f"{self.address} answered {len(answers)} pictures for {count} layouts.")
        return answers

    def _no_model(self, reason):
        return RequestError(f"{self.address} serves no model {self.model!r} ({first_line(reason)}).")

    def _too_large(self, reason):
        return RequestError(
            f"{self.address}: too large for one request ({first_line(reason)}); "
            "send fewer layouts at a time with --batch, or smaller ones."
        )

    def _refused(self, reason):
        return RequestError(f"{self.address} refuses the request: {first_line(reason)}")

    def _foreign(self, reason):
        return RequestError(f"{self.address} does not answer as TF Serving does: {first_line(reason)}.")

    def _unreachable(self, reason):
        return NoAnswerError(
            f"{self.address} does not answer ({first_line(reason)}); "
            f"is the server running, and is this its port for {self.protocol}?"
        )

    def _busy(self, reason, retry_after=0.0):
        return NoAnswerError(
            f"{self.address} is busy ({first_line(reason)}); try again later, or give more --retries",
            retry_after=retry_after,
        )

    def _broke_down(self, reason):
        return NoAnswerError(f"{self.address} had an error of its own ({first_line(reason)}); see its log")

    def _timed_out(self):
        return NoAnswerError(f"{self.address} took longer than --deadline={self.deadline:g} seconds", timed_out=True)


class GrpcConnection(Connection):
    """PredictionService over gRPC. Its protos bring TensorFlow along."""

    protocol = "gRPC"

    def __init__(self, *arguments):
        super().__init__(*arguments)
        try:
            import grpc
            from tensorflow_serving.apis import prediction_service_pb2_grpc
        except ImportError as error:
            raise RequestError(
                f"gRPC needs the package {error.name!r}; pip install 'ecgan_tf[serving]', or give --protocol=rest."
            ) from error
        self._grpc = grpc
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", self.max_message),
            ("grpc.enable_retries", 0),
        ]
        self._channel = grpc.insecure_channel(self.address, options=options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def _metadata(self):
        from google.protobuf import json_format, message
        from tensorflow_serving.apis import get_model_metadata_pb2

        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.name = self.model
        response = self._call(self._stub.GetModelMetadata, request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        try:
            response.metadata["signature_def"].Unpack(signatures)
        except message.DecodeError as error:
            raise self._foreign("its metadata cannot be read") from error
        described = json_format.MessageToDict(signatures, preserving_proto_field_name=True)
        return {"metadata": {"signature_def": described}}  # as REST says it

    def _predict(self, signature, inputs, output):
        from tensorflow.core.framework import tensor_pb2, types_pb2
        from tensorflow_serving.apis import predict_pb2

        request = predict_pb2.PredictRequest()
        request.model_spec.name = self.model
        request.model_spec.signature_name = signature
        for name, contents in inputs.items():
            if isinstance(contents, np.ndarray):
                tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_content=contents.tobytes())
            else:
                tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=contents)
            for length in np.shape(contents):
                tensor.tensor_shape.dim.add(size=length)
            request.inputs[name].CopyFrom(tensor)
        outputs = self._call(self._stub.Predict, request).outputs
        if output not in outputs or outputs[output].dtype != types_pb2.DT_STRING:
            raise self._foreign(f"no {output} in its answer")
        return list(outputs[output].string_val)

    def _call(self, method, request):
        codes = self._grpc.StatusCode
        try:
            return method(request, timeout=self.deadline)
        except self._grpc.RpcError as error:
            code, details = error.code(), error.details() or ""
        if code == codes.UNAVAILABLE:
            raise self._busy(details) if says_full(details) else self._unreachable(details)
        if code == codes.DEADLINE_EXCEEDED:
            raise self._timed_out()
        if code == codes.NOT_FOUND:
            raise self._no_model(details)
        if code == codes.RESOURCE_EXHAUSTED:
            raise self._too_large(details) if says_too_large(details) else self._busy(details)
        if code in (codes.INVALID_ARGUMENT, codes.FAILED_PRECONDITION):
            raise self._refused(details)
        if code in (codes.INTERNAL, codes.ABORTED, codes.UNKNOWN, codes.CANCELLED):
            raise self._broke_down(f"{code.name}: {details}")
        raise self._foreign(f"{code.name}: {details}")


class RestConnection(Connection):
    """TF Serving's REST API, with nothing but the standard library."""

    protocol = "REST"

    def _metadata(self):
        return self._call("GET", "/metadata")

    def _predict(self, signature, inputs, output):
        columns = [
            column.tolist()
            if isinstance(column, np.ndarray)
            else [{"b64": base64.b64encode(content).decode()} for content in column]
            for column in inputs.values()
        ]
        instances = [dict(zip(inputs, row)) for row in zip(*columns)]
        answer = self._call("POST", ":predict", {"signature_name": signature, "instances": instances})
        try:
            rows = [row.get(output, row) for row in answer["predictions"]]  # a single output has no name
            return [base64.b64decode(row["b64"], validate=True) for row in rows]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._foreign(f"no {output} in its answer") from error

    def _call(self, method, action, content=None):
        path = f"/v1/models/{urllib.parse.quote(self.model, safe='')}{action}"
        body = None if content is None else json.dumps(content).encode()
        if body is not None and len(body) > self.max_message:
            raise self._too_large(f"{len(body)} bytes")
        try:
            status, answer, *after = self._exchange(method, path, body)
        except TimeoutError as error:
            raise self._timed_out() from error
        except OSError as error:
            raise self._unreachable(error) from error
        except http.client.IncompleteRead as error:
            raise NoAnswerError(f"{self.address}: its answer ends too early") from error
        except http.client.HTTPException as error:
            raise self._foreign("it does not speak HTTP; the gRPC port needs --protocol=grpc") from error
        try:
            parsed = json.loads(answer)
            reason = str(parsed.get("error", "")) if status != 200 else ""
        except (ValueError, AttributeError, RecursionError):  # a proxy answers errors in HTML
            parsed, reason = None, ""
        if status == 200 and parsed is not None:
            return parsed
        if status == 429 and says_too_large(reason):
            raise self._too_large(reason)
        if status in (429, 503):
            words = {429: "429: too many requests", 503: "503: not available"}[status]
            raise self._busy(reason or words, seconds_of(after[0] if after else None))
        if status == 504:
            raise self._timed_out()
        if status == 404:
            raise self._no_model(reason or "404: not found")
        if status == 413:
            raise self._too_large(reason or f"status {status}")
        if status == 400 and reason:
            raise self._refused(reason)
        if status in (500, 502):
            raise self._broke_down(f"status {status}{': ' if reason else ''}{reason}")
        raise self._foreign(f"status {status}{': ' if reason else ''}{reason}{'' if parsed else ', no JSON object'}")

    def _exchange(self, method, path, body):
        """Status, bytes and Retry-After of an answer; the deadline is for all of it, however slowly it trickles in."""
        end = time.monotonic() + self.deadline
        connection = http.client.HTTPConnection(self.address, timeout=self.deadline)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError):  # whoever refuses a long body answers before it has all of it
                connection.request(method, path, body, {"Content-Type": "application/json"})
            socket = connection.sock
            socket.settimeout(_left(end))
            response = connection.getresponse()
            chunks, size = [], 0
            while chunk := response.read1(CHUNK):
                chunks.append(chunk)
                size += len(chunk)
                if size > self.max_message:
                    raise self._too_large(f"the answer has more than {self.max_message} bytes")
                socket.settimeout(_left(end))
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return response.status, b"".join(chunks), response.getheader("Retry-After")


def first_line(reason, most=300):
    """The start of what a server says, which may go on for pages."""
    lines = str(reason).strip().splitlines() or ["no reason given"]
    return lines[0] if len(lines[0]) <= most else f"{lines[0][:most]} ..."


def says_too_large(reason):
    """Whether the words beside RESOURCE_EXHAUSTED mean a message that is too large; a full queue has the same code."""
    return "larger than max" in reason or "too large" in reason.lower()


def says_full(reason):
    """Whether the words beside UNAVAILABLE are those of a server that is there and has too much to do."""
    return any(word in reason.lower() for word in ("queue", "overload", "busy", "too many"))


def seconds_of(retry_after):
    """The seconds of a Retry-After, which may be a date; 0 for none, or what is none."""
    try:
        return max(float(int(retry_after)), 0.0)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return max(email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _left(end):
    """Seconds until a moment of the monotonic clock."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _tensors(described):
    """{"labels": {"dtype": "DT_INT32", "shape": [-1, 64, 64]}} from a signature's side in the JSON of its proto."""
    return {
        name: {
            "dtype": tensor["dtype"],
            "shape": [int(dim["size"]) for dim in tensor.get("tensor_shape", {}).get("dim", [])],
        }
        for name, tensor in described.items()
    }
