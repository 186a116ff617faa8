"""What TensorFlow sees of this machine, as JSON on the last line; run by the doctor in a process of its own."""

import ctypes
import json
import os


def devices():
    """Versions, how TensorFlow was built, the driver, and every GPU."""
    import keras
    import numpy as np
    import tensorflow as tf

    gpus, reason = [], ""
    try:
        for gpu in tf.config.list_physical_devices("GPU"):
            details = tf.config.experimental.get_device_details(gpu)
            gpus.append(
                {
                    "device": gpu.name.split("physical_device:")[-1],
                    "name": details.get("device_name"),
                    "compute_capability": details.get("compute_capability"),
                }
            )
    except RuntimeError as error:
        reason = str(error)
    for gpu, megabytes in zip(gpus, memory_of_gpus() if gpus else []):
        gpu["memory_mb"] = megabytes
    return {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
        "build": {key: value for key, value in tf.sysconfig.get_build_info().items() if isinstance(value, bool | str)},
        "driver": driver_version(),
        "gpus": gpus,
        "cluster": cluster(),
        "reason": reason or "its log says why: TF_CPP_MIN_LOG_LEVEL=0",
    }


def cluster():
    """Which workers the environment names, as a training would find them; {} where it is one process."""
    from ecgan_tf.errors import RequestError
    from ecgan_tf.training.cluster import find_cluster

    try:
        found = find_cluster()
    except RequestError as error:
        return {"mistake": str(error)}
    return {"workers": ", ".join(found.workers), "task": found.task} if found else {}


def driver_version():
    """The CUDA version that NVIDIA's driver knows, as "12.8"; None without a driver."""
    try:
        library = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return None
    version = ctypes.c_int()
    if library.cuDriverGetVersion(ctypes.byref(version)):
        return None
    return f"{version.value // 1000}.{version.value % 1000 // 10}"


def memory_of_gpus():
    """Megabytes of each GPU that this process sees, in its order; fewer where the driver does not say."""
    library = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    count, found = ctypes.c_int(), []
    if library.cuInit(0) or library.cuDeviceGetCount(ctypes.byref(count)):
        return found
    for index in range(count.value):
        device, size = ctypes.c_int(), ctypes.c_size_t()
        if library.cuDeviceGet(ctypes.byref(device), index) or library.cuDeviceTotalMem_v2(ctypes.byref(size), device):
            break
        found.append(size.value // 2**20)
    return found


if __name__ == "__main__":
    print(json.dumps(devices()))
