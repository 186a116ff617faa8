#!/usr/bin/env python3
"""Builds TensorRT engines from the ONNX files beside this script, runs them, and says whether they synthesise the same.

    python build_engine.py                      all precisions, from and into the folder of this script
    python build_engine.py --precision=float16  one of float32, float16, int8

Needs an NVIDIA GPU with its driver, and the packages tensorrt and numpy; nothing else. Reads model_<precision>.onnx,
profiles.json and proof.npz; writes model_<precision>_<gpu>_trt<version>.engine with a .json that says what it is, and
timing.cache, which makes the next build quick. Exit code 3: this machine has no GPU or no tensorrt. Exit code 1: an
engine could not be built, or misses its gate (it is then kept with the ending .rejected).
"""

import argparse
import contextlib
import ctypes
import hashlib
import json
import os
import re
import reprlib
import sys
import time

import numpy as np

NO_GPU = 3
PRECISIONS = ("float32", "float16", "int8")
FOLDER = "tensorrt"  # of an export, in which this script lies
MEASURES = ("largest", "mean", "p99", "p99_9", "psnr")
WORKSPACE = 4 << 30  # bytes that a layer may use while it is chosen


class NoGPUError(RuntimeError):
    """This machine cannot build engines."""


class BuildError(RuntimeError):
    """TensorRT refused the network, or a file could not be read or written."""


# --- the build -------------------------------------------------------------------------------------------------------


def parse(trt, logger, onnx_bytes):
    """Builder, network and parser of one ONNX file; the network lives no longer than the other two.

    Args:
        trt: the module tensorrt, or tensorrt_rtx.
        logger: of that module.
        onnx_bytes: content of the file.
    Raises:
        BuildError: where TensorRT's parser refuses it; with its reasons.
    """
    builder = trt.Builder(logger)
    flags = trt.NetworkDefinitionCreationFlag
    typed = 0 if _weakly_typed(trt) or not hasattr(flags, "STRONGLY_TYPED") else 1 << int(flags.STRONGLY_TYPED)
    network = builder.create_network(typed)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(onnx_bytes):
        raise BuildError("; ".join(str(parser.get_error(index)) for index in range(parser.num_errors)))
    return builder, network, parser


def _weakly_typed(trt):
    """Whether the precision is asked for by flags, as version 10 has them."""
    return hasattr(trt.BuilderFlag, "FP16")


def build(trt, onnx_bytes, profiles, precision, cache=b""):
    """An engine of one ONNX file.

    TensorRT 11 takes the precision from the file. Version 10 may still be asked for it by flags, without which it
    computes a float16 file in float32 and refuses an int8 one.

    Args:
        trt: the module tensorrt, or tensorrt_rtx.
        onnx_bytes: content of the file.
        profiles: dictionary from input to its shapes {"min", "opt", "max"}.
        precision: of `PRECISIONS`.
        cache: timing cache of an earlier build on this GPU.
    Returns:
        the engine and the timing cache, bytes.
    """
    builder, network, _parser = parse(trt, trt.Logger(trt.Logger.WARNING), onnx_bytes)
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, WORKSPACE)
    if hasattr(trt.BuilderFlag, "TF32"):
        config.clear_flag(trt.BuilderFlag.TF32)  # ten bits of mantissa would miss the gate of float32
    if _weakly_typed(trt) and precision != "float32":
        config.set_flag(trt.BuilderFlag.FP16)
    if _weakly_typed(trt) and precision == "int8":
        config.set_flag(trt.BuilderFlag.INT8)
    profile = builder.create_optimization_profile()
    for name, shapes in profiles.items():
        profile.set_shape(name, tuple(shapes["min"]), tuple(shapes["opt"]), tuple(shapes["max"]))
    config.add_optimization_profile(profile)
    config.set_timing_cache(config.create_timing_cache(cache), False)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise BuildError("TensorRT built no engine; its log above says why")
    return bytes(engine), bytes(config.get_timing_cache().serialize())


# --- running an engine -----------------------------------------------------------------------------------------------


