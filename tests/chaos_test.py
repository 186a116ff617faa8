"""A run that is killed inside its writes again and again ends as one that was not: weights, metrics, pictures."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ecgan_tf.training.summaries import MEASURED

ROOT = Path(__file__).parents[1]
STEPS = 30
# Where the process is ended: inside the n-th write of a kind since it was started.
PLAN = [
    ("checkpoint", "KILL", 2), ("metrics", "KILL", 2), ("sample", "KILL", 1), ("metrics", "TERM", 1),
    ("checkpoint", "KILL", 1), ("checkpoint", "KILL", 2), ("metrics", "KILL", 1), ("metrics", "KILL", 3),
    ("sample", "KILL", 1), ("checkpoint", "TERM", 1), ("checkpoint", "KILL", 3), ("metrics", "KILL", 2),
    ("checkpoint", "KILL", 1), ("metrics", "TERM", 2), ("sample", "KILL", 1), ("checkpoint", "KILL", 2),
    ("metrics", "KILL", 1), ("checkpoint", "TERM", 2), ("metrics", "KILL", 2), ("sample", "KILL", 1),
    ("metrics", "TERM", 1), ("checkpoint", "KILL", 1),
]  # fmt: skip
EXPORT_PLAN = [("export", "KILL", n) for n in (1, 2, 3)]
# Sends itself a signal in the middle of a write: half of the bytes are there, the final name is not, or is old.
PROGRAM = """
import json, os, signal, sys
kind, name, count, log = os.environ["CHAOS"].split(":", 3)
seen = 0

def reached(what, path):
    global seen
    if what != kind:
        return False
    seen += 1
    if seen != int(count):
        return False
    with open(log, "a") as file:
        file.write(f"{kind} {name} {path}\\n")
    os.kill(os.getpid(), getattr(signal, "SIG" + name))
    return True

old_fsync = os.fsync
def fsync(number):
    path = os.readlink(f"/proc/self/fd/{number}")
    what = "checkpoint" if "/checkpoints/" in path else "sample" if "/samples/" in path else "other"
    if what == kind and kind != "other" and seen + 1 == int(count) and name == "KILL":
        os.truncate(path, os.path.getsize(path) // 2)
    reached(what, path)
    return old_fsync(number)
os.fsync = fsync

from ecgan_tf.training import summaries
def append(path, value):
    if kind == "metrics" and seen + 1 == int(count) and name == "KILL":
        with open(path, "a") as file:
            file.write(json.dumps(value)[:40])
    reached("metrics", path)
    old_append(path, value)
old_append, summaries.append_line = summaries.append_line, append

if kind == "export":
    from export import artefact
    old_compare = artefact.compare
    def compare(*arguments):
        reached("export", "an artefact that is written and not moved in")
        return old_compare(*arguments)
    artefact.compare = compare

from ecgan_tf.__main__ import main
main(sys.argv.pop(1))
"""
TRAIN = ["--config=spade_earth_tiles:toy", "--config.loss.perceptual=0", f"--config.train.steps={STEPS}",
         "--config.train.log_every=1", "--config.train.checkpoint_every=2",
         "--config.train.first_sample=1"]  # fmt: skip


def call(chaos, log, *words):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CHAOS": ":".join(map(str, (*chaos, log)))}
    words = [sys.executable, "-c", PROGRAM, *map(str, words)]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode


def lines(run):
    """metrics.jsonl, without what a clock says."""
    content = list(map(json.loads, (run / "metrics.jsonl").read_text().splitlines()))
    for line in content:
        for name in MEASURED:
            line.pop(name)
    return content


@pytest.mark.slow
def test_a_run_that_is_killed_inside_its_writes_ends_as_one_that_was_not(tmp_path):
    calm, wild, log = tmp_path / "calm", tmp_path / "wild", tmp_path / "log"
    assert call(("none", "KILL", 1), log, "train", *TRAIN, f"--workdir={calm}") == 0
    for number, entry in enumerate(PLAN):
        code = call(entry, log, "train", *TRAIN, f"--workdir={wild}")
        hits = log.read_text().splitlines() if log.exists() else []
        assert len(hits) == number + 1, f"{entry} was not reached: the run ended with {code}"
        assert code == (-signal.SIGKILL if entry[1] == "KILL" else 143), hits[-1]
    assert call(("none", "KILL", 1), log, "train", *TRAIN, f"--workdir={wild}") == 0
    straight, broken = (dict(np.load(run / "checkpoints" / f"step_{STEPS:08d}.npz")) for run in (calm, wild))
    assert straight.keys() == broken.keys()
    assert not [name for name in straight if straight[name].tobytes() != broken[name].tobytes()]
    assert lines(calm) == lines(wild)
    pictures = [{path.name: path.read_bytes() for path in (run / "samples").iterdir()} for run in (calm, wild)]
    assert pictures[0] == pictures[1]

    exported = [tmp_path / name for name in ("calm_exported", "wild_exported")]
    targets = "--targets=onnx,tflite"
    for entry in EXPORT_PLAN:
        assert call(entry, log, "export", f"--run={wild}", f"--output={exported[1]}", targets) == -signal.SIGKILL
    for run, folder in zip((calm, wild), exported):
        assert call(("none", "KILL", 1), log, "export", f"--run={run}", f"--output={folder}", targets) in (0, 1)
    trees = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in exported]
    assert trees[0] == trees[1]
    assert not list(tmp_path.rglob(".partial-*"))
    hits = [line.split()[0] for line in log.read_text().splitlines()]
    print(log.read_text())
    assert all(hits.count(kind) >= 3 for kind in ("checkpoint", "metrics", "sample", "export"))
    assert (len(hits), sum(" TERM " in line for line in log.read_text().splitlines())) == (25, 5)
