"""OpenVINO's own files (IR: model.xml, model.bin beside it), made from our ONNX; the description is in the rt_info.

The .onnx is read by `Core.read_model`: `openvino.convert_model` would report its use to the package's telemetry.
"""

import collections
import errno
import os
import shutil
import tempfile

from ecgan_tf.atomic_files import machine_errors
from ecgan_tf.inference.runtimes import OPENVINO_FILE
from ecgan_tf.memory import give_back
from ecgan_tf.openvino_core import openvino_core
from ecgan_tf.outputs import need_temporary_room
from export.onnx import write_onnx

WEIGHT_BYTES = {"float32": 4, "float16": 2}


def write_openvino(model, folder, precision="float32"):
    """Writes model.xml and model.bin into a folder: `labels` int32 -> `image` float32, with an open batch.

    Args:
        model: `InferenceModel`.
        folder: made if it is not there.
        precision: "float32", or "float16" for weights of half the size; what is computed is the runtime's choice.
    """
    need_temporary_room(4 * model.parameters)
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        source = os.path.join(work, "model.onnx")
        with machine_errors(work):
            write_onnx(model, source)
        core = openvino_core()
        network = core.read_model(source)
        described = network.get_rt_info()
        if "framework" in described:  # what the .onnx says of itself, which the next lines say in its place
            del described["framework"]
        for key, text in model.metadata().items():
            network.set_rt_info(text, [key])
        _save(network, os.path.join(folder, OPENVINO_FILE), precision, WEIGHT_BYTES[precision] * model.parameters)
        del network, described
    give_back()


def _save(network, path, precision, size):
    import openvino

    try:
        openvino.save_model(network, path, compress_to_fp16=precision == "float16")
    except RuntimeError as error:  # of a C++ stream, which does not know why
        is_full = shutil.disk_usage(os.path.dirname(path)).free < size
        code = errno.ENOSPC if is_full else errno.EIO
        raise OSError(code, f"OpenVINO could not write it ({error})", path) from error


def operators(path):
    """How often each operator occurs in an OpenVINO model: `collections.Counter` by name."""
    core = openvino_core()
    return collections.Counter(operator.get_type_name() for operator in core.read_model(path).get_ops())