class Cuda:
    """What is needed of the driver's API (libcuda): the device's name, memory and copies."""

    def __init__(self):
        try:
            self.library = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        except OSError as error:
            raise NoGPUError("no NVIDIA driver on this machine") from error
        device, context, count = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_int()
        if self.library.cuInit(0) or self.library.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
            raise NoGPUError("no NVIDIA GPU on this machine")
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)  # the context that TensorRT uses
        self._call("cuCtxSetCurrent", context)
        name = ctypes.create_string_buffer(128)
        self._call("cuDeviceGetName", name, len(name), device)
        self.name = name.value.decode()

    def upload(self, array):
        """A copy on the GPU: its address."""
        address = self.allocate(array.nbytes)
        self._call("cuMemcpyHtoD_v2", address, array.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(array.nbytes))
        return address

    def allocate(self, size):
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address

    def download(self, address, array):
        """Fills the array, after all work is done."""
        self.wait()
        self._call("cuMemcpyDtoH_v2", array.ctypes.data_as(ctypes.c_void_p), address, ctypes.c_size_t(array.nbytes))
        return array

    def wait(self):
        self._call("cuCtxSynchronize")

    def free(self, address):
        self._call("cuMemFree_v2", address)

    def _call(self, function, *arguments):
        code = getattr(self.library, function)(*arguments)
        if code:
            raise RuntimeError(f"{function} failed with CUDA error {code}")


def synthesise(trt, cuda, engine_bytes, inputs, repeats=20):
    """Runs an engine on each example.

    Args:
        inputs: dictionary of arrays (examples, ...), as the ONNX file takes them.
    Returns:
        images float32 (examples, height, width, 3), and the median milliseconds of one.
    """
    runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
    engine = runtime.deserialize_cuda_engine(engine_bytes)
    context = engine.create_execution_context()
    images, times = [], []
    for index in range(len(next(iter(inputs.values())))):
        addresses = {}
        for name, array in inputs.items():
            example = np.ascontiguousarray(array[index : index + 1])
            context.set_input_shape(name, example.shape)
            addresses[name] = cuda.upload(example)
        image = np.empty(tuple(context.get_tensor_shape("image")), np.float32)
        addresses["image"] = cuda.allocate(image.nbytes)
        for name, address in addresses.items():
            context.set_tensor_address(name, address.value)
        for _ in range(repeats if index == 0 else 1):
            start = time.perf_counter()
            context.execute_async_v3(0)  # 0: the default stream
            cuda.wait()
            times.append(time.perf_counter() - start)
        images.append(cuda.download(addresses["image"], image))
        for address in addresses.values():
            cuda.free(address)
    return np.concatenate(images), 1e3 * float(np.median(times[1:repeats]))


# --- parity ----------------------------------------------------------------------------------------------------------


def differences(expected, actual):
    """How far images are from Keras', the worst layout counting, in units of 1/255.

    Args:
        expected, actual: uint8 (layouts, height, width, 3).
    Returns:
        dictionary of `largest`, `mean`, the percentiles `p99` and `p99_9`, and `psnr` in dB (100 for equal images).
    """
    distance = np.abs(expected.astype(np.int16) - actual.astype(np.int16)).reshape(len(expected), -1)
    squares = (distance.astype(np.float64) ** 2).mean(axis=1).max()
    return {
        "largest": int(distance.max()),
        "mean": float(distance.mean()),
        "p99": float(np.percentile(distance, 99, axis=1).max()),
        "p99_9": float(np.percentile(distance, 99.9, axis=1).max()),
        "psnr": float(10 * np.log10(255**2 / squares)) if squares else 100.0,
    }


def missed(gate, measured):
    """Which measures of a gate do not hold: {"largest": 1} is an upper bound, {"psnr": 30} a lower one."""
    return [
        f"{name} {measured[name]:.4g} {'<' if name == 'psnr' else '>'} {bound}"
        for name, bound in gate.items()
        if (measured[name] < bound if name == "psnr" else measured[name] > bound)
    ]


def to_uint8(images):
    """Images in [-1, 1] as uint8, rounded half up; not finite values become 0."""
    images = np.nan_to_num(np.asarray(images, np.float32), nan=-1.0)
    return np.floor((np.clip(images, -1.0, 1.0) + 1.0) * np.float32(127.5) + 0.5).astype(np.uint8)


# --- the command -----------------------------------------------------------------------------------------------------


