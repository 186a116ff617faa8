"""What a GPU's machine makes of an export: TF Serving's pictures, and TensorRT's engines."""

import contextlib
import os
import shutil
import subprocess
import time

import numpy as np

from ecgan_tf.arrays import read_arrays
from ecgan_tf.config import load_config
from ecgan_tf.doctor.children import end_group, note
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.ports import free_ports
from ecgan_tf.training.train import train
from export import build_engine
from export.export_run import export_run
from export.serving.connections import connect
from export.serving.pictures import encode_png, file_values
from export.serving.requests import ServedModel

SERVER = "tensorflow_model_server"
SERVED_APART = 4  # of 255: on a GPU the two may take other algorithms for a convolution
PATIENCE = 120.0  # seconds until the server has loaded and warmed up
LAYOUTS = 4


def tiny_run(experiment, folder):
    """A run of two steps of an experiment; returns its folder."""
    values = {"train.steps": 2, "train.cluster": "none", "allow_missing_terms": True, "data.check_examples": 4}
    run = os.path.join(folder, "run")
    note("training a run of two steps")
    train(load_config(experiment, **values), run)
    return run


def find_server():
    """The program of TF Serving, or None."""
    return shutil.which(SERVER)


def ask_server(program, run, folder):
    """Exports a run, serves it, and asks for pictures by REST.

    Args:
        program: path of TF Serving.
        run: the run's folder.
        folder: to export to.
    Returns:
        the largest difference from Keras' pictures, of 255, and the median milliseconds of one.
    """
    exported = os.path.join(folder, "exported")
    note("exporting a SavedModel")
    export_run(run, exported, ["saved_model"], gpu_check=False, name="checked")
    layouts = read_arrays(os.path.join(run, "layouts.npz"))["labels"][:LAYOUTS]
    model = open_model(run)
    with serving(program, os.path.join(exported, "saved_model"), folder) as served:
        if served.inputs != ["labels"]:
            raise RequestError(
                f"the model also takes {', '.join(served.inputs[1:])}; take an --experiment that does not."
            )
        largest, milliseconds = 0, []
        for labels in layouts:
            png = encode_png(file_values(labels, model.classes))
            began = time.monotonic()
            (answer,) = served.synthesise([{"labels": png}])
            milliseconds.append(1e3 * (time.monotonic() - began))
            largest = max(largest, int(np.max(np.abs(model(labels).astype(int) - decode(answer).astype(int)))))
    return largest, float(np.median(milliseconds))


@contextlib.contextmanager
def serving(program, base, folder):
    """Within the block TF Serving answers for the versions below `base`: gives a `ServedModel`."""
    grpc, rest = free_ports(2)
    flags = [f"--port={grpc}", f"--rest_api_port={rest}", "--model_name=checked", f"--model_base_path={base}"]
    log = os.path.join(folder, "server.log")
    with open(log, "wb") as words:
        # In true float32, as Keras beside it.
        environment = {**os.environ, "NVIDIA_TF32_OVERRIDE": "0"}
        server = subprocess.Popen(
            [program, *flags], stdout=words, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    note(f"waiting for {SERVER}")
    try:
        yield wait_for(server, f"127.0.0.1:{rest}", log)
    finally:
        end_group(server)


def wait_for(server, address, log):
    """The served model, once it is there."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return ServedModel(connect("rest", address, "checked", deadline=60.0), retries=0)
        except RequestError as error:
            if server.poll() is None and time.monotonic() < until:
                time.sleep(0.5)
                continue
            with open(log, encoding="utf-8", errors="replace") as words:
                said = words.read()[-500:]
            raise RequestError(f"{SERVER} did not load the model ({error}); its last words: {said}") from error


def decode(answer):
    """The pixels of a PNG that a server gave: uint8 (height, width, 3)."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(answer, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise RequestError("the server's answer is no PNG.")
    return pixels[..., ::-1]


def no_tensorrt():
    """Why there is no engine on this machine, or None."""
    try:
        build_engine.find_tensorrt()
    except build_engine.NoGPUError as error:
        return f"{error}; the packages are `pip install tensorrt`, and for the parser alone 'ecgan_tf[tensorrt]'"
    return None


def build_engines(run, folder):
    """Exports a run for TensorRT and builds, runs and judges the engines. Returns what was said, and the exit code."""
    exported, said = os.path.join(folder, "exported"), []
    note("exporting for TensorRT")
    export_run(run, exported, ["tensorrt"], gpu_check=False)
    note("building engines")
    code = build_engine.build_all(os.path.join(exported, build_engine.FOLDER), build_engine.PRECISIONS, said.append)
    return said, code
