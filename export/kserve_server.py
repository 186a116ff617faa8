#!/usr/bin/env python3
"""Serves an exported .onnx by KServe's open inference protocol, version 2: REST and gRPC, for this machine alone.

    python -m export.kserve_server --model=exported/model_float32.onnx --name=ecgan
    python kserve_server.py --model=model_float32.onnx        the same, by a copy of this file where nothing else is

Needs kserve, onnxruntime and numpy; no TensorFlow, and nothing else of this project. Inputs and output are those of the
file: `labels` INT32 (batch, height, width), ids of classes, and what else the model takes -> `image` FP32 (batch,
height, width, 3) in [-1, 1]. KServe by itself listens at every address and asks nobody who they are; this listens at
127.0.0.1 unless --host names another one.
"""

import argparse
import asyncio
import json
import os
import sys
import uuid

import grpc
import numpy as np
import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelRepository
from kserve.errors import InvalidInput
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.grpc.grpc_predict_v2_pb2_grpc import add_GRPCInferenceServiceServicer_to_server
from kserve.protocol.grpc.interceptors import ExceptionToStatusInterceptor
from kserve.protocol.grpc.servicer import InferenceServicer
from kserve.protocol.model_repository_extension import ModelRepositoryExtension
from kserve.protocol.rest.server import RESTServer

METADATA = "ecgan_tf"  # key of the file's metadata that holds the model's description
TYPES = {"tensor(int32)": ("INT32", np.int32), "tensor(float)": ("FP32", np.float32)}
LARGEST_MESSAGE = 256 * 1024**2  # bytes of a gRPC message; a picture of 1024x2048 pixels has 25 MB


class OnnxModel(Model):
    """A generator of label maps' pictures in ONNX Runtime, on the CPU."""

    def __init__(self, name, path):
        """Opens the file; without a name it is the method's. What is no .onnx of this project's is a `ValueError`."""
        try:
            self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            description = json.loads(self.session.get_modelmeta().custom_metadata_map[METADATA])
            arguments = description["arguments"]
            self.labels_below = int(arguments["num_classes"]) + bool(arguments["has_unknown"])
            self.inputs = {value.name: (*TYPES[value.type], value.shape) for value in self.session.get_inputs()}
            self.outputs = {value.name: (*TYPES[value.type], value.shape) for value in self.session.get_outputs()}
        except Exception as error:  # ONNX Runtime has exceptions of its own
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"--model={path} is no .onnx of this project's export ({reason})") from error
        super().__init__(name or description["name"])
        self.ready = True

    def get_input_types(self):
        return _described(self.inputs)

    def get_output_types(self):
        return _described(self.outputs)

    async def predict(self, payload, headers=None):
        if not isinstance(payload, InferRequest):
            raise InvalidInput(f"ask by the open inference protocol: POST /v2/models/{self.name}/infer")
        given = self.checked(payload.inputs)
        (image,) = await asyncio.to_thread(self.session.run, ["image"], given)
        output = InferOutput("image", list(image.shape), "FP32")
        output.set_data_from_numpy(image, binary_data=payload.use_binary_outputs)
        return InferResponse(
            payload.id or str(uuid.uuid4()),
            self.name,
            [output],
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )

    def checked(self, tensors):
        """The arrays of a request by name; what the model would not take is `InvalidInput`, HTTP's 400.

        Args:
            tensors: list of `InferInput`.
        """
        if sorted(tensor.name for tensor in tensors) != sorted(self.inputs):
            raise InvalidInput(f"give {', '.join(self.inputs)}, each once")
        arrays = {}
        for tensor in tensors:
            datatype, dtype, shape = self.inputs[tensor.name]
            try:
                array = tensor.as_numpy()
            except (OverflowError, TypeError, ValueError) as error:
                raise InvalidInput(f"{tensor.name}: {error}") from error
            fits = len(shape) == array.ndim and all(n in (m, "batch") for n, m in zip(shape, array.shape))
            if tensor.datatype != datatype or not fits:
                raise InvalidInput(f"{tensor.name} is {tensor.datatype} {list(array.shape)}; give {datatype} {shape}")
            if dtype == np.int32 and array.size and not 0 <= array.min() <= array.max() < self.labels_below:
                raise InvalidInput(f"{tensor.name} are not all ids of classes, 0 to {self.labels_below - 1}")
            arrays[tensor.name] = np.ascontiguousarray(array, dtype)
        if len({len(array) for array in arrays.values()}) > 1 or not len(arrays["labels"]):
            raise InvalidInput(f"{', '.join(self.inputs)} are not equally many, or none")
        return arrays


def _described(tensors):
    return [
        {"name": name, "datatype": datatype, "shape": [n if isinstance(n, int) else -1 for n in shape]}
        for name, (datatype, _, shape) in tensors.items()
    ]


async def serve(model, host, http_port, grpc_port):
    """Answers until a signal ends it. `kserve.ModelServer` would do so, too, but at every address."""
    models = ModelRepository()
    models.update(model)
    data, extension = DataPlane(models), ModelRepositoryExtension(models)
    rest = RESTServer("kserve.model_server:app", data, extension, http_port)
    rest.config.host = host
    options = [(f"grpc.max_{way}_message_length", LARGEST_MESSAGE) for way in ("send", "receive")]
    server = grpc.aio.server(interceptors=[ExceptionToStatusInterceptor()], options=options)
    add_GRPCInferenceServiceServicer_to_server(InferenceServicer(data, extension), server)
    server.add_insecure_port(f"{host}:{grpc_port}")
    await server.start()
    print(f"{model.name}: http://{host}:{http_port}/v2/models/{model.name}, gRPC {host}:{grpc_port}", flush=True)
    try:
        await rest.start()
    finally:
        await server.stop(grace=5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="an .onnx of `ecgan export`")
    parser.add_argument("--name", help="the model's name on the server; default: the method's")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--http_port", type=int, default=8080, help="of REST")
    parser.add_argument("--grpc_port", type=int, default=8081, help="of gRPC")
    arguments = parser.parse_args()
    if not os.path.isfile(arguments.model):
        raise ValueError(f"--model={arguments.model}: no such file; give an .onnx of `ecgan export`")
    model = OnnxModel(arguments.name, arguments.model)
    asyncio.run(serve(model, arguments.host, arguments.http_port, arguments.grpc_port))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (RuntimeError, ValueError) as error:  # gRPC's, of a port that is taken; of the request
        sys.exit(f"error: {error}")
