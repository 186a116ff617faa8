"""The checks as the doctor runs them: each in a process of its own, and what is left to send back."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ecgan_tf.doctor import checks, plan, report, run, trial
from ecgan_tf.doctor.children import CRASHED, ENDED, TIMED_OUT, Outcome
from ecgan_tf.doctor.machine import OK, Finding
from ecgan_tf.doctor.plan import CHECKS, RESULT

FINE = f'{RESULT}{{"state": "passed", "words": "as it should be", "measured": {{"seconds": 1.0}}}}\n'
OUTCOMES = {
    "replicas": Outcome(ENDED, "", f"a line of a library\n{FINE}", ""),
    "float16": Outcome(CRASHED, "its process ended with signal SIGSEGV; <without> a word", "", "Segmentation <fault>"),
    "jit": Outcome(TIMED_OUT, "no end within 240 seconds", "half a line", "File trial.py"),
    "memory": Outcome(CRASHED, "its process ended with exit code 1", FINE, "at its end"),
    "serving": Outcome(ENDED, "", f"{RESULT}[1, 2", ""),
    "bfloat16": Outcome(ENDED, "", "", ""),
}
STATES = {
    "replicas": plan.PASSED, "float16": plan.CRASHED, "jit": plan.TIMED_OUT, "memory": plan.PASSED,
    "serving": plan.CRASHED, "bfloat16": plan.CRASHED,
}  # fmt: skip


@pytest.fixture
def results(monkeypatch):
    """What the doctor makes of processes that end in all ways, and what it told on the way."""
    told = []
    monkeypatch.setattr(run, "run_child", lambda module, words, *_: OUTCOMES[words[0]])
    found = run.run_checks(list(OUTCOMES), "an experiment", 10.0, lambda *words: told.append(words))
    assert told == [words for name in OUTCOMES for words in ((name, None), (name, found[name]))]
    return found


def test_one_crash_loses_no_other_check(results):
    assert {name: result["state"] for name, result in results.items()} == STATES
    assert results["replicas"]["measured"] == {"seconds": 1.0}
    assert all(result["words"] and result["seconds"] >= 0 for result in results.values())


def test_what_comes_too_late_is_left_out_and_says_so(monkeypatch):
    monkeypatch.setattr(run, "run_child", lambda *_: pytest.fail("there was no time for it"))
    found = run.run_checks(["jit"], "an experiment", 0.1, lambda *_: None)
    assert found["jit"]["state"] == plan.LEFT_OUT and "--checks=jit" in found["jit"]["words"]


def test_the_checks_fit_into_the_minutes_but_where_all_are_as_slow_as_they_may_be():
    assert checks.FUNCTIONS.keys() == CHECKS.keys()
    assert max(check.seconds for check in CHECKS.values()) < 60 * plan.MINUTES


def test_both_files_tell_all(results, tmp_path):
    findings = [Finding("Python", "version", OK, "3.11 <here>", "")]
    report.write(str(tmp_path), report.content(findings, "an experiment", results))
    told = json.loads((tmp_path / report.JSON).read_text())
    assert told["checks"] == results and told["machine"][0]["found"] == "3.11 <here>"
    page = (tmp_path / report.PAGE).read_text()
    for words in ("3.11 &lt;here&gt;", "&lt;without&gt; a word", "Segmentation &lt;fault&gt;", "as it should be"):
        assert words in page
    assert "<without>" not in page and sorted(os.listdir(tmp_path)) == [report.JSON, report.PAGE]


def test_how_far_two_moves_are_apart_by_hand():
    zero, one_more = np.zeros(1), np.ones(1)
    start = {"generator/a": np.zeros(2), "generator/b": np.ones(1), "step": zero, "generator_optimizer/c": zero}
    moved = np.array([3.0, 0.0]), np.array([5.0]), one_more, one_more
    of_another = np.array([3.0, 0.3]), np.array([5.4]), zero, zero
    one, other = dict(zip(start, moved)), dict(zip(("generator_1/a", "generator_1/b", "step", "c"), of_another))
    assert trial.apart(one, other, start) == pytest.approx({"generator": 0.5 / 5.0})
    assert trial.terms_apart({"L": 10.0, "M": 0.1}, {"L": 11.0, "M": 0.0}) == pytest.approx(0.1)


# ---- the command


def doctor(*words, seconds=300):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "ecgan_tf", "doctor", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, env=environment)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--gpu", "--checks=jit,xla"], "--checks: xla; choose from against_cpu, replicas"),
        (["--checks=jit"], "--checks is for the checks; add --gpu"),
        (["--gpu", "--experiment=nowhere"], "--experiment=nowhere: no such config"),
        (["--gpu", "--experiment=../x.py"], "--experiment=../x.py: no such config"),
        ([f"--output={__file__}"], "is a file; give a folder"),
        (["--minutes=0"], "minutes"),
    ],
)
def test_a_wrong_request_is_one_line(words, message):
    done = doctor(*words)
    assert (done.returncode, done.stdout) == (1, "") and len(done.stderr.splitlines()) == 1
    assert message in done.stderr


def test_without_a_gpu_it_says_so_and_leaves_both_files(tmp_path):
    if trial.devices():
        pytest.skip("this machine has a GPU")
    done = doctor("--gpu", f"--output={tmp_path / 'found'}", "--checks=against_cpu")
    assert (done.returncode, done.stderr) == (0, "")
    assert "[1/1] a step on a GPU against the same on the CPU ...\n    not possible here (" in done.stdout
    told = json.loads((tmp_path / "found" / report.JSON).read_text())
    assert told["experiment"] == "earth_tiles:spade_toy"
    assert told["checks"]["against_cpu"]["state"] == plan.IMPOSSIBLE and len(told["machine"]) > 15
    assert sorted(os.listdir(tmp_path / "found")) == [report.JSON, report.PAGE]


@pytest.mark.slow  # minutes: a graph for each way of taking a step
def test_all_checks_run_on_cpus(tmp_path):
    words = ["--gpu", f"--output={tmp_path / 'found'}", "--minutes=90"]
    done = doctor(*words, seconds=5400)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    results = json.loads((tmp_path / "found" / report.JSON).read_text())["checks"]
    assert list(results) == list(CHECKS)
    states = {name: result["state"] for name, result in results.items()}
    without = {name for name, state in states.items() if state == plan.IMPOSSIBLE}
    assert without <= {"against_cpu", "serving", "tensorrt"}
    assert all(state == plan.PASSED for name, state in states.items() if name not in without)
