"""The TensorRT build without a GPU: what is written, what is called in which order, and how it ends without one.

What the real parser and builder make of the files is in onnx_test.py and tensorrt_parser_test.py.
"""

import json
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest

from export import build_engine
from export.inference_model import InferenceModel
from export.onnx import write_onnx
from export.tensorrt_files import write_build_folder

PROFILES = {"labels": {"min": [1, 32, 32], "opt": [1, 32, 32], "max": [8, 32, 32]}}


class Recorder:
    """A stand-in for the module tensorrt, and one for every object of it: keeps the calls, knows nothing."""

    def __init__(self, calls, name="trt", **attributes):
        self.calls, self.name = calls, name
        vars(self).update(attributes)

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Recorder(self.calls, f"{self.name}.{attribute}")

    def __call__(self, *arguments):
        self.calls.append((self.name, *arguments))
        return Recorder(self.calls, self.name)

    def __bytes__(self):
        return self.name.encode()

    def __int__(self):
        return 3


def stand_in(version, calls, parsed=True, engine=b"engine"):
    """TensorRT 10 has flags for the precision, 11 has not."""
    flags = {"TF32": "TF32", **({"FP16": "FP16", "INT8": "INT8"} if version == 10 else {})}
    trt = Recorder(calls, __version__=f"{version}.0", BuilderFlag=types.SimpleNamespace(**flags))

    class Parser(Recorder):
        num_errors = 1

        def parse(self, content):
            self.calls.append(("parse", content))
            return parsed

        def get_error(self, index):
            return f"error {index}"

    class Builder(Recorder):
        def build_serialized_network(self, *arguments):
            self.calls.append(("build_serialized_network",))
            return engine

    trt.OnnxParser = lambda *arguments: Parser(calls, "parser")
    trt.Builder = lambda logger: Builder(calls, "builder")
    return trt


def names(calls):
    return [call[0].rpartition(".")[2] for call in calls]


@pytest.mark.parametrize("precision", build_engine.PRECISIONS)
@pytest.mark.parametrize("version", [10, 11])
def test_the_calls_of_a_build_are_in_order(version, precision):
    calls = []
    engine, _ = build_engine.build(stand_in(version, calls), b"onnx", PROFILES, precision, b"cache")
    assert engine == b"engine"
    order = ["create_network", "parse", "create_builder_config", "set_memory_pool_limit", "clear_flag",
             "create_optimization_profile", "set_shape", "add_optimization_profile", "create_timing_cache",
             "set_timing_cache", "build_serialized_network", "get_timing_cache", "serialize"]  # fmt: skip
    assert [name for name in names(calls) if name in order] == order
    set_flags = [call[1] for call in calls if call[0].endswith("set_flag")]
    expected = {"float32": [], "float16": ["FP16"], "int8": ["FP16", "INT8"]}[precision]
    assert set_flags == (expected if version == 10 else [])
    (network,) = [call for call in calls if call[0].endswith("create_network")]
    assert network[1] == (0 if version == 10 else 1 << 3)  # strongly typed where the file alone decides
    (shape,) = [call for call in calls if call[0].endswith("set_shape")]
    assert shape[1:] == ("labels", (1, 32, 32), (1, 32, 32), (8, 32, 32))
    assert ("parse", b"onnx") in calls and any(call[1:] == (b"cache",) for call in calls)


def test_what_the_parser_refuses_is_said():
    with pytest.raises(build_engine.BuildError, match="error 0"):
        build_engine.build(stand_in(11, [], parsed=False), b"onnx", PROFILES, "float32")


def test_an_engine_that_is_not_built_is_said():
    with pytest.raises(build_engine.BuildError, match="built no engine"):
        build_engine.build(stand_in(11, [], engine=None), b"onnx", PROFILES, "float32")


@pytest.fixture(scope="module")
def exported(make_run, tmp_path_factory):
    """A folder as `python -m export --targets=tensorrt` leaves it, float32 only."""
    folder = tmp_path_factory.mktemp("exported")
    (folder / "tensorrt").mkdir()
    model = InferenceModel(make_run("ecgan"))
    write_onnx(model, str(folder / "tensorrt" / "model_float32.onnx"))
    write_build_folder(model, model.image(**model.layouts)["image"].numpy(), str(folder))
    return folder


class FakeGPU:
    """A stand-in for `Cuda`: a name."""

    name = "NVIDIA Orin (nvgpu)"


