"""What the doctor says of a machine; what TensorFlow says of it is given, but in the test of the real one."""

import configparser
import json
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf import memory
from ecgan_tf.doctor import machine
from ecgan_tf.doctor.children import CRASHED, ENDED, Outcome, run_child
from ecgan_tf.doctor.machine import GPU_GROUP, MISSING, NOTE, OK, PACKAGES, VARIABLES, lacks, look

ROOT = Path(__file__).parents[2]
VERSIONS = {"tensorflow": "2.21.0", "keras": "3.15.1", "numpy": "2.4.6"}
CUDA = {"is_cuda_build": True, "cuda_version": "12.5.1", "cudnn_version": "9"}
GPU = {"device": "GPU:0", "name": "NVIDIA A100", "compute_capability": [8, 0], "memory_mb": 40_960}


@pytest.fixture
def findings(monkeypatch, tmp_path):
    """A function of what differs in TensorFlow's answer to the findings; None: it has none."""

    def look_at(**told):
        seen = {"versions": VERSIONS, "build": CUDA, "driver": None, "gpus": [], "reason": "", "cluster": {}, **told}
        outcome = Outcome(ENDED, "", f"a line of a library\n{json.dumps(seen)}\n", "")
        if told.get("versions", 0) is None:
            outcome = Outcome(CRASHED, "its process ended with signal SIGILL; without a word", "", "")
        monkeypatch.setattr(machine, "run_child", lambda *_: outcome)
        return look(str(tmp_path / "runs"))

    return look_at


def named(findings, group, name=None):
    return [each for each in findings if each.group == group and name in (None, each.name)]


@pytest.mark.parametrize(
    "told", [{}, {"versions": None}, {"driver": "12.8", "reason": "no libcudnn"}, {"gpus": [GPU], "driver": "12.8"},
             {"cluster": {"mistake": "TF_CONFIG describes no cluster"}}], ids=str
)  # fmt: skip
def test_whatever_is_missing_comes_with_what_helps(findings, told):
    found = findings(**told)
    assert {each.state for each in found} <= {OK, MISSING, NOTE}
    assert not [each for each in found if not each.found or (each.state == MISSING and not each.remedy)]
    assert not [each for each in found if "\n" in each.found + each.remedy]


def test_a_gpu_is_told_with_its_memory_and_capability(findings):
    (gpu,) = named(findings(gpus=[GPU], driver="12.8"), GPU_GROUP, "GPU:0")
    assert (gpu.state, gpu.found) == (OK, "NVIDIA A100, 40,960 MB, compute capability 8.0")


def test_a_gpu_that_tensorflow_does_not_see_is_missing_and_none_at_all_is_not(findings):
    (gpu,) = named(findings(driver="12.8", reason="no libcudnn"), GPU_GROUP, "devices")
    assert gpu.state == MISSING and "no libcudnn" in gpu.found and "ecgan_tf[gpu]" in gpu.remedy
    (gpu,) = named(findings(driver="12.8", build={"is_cuda_build": False}), GPU_GROUP, "devices")
    assert gpu.state == MISSING and "without CUDA" in gpu.found
    assert named(findings(), GPU_GROUP, "devices")[0].state == NOTE


def test_without_tensorflow_no_training_runs(findings):
    assert [each.name for each in lacks(findings(versions=None))] == ["import"]
    assert not lacks(findings())


def test_other_versions_than_the_tested_ones_are_told(findings):
    (keras,) = named(findings(versions={**VERSIONS, "keras": "3.99.0"}), "TensorFlow", "keras")
    assert keras.state == NOTE and "tested with 3.15" in keras.remedy


def test_the_variables_that_matter_are_shown_and_no_others(findings, monkeypatch):
    monkeypatch.setenv("TF_VAR_password", "of Terraform")
    monkeypatch.setenv("NCCL_SOCKET_IFNAME", "eth0")
    monkeypatch.setenv("TF_XLA_FLAGS", "x" * 1000)
    shown = {each.name: each.found for each in named(findings(), "Environment")}
    assert "'eth0'" in shown["NCCL_SOCKET_IFNAME"] and len(shown["TF_XLA_FLAGS"]) < 300
    assert "TF_VAR_password" not in shown and not [each for each in shown.values() if "Terraform" in each]
    assert not [kind for kind in VARIABLES if kind in ("TF_", "")]


def test_the_workers_that_the_environment_names_are_told(findings):
    (workers,) = named(findings(cluster={"workers": "a:1, b:1", "task": 1}), "Environment", "workers")
    assert workers.found == "a training here would be 1 of a:1, b:1"


def test_the_packages_are_those_of_the_wheel():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = {"": setup["options"]["install_requires"], **setup["options.extras_require"]}
    for extra, (names, _) in PACKAGES.items():
        wanted = {re.split(r"[>=\[]", line)[0] for line in extras[extra].split() if not line.startswith("#")}
        assert set(names) <= wanted and (wanted <= set(names) or extra == "kserve")


def test_tensorflow_itself_is_asked_in_a_process_of_its_own():
    outcome = run_child("ecgan_tf.doctor.devices", [], 300.0)
    assert outcome.state == ENDED, outcome.log
    told = json.loads(outcome.output.splitlines()[-1])
    assert told["versions"]["tensorflow"] == tf.__version__ and told["versions"]["numpy"] == np.__version__
    assert len(told["gpus"]) == len(tf.config.list_physical_devices("GPU"))


def test_the_memory_is_no_more_than_the_machine_has():
    with open("/proc/meminfo", encoding="utf-8") as file:
        total = int(file.readline().split()[1]) * 1024
    assert 0 < memory.machine_bytes() <= total
