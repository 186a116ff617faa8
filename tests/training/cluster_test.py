"""Several workers: who they are, that they take the step of one, and what a signal or a kill leaves."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.commands.launch import free_ports, share_gpus, without_workers
from ecgan_tf.errors import RequestError
from ecgan_tf.training.cluster import Cluster, find_cluster
from ecgan_tf.training.summaries import MEASURED

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).parent / "worker.py"


# ---- who they are


def tf_config(task=None, **jobs):
    return {"TF_CONFIG": json.dumps({"cluster": jobs, **({"task": task} if task else {})})}


SLURM = {
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NODELIST": "node[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
    "SLURM_PROCID": "2",
}


CHIEF, FIRST, SECOND = ({"type": kind, "index": index} for kind, index in (("chief", 0), ("worker", 0), ("worker", 1)))


@pytest.mark.parametrize(
    ("addresses", "task", "environment", "expected"),
    [
        ("", None, {}, Cluster()),
        ("", None, tf_config(worker=["a:1"]), Cluster()),
        ("", None, {"TF_CONFIG": "{}"}, Cluster()),
        ("", None, tf_config(SECOND, worker=["a:1", "b:1"]), Cluster(("a:1", "b:1"), 1)),
        ("", None, tf_config(CHIEF, chief=["a:1"], worker=["b:1"]), Cluster(("a:1", "b:1"), 0)),
        ("", None, tf_config(FIRST, chief=["a:1"], worker=["b:1"]), Cluster(("a:1", "b:1"), 1)),
        ("a:1, b:2", 1, {}, Cluster(("a:1", "b:2"), 1)),
        ("none", None, tf_config(SECOND, worker=["a:1", "b:1"]), Cluster()),
        ("", None, SLURM, Cluster(("node9:12321", "node9:12322", "node10:12321"), 2)),
        ("none", None, SLURM, Cluster()),
        ("", None, {**SLURM, "SLURM_STEP_NUM_TASKS": "1"}, Cluster()),
        ("", None, {"SLURM_NTASKS": "4"}, Cluster()),  # of sbatch, whose script is one process
    ],
)
def test_the_environment_or_the_request_names_the_workers(addresses, task, environment, expected, monkeypatch):
    for name in SLURM:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # TensorFlow's resolver reads Slurm's by itself
    assert find_cluster(addresses, task) == expected


@pytest.mark.parametrize(
    ("addresses", "task", "environment", "words"),
    [
        ("", None, {"TF_CONFIG": "no JSON"}, "describes no cluster"),
        ("", None, {"TF_CONFIG": "[]"}, "describes no cluster"),
        ("", None, {"TF_CONFIG": '{"cluster": 3}'}, "describes no cluster"),
        ("", None, tf_config(worker=["a:1", "b:1"]), "describes no cluster"),  # and which one is this?
        ("", None, tf_config({"type": "worker", "index": 2}, worker=["a:1", "b:1"]), "the task one of them"),
        ("", None, tf_config({"type": "worker", "index": 0}, worker=["a:1"], ps=["b:1"]), "workers alone"),
        ("", 1, {}, "--task is given without"),
        ("a:1,b:1", None, {}, "--task=None must say which"),
        ("a:1,b:1", 2, {}, "0 to 1"),
        ("a:1,a:1", 0, {}, "each once"),
        ("a,b:1", 0, {}, "HOST:PORT"),
        ("a:0,b:1", 0, {}, "HOST:PORT"),
        ("a:1,b:1", 0, tf_config({"type": "worker", "index": 1}, worker=["a:1", "b:1"]), "both name workers"),
        ("", None, {**SLURM, "SLURM_STEP_NODELIST": "node["}, "--config.train.cluster=none"),
    ],
)
def test_what_contradicts_itself_is_one_line(addresses, task, environment, words, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RequestError, match=words):
        find_cluster(addresses, task)


def test_a_worker_counts_its_gpus(monkeypatch):
    """TensorFlow counts them by itself for TF_CONFIG's own resolver alone, and would take a CPU."""
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["GPU:0", "GPU:1"])
    assert Cluster(("a:1", "b:1"), 1).resolver().num_accelerators() == {"GPU": 2}


def test_the_number_of_workers_is_the_launchers_alone():
    assert without_workers(["--workers=2", "--config=a", "--workers", "2", "--workdir=b"]) == [
        "--config=a",
        "--workdir=b",
    ]


def test_gpus_are_shared_out_evenly():
    assert share_gpus([], 2) == ["", ""]
    assert share_gpus(["0", "1", "2", "3"], 2) == ["0,1", "2,3"]
    with pytest.raises(RequestError, match="3 GPUs cannot be shared evenly"):
        share_gpus(["0", "1", "2"], 2)


# ---- what they compute