def read_plan(folder):
    """The content of profiles.json, and the arrays of proof.npz by name."""
    try:
        with open(os.path.join(folder, "profiles.json"), encoding="utf-8") as file:
            plan = json.load(file)
        with np.load(os.path.join(folder, "proof.npz"), allow_pickle=False) as proof:
            arrays = {name: proof[name] for name in ("expected", *plan["profiles"])}
        for shapes in plan["profiles"].values():
            for bound in ("min", "opt", "max"):
                tuple(map(int, shapes[bound]))
        for gate in plan["gates"].values():
            for measure, value in gate.items():
                if measure not in MEASURES or not isinstance(value, int | float):
                    raise ValueError(f"gate {measure[:20]!r} of {reprlib.repr(value)}")
        if any(array.dtype.kind not in "biuf" for array in arrays.values()):
            raise ValueError("arrays that are no numbers")
        return {key: plan[key] for key in ("profiles", "gates")}, arrays
    except Exception as error:  # damaged zips lead NumPy to any exception
        raise BuildError(f"{folder}: profiles.json or proof.npz is damaged ({error}); export again") from error


def read_whole(path, missing=None):
    """The bytes of a file; `missing` where there is none, unless that is None."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        if missing is not None:
            return missing
        raise BuildError(f"{path}: no such file; export again") from error
    except OSError as error:
        raise BuildError(f"{path} cannot be read: {error.strerror or error}") from error


def build_and_compare(trt, cuda, folder, precision):
    """Builds, runs, judges and writes the engine of one precision. Returns its manifest."""
    plan, proof = read_plan(folder)
    if precision not in plan["gates"]:
        raise BuildError(f"{folder}: profiles.json has no gate of {precision}; export again")
    content = read_whole(os.path.join(folder, f"model_{precision}.onnx"))
    cache_path = os.path.join(folder, "timing.cache")
    cache = read_whole(cache_path, missing=b"")
    engine, cache = build(trt, content, plan["profiles"], precision, cache)
    write(cache_path, cache)

    images, milliseconds = synthesise(trt, cuda, engine, {name: proof[name] for name in plan["profiles"]})
    measured = differences(proof["expected"], to_uint8(images))
    failures = missed(plan["gates"][precision], measured)
    gpu = re.sub(r"\W+", "_", cuda.name).strip("_")
    name = f"model_{precision}_{gpu}_trt{trt.__version__}.engine"
    manifest = {
        "engine": name,
        "precision": precision,
        "gpu": cuda.name,
        "tensorrt": trt.__version__,
        "onnx_sha256": hashlib.sha256(content).hexdigest(),
        "engine_sha256": hashlib.sha256(engine).hexdigest(),
        "profiles": plan["profiles"],
        "difference": measured,
        "median_ms": milliseconds,
        "passed": not failures,
        "missed": failures,
    }
    write(os.path.join(folder, name + (".rejected" if failures else "")), engine)
    write(os.path.join(folder, name + ".json"), json.dumps(manifest, indent=2).encode())
    return manifest


def write(path, content):
    """Writes a file whole or not at all."""
    temporary = f"{path}.partial-{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:  # a full disk, missing rights
        raise BuildError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)


def find_tensorrt():
    """The module tensorrt and the GPU; raises `NoGPUError` where one is missing."""
    cuda = Cuda()
    try:
        import tensorrt as trt
    except (ImportError, OSError) as error:
        raise NoGPUError(f"the package tensorrt does not load ({error}); pip install tensorrt") from error
    return trt, cuda


def build_all(folder, precisions, say=print):
    """Builds the engines of a folder; returns the exit code."""
    try:
        trt, cuda = find_tensorrt()
    except NoGPUError as error:
        say(f"no TensorRT engine: {error}; the ONNX files, profiles and build_engine.py in {folder} are ready for one.")
        return NO_GPU
    passed = True
    for precision in precisions:
        say(f"building {precision} for {cuda.name}, which takes minutes ...")
        try:
            manifest = build_and_compare(trt, cuda, folder, precision)
        except BuildError as error:
            say(f"  not built: {error}")
            passed = False
            continue
        passed &= manifest["passed"]
        verdict = "passed" if manifest["passed"] else "REJECTED: " + ", ".join(manifest["missed"])
        say(f"  {manifest['engine']}: {manifest['median_ms']:.2f} ms an image, {verdict}")
    return 0 if passed else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=os.path.dirname(os.path.abspath(__file__)), help="where the ONNX files are")
    parser.add_argument("--precision", action="append", choices=PRECISIONS, help="which; repeat it for more; all")
    arguments = parser.parse_args()
    return build_all(arguments.folder, arguments.precision or PRECISIONS)


if __name__ == "__main__":
    sys.exit(main())
