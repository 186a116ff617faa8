"""What may hang or crash, run by the doctor in a process of its own."""

import os
import time

import pytest

from ecgan_tf.doctor.children import CRASHED, ENDED, TIMED_OUT, run_child

MODULES = {
    "child_that_ends": "import sys; print('found', *sys.argv[1:])",
    "child_that_fails": "raise SystemExit('no such thing')",
    "child_that_crashes": "import os; os.abort()",
    "child_that_hangs": """
import subprocess, sys, time
from ecgan_tf.doctor.children import note
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(grandchild.pid, flush=True)
note("asleep")
def forever():
    time.sleep(600)
forever()
""",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return lambda name, *words, seconds=60.0, **environment: run_child(name, words, seconds, environment)


def test_what_it_printed_is_told(run):
    outcome = run("child_that_ends", "a", "b c")
    assert (outcome.state, outcome.words, outcome.output) == (ENDED, "", "found a b c\n")


@pytest.mark.parametrize(
    ("name", "words"),
    [("child_that_fails", "exit code 1; its last words: no such thing"), ("child_that_crashes", "SIGABRT")],
)
def test_how_it_failed_is_told(run, name, words):
    outcome = run(name)
    assert outcome.state == CRASHED and words in outcome.words
    assert name in outcome.log or name == "child_that_fails"  # where it was, even of a crash


def test_what_hangs_is_ended_with_all_that_it_started_and_says_where_it_was(run):
    began = time.monotonic()
    outcome = run("child_that_hangs", seconds=3.0)
    assert outcome.state == TIMED_OUT and time.monotonic() - began < 30
    assert "no end within 3 seconds; while it was asleep" in outcome.words
    assert "in forever" in outcome.log
    grandchild = int(outcome.output)
    for _ in range(50):
        if not is_running(grandchild):
            return
        time.sleep(0.1)
    pytest.fail("a process was left behind")


def is_running(pid):
    """Whether a process is there, and not only its entry, which waits for a parent to ask."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return os.path.isdir(f"/proc/{pid}")