@pytest.mark.parametrize("distance", [1, 2])
def test_an_engine_is_kept_by_its_gate_with_a_manifest(exported, monkeypatch, distance):
    proof = np.load(exported / "tensorrt" / "proof.npz")
    synthesised = np.clip(proof["expected"].astype(int) + distance, 0, 255) / 127.5 - 1
    monkeypatch.setattr(
        build_engine, "synthesise", lambda trt, cuda, engine, inputs: (synthesised.astype(np.float32), 1.5)
    )
    folder = str(exported / "tensorrt")
    manifest = build_engine.build_and_compare(stand_in(11, []), FakeGPU(), folder, "float32")
    name = "model_float32_NVIDIA_Orin_nvgpu_trt11.0.engine"
    assert manifest["passed"] is (distance == 1) and manifest["engine"] == name
    assert (exported / "tensorrt" / (name if distance == 1 else name + ".rejected")).read_bytes() == b"engine"
    assert json.loads((exported / "tensorrt" / f"{name}.json").read_text()) == manifest
    assert (exported / "tensorrt" / "timing.cache").is_file()


@pytest.mark.parametrize("name", ["profiles.json", "proof.npz"])
def test_a_damaged_folder_is_refused(exported, tmp_path, name):
    folder = shutil.copytree(exported / "tensorrt", tmp_path / "tensorrt")
    (folder / name).write_bytes((folder / name).read_bytes()[:50])
    with pytest.raises(build_engine.BuildError, match="profiles.json or proof.npz is damaged"):
        build_engine.build_and_compare(stand_in(11, []), FakeGPU(), str(folder), "float32")


def test_a_file_that_is_missing_from_the_folder_is_named(exported, tmp_path):
    folder = shutil.copytree(exported / "tensorrt", tmp_path / "tensorrt")
    (folder / "model_float32.onnx").unlink()
    with pytest.raises(build_engine.BuildError, match="model_float32.onnx: no such file; export again"):
        build_engine.build_and_compare(stand_in(11, []), FakeGPU(), str(folder), "float32")
    (folder / "model_float32.onnx").mkdir()
    with pytest.raises(build_engine.BuildError, match="model_float32.onnx cannot be read: Is a directory"):
        build_engine.build_and_compare(stand_in(11, []), FakeGPU(), str(folder), "float32")


@pytest.mark.parametrize(
    "change",
    [{"gates": {"float32": {"unheard_of": 1}}}, {"gates": {"float32": {"largest": "1"}}}, {"gates": {}}, {"gates": []},
     {"profiles": {"labels": {"min": [1]}}}, {"profiles": {"absent": {}}}],
    ids=str,
)  # fmt: skip
def test_a_plan_that_was_changed_is_refused(exported, tmp_path, change):
    folder = shutil.copytree(exported / "tensorrt", tmp_path / "tensorrt")
    plan = json.loads((folder / "profiles.json").read_text())
    (folder / "profiles.json").write_text(json.dumps({**plan, **change}))
    with pytest.raises(build_engine.BuildError, match=r"is damaged|no gate of float32"):
        build_engine.build_and_compare(stand_in(11, []), FakeGPU(), str(folder), "float32")


def test_an_engine_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(build_engine.BuildError, match="file/a.engine cannot be written: Not a directory"):
        build_engine.write(str(tmp_path / "file" / "a.engine"), b"engine")
    (tmp_path / "b.engine").mkdir()
    with pytest.raises(build_engine.BuildError, match="b.engine cannot be written: Is a directory"):
        build_engine.write(str(tmp_path / "b.engine"), b"engine")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.engine", "file"]


def gpu():
    try:
        build_engine.find_tensorrt()
    except build_engine.NoGPUError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "words",
    [
        ["{exported}/tensorrt/build_engine.py"],
        ["-m", "export.tensorrt", "--exported={exported}", "--precisions=float32"],
    ],
    ids=["script", "command"],
)
def test_without_a_gpu_it_says_so_and_ends_with_its_own_code(exported, words):
    if gpu() is None:
        pytest.skip("this machine has a GPU and tensorrt")
    words = [word.format(exported=exported) for word in words]
    result = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120)
    assert result.returncode == build_engine.NO_GPU, result.stderr
    (line,) = result.stdout.splitlines()
    assert line.startswith("no TensorRT engine: no NVIDIA")


def test_an_incomplete_folder_is_refused(tmp_path):
    words = [sys.executable, "-m", "export.tensorrt", f"--exported={tmp_path}"]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1 and "has no profiles.json, proof.npz, model_float32.onnx" in result.stderr


@pytest.mark.gpu
def test_a_real_engine_passes_its_gate(exported):
    reason = gpu()
    if reason:
        pytest.skip(reason)
    trt, cuda = build_engine.find_tensorrt()
    assert build_engine.build_and_compare(trt, cuda, str(exported / "tensorrt"), "float32")["passed"]