def started(command):
    """A process of this checkout, whose lines are read."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # of these tests; commands keep the libraries quiet by themselves
    return subprocess.Popen(
        [sys.executable, *map(str, command)], cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def trained(folder, method, config, workers, devices=""):
    """The weights before and after each of three steps by SGD, of a run by so many workers."""
    cluster = ",".join(f"127.0.0.1:{port}" for port in free_ports(workers)) if workers > 1 else ""
    request = {"method": method, "workdir": str(folder), "cluster": cluster, "devices": devices, "config": config}
    processes = [
        started([WORKER, json.dumps({**request, "task": task if workers > 1 else None})]) for task in range(workers)
    ]
    said = [process.communicate(timeout=400)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * workers, "\n".join(said)
    return [dict(np.load(folder / "checkpoints" / f"step_{step:08d}.npz")) for step in range(4)]


CASES = [
    pytest.param("ecgan_plus", {"loss.contrastive_memory": 8}, id="ecgan_plus with memory"),
    pytest.param("lggan", {}, id="lggan"),
    pytest.param("msca", {"data.load_size": (96, 96)}, id="msca"),
    pytest.param(
        "ecgan",
        {"train.accumulate": 2, "model.normalization": "instance", "loss.contrastive": 0.0},
        id="ecgan in parts",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "config"), CASES)
def test_two_workers_take_the_steps_of_two_replicas_and_of_one(method, config, tmp_path):
    """First-step gradients within 1e-4 of their norm, and weights after three steps within 1e-3 of their move.

    But for LGGAN's after three steps.
    """
    by_workers = trained(tmp_path / "workers", method, config, 2)
    trainable = [
        name for name in by_workers[0] if re.match("(generator|discriminator)/.*(kernel|bias|gamma|beta)$", name)
    ]
    for name, devices in (("replicas", "CPU:0,CPU:1"), ("one", "CPU:0")):
        expected = trained(tmp_path / name, method, config, 1, devices)
        moves, others = ({k: each[1][k] - each[0][k] for k in trainable} for each in (expected, by_workers))
        # One replica takes batch statistics in another way; on maps of 2x2 cells rounding is seen: 2.3e-3 was measured.
        assert size({k: others[k] - moves[k] for k in trainable}) <= 1e-2 * size(moves), name
        if name == "one":
            continue
        least = 1e-5 * size(moves)
        moved = {k for k, move in moves.items() if np.linalg.norm(move) > least}
        assert len(moved) > 0.8 * len(trainable)
        for k, move in moves.items():  # of a bias before a normalisation the gradient is rounding noise
            bound = 1e-4 * np.linalg.norm(move) if k in moved else least
            assert np.linalg.norm(others[k] - move) <= bound, (name, k)
        far = size({k: by_workers[3][k] - expected[3][k] for k in trainable})
        move = size({k: expected[3][k] - expected[0][k] for k in trainable})
        print(f"{method}, {name}: after three steps {far / move:.1e} of the move apart")
        # LGGAN enlarges rounding some hundred times a step: two replicas without oneDNN are 0.25 from two with it.
        assert far <= (2e-2 if method == "lggan" else 1e-3) * move, name


def size(arrays):
    return np.linalg.norm([np.linalg.norm(array) for array in arrays.values()])


# ---- how they end


def launched(workdir, *more):
    flags = ["--workers=2", "--config=ecgan_earth_tiles:toy", f"--workdir={workdir}", "--config.train.steps=8"]
    settings = ["--config.train.checkpoint_every=2", "--config.train.log_every=1", "--config.train.first_sample=100"]
    return started(["-m", "ecgan_tf", "launch", *flags, *settings, *more])


def lines_until(process, pattern):
    """What a process says until a line matches."""
    said = []
    for line in process.stdout:
        said.append(line)
        if re.search(pattern, line):
            return said
    raise AssertionError("".join(said))


def worker_of(process, task):
    """The number of the launcher's child that is a worker."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    words = {int(pid): Path(f"/proc/{pid}/environ").read_text().split("\0") for pid in children}
    own = {pid: next((word for word in words[pid] if word.startswith("TF_CONFIG=")), "") for pid in words}
    (found,) = (pid for pid in own if f'"index": {task}' in own[pid])
    return found


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds the workers by Linux' /proc")
def test_a_signal_to_one_and_a_kill_of_one_lose_nothing(tmp_path):
    """SIGTERM to worker 1 saves at one step; SIGKILL of it ends the chief with a line; then it goes on, bit for bit."""
    whole = launched(tmp_path / "whole")
    said, _ = whole.communicate(timeout=400)
    assert whole.returncode == 0, said

    run = tmp_path / "broken"
    process = launched(run)
    said = lines_until(process, r"worker 0 of 2\] step 1/8")
    os.kill(worker_of(process, 1), signal.SIGTERM)
    said += process.communicate(timeout=100)[0].splitlines()
    saved = {re.search(r"saved at step (\d+)", line)[1] for line in said if "saved at step" in line}
    assert len(saved) == 1, said  # both say the same step
    assert process.returncode == 1 and "worker 0 ended with exit code 143" in said[-1]
    assert (run / "checkpoints" / f"step_{int(*saved):08d}.npz").exists()

    process = launched(run)
    lines_until(process, r"worker 0 of 2\] step 5/8")
    os.kill(worker_of(process, 1), signal.SIGKILL)
    rest = process.communicate(timeout=100)[0]
    assert process.returncode == 1 and "another worker has ended" in rest and "goes on" in rest, rest

    process = launched(run)
    said, _ = process.communicate(timeout=400)
    assert process.returncode == 0, said
    first, second = (dict(np.load(each / "checkpoints/step_00000008.npz")) for each in (tmp_path / "whole", run))
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    lines = [(each / "metrics.jsonl").read_text().splitlines() for each in (tmp_path / "whole", run)]
    kept = [[{**json.loads(line), **dict.fromkeys(MEASURED)} for line in part] for part in lines]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--task=1"], "--task is the launcher's to give"),
        (["--config.train.cluster=a:1,b:1"], "--config.train.cluster is the launcher's to give"),
        (["--config.train.global_batch_size=3"], "global_batch_size is 3; it must be a multiple of the 2 replicas"),
    ],
)
def test_what_cannot_be_launched_is_said(words, expected, tmp_path):
    process = launched(tmp_path / "run", *words)
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 1 and expected in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()
