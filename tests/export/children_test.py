"""An export whose stages have processes of their own: the same files, and clear ends."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.memory import give_back, peak_bytes
from export import export_run
from export.children import stage_in_child


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("ecgan")


def request(run, output, **others):
    return {"run": str(run), "output": str(output), "targets": ["saved_model"], "image_size": None, "uint8_io": False,
            "step": "last", "gpu_check": False, "intermediates": False,
            "servable": {"version": 1, "name": None}, **others}  # fmt: skip


def test_it_leaves_what_one_process_leaves(run, tmp_path, monkeypatch):
    reports = {}
    for kind, large in (("one", 1e9), ("many", 0)):
        monkeypatch.setattr(export_run, "LARGE_CHECKPOINT", large)
        reports[kind] = export_run.export_run(str(run), str(tmp_path / kind), ["saved_model"])
    one, many = ({str(path.relative_to(tmp_path / kind)) for path in (tmp_path / kind).rglob("*")} for kind in reports)
    assert one == many
    assert json.loads((tmp_path / "many" / "export_report.json").read_text()) == reports["many"]
    same = {key: value for key, value in reports["one"].items() if key not in ("artefacts", "peak_bytes")}
    assert same == {key: reports["many"][key] for key in same}
    of_one, of_many = (reports[kind]["artefacts"]["saved_model"] for kind in ("one", "many"))
    assert (of_one["version"], of_one["name"]) == (of_many["version"], of_many["name"]) == (1, "ecgan")
    assert of_one["passed"] and of_many["passed"] and of_one["bytes"] == pytest.approx(of_many["bytes"], rel=0.01)
    # TensorFlow alone takes 400 MB, and what has had pytest's own does not count.
    assert 400e6 < reports["many"]["peak_bytes"] < peak_bytes() + 2e9


def test_its_mistake_is_one_line_and_nothing_is_left(run, tmp_path):
    with pytest.raises(RequestError, match="--targets: coreml; choose from"):
        stage_in_child(request(run, tmp_path / "E", targets=["coreml"]), str(tmp_path))("begin")
    assert not (tmp_path / "E").exists()


WAITS = """
import sys
from ecgan_tf import interrupts
from export.children import stage_in_child
with interrupts.raise_on_signals():
    stage_in_child({request!r}, {work!r})("begin")
"""


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="reads the processes of Linux")
@pytest.mark.parametrize(("whom", "number", "words"), [
    ("parent", signal.SIGTERM, "InterruptError: terminated"),
    ("child", signal.SIGKILL, "begin: its process was killed, as a machine does that is out of memory"),
])  # fmt: skip
def test_a_signal_ends_both_processes(run, tmp_path, whom, number, words):
    script = WAITS.format(request=request(run, tmp_path / "E"), work=str(tmp_path))
    parent = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    while not children_of(parent.pid):
        assert parent.poll() is None
        time.sleep(0.01)
    (child,) = children_of(parent.pid)
    os.kill({"parent": parent.pid, "child": child}[whom], number)
    _, printed = parent.communicate(timeout=120)
    assert words in printed and not os.path.exists(f"/proc/{child}")


RETURNS = """
from ecgan_tf.memory import give_back, let_tensorflow_return
let_tensorflow_return()
import tensorflow as tf
def resident():
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
tf.zeros(1).numpy()
before = resident()
values = tf.random.uniform([100_000_000])
more = resident() - before
del values
give_back()
print(more, resident() - before)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="reads the memory of Linux")
def test_tensorflow_gives_back_what_it_frees():
    result = subprocess.run([sys.executable, "-c", RETURNS], capture_output=True, text=True, check=True)
    with_values, after = map(int, result.stdout.split())
    assert with_values > 390e6 and after < 100e6


def test_memory_is_measured_and_given_back():
    before = peak_bytes()
    assert before and peak_bytes(os.getppid())
    kept = [bytearray(100_000) for _ in range(1000)]
    del kept
    give_back()
    assert peak_bytes() >= before
