"""The example of docs/several_workers.md for Ray: its TensorflowTrainer starts two workers of one run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecgan_tf.runs.folder import RunFolder

pytest.importorskip("ray.train.tensorflow", reason="ray is not installed: pip install 'ray[train]'")
ROOT = Path(__file__).parents[2]


def test_ray_trains_one_run_by_two_workers(tmp_path):
    words = [sys.executable, "docs/examples/ray_train.py", "ecgan_earth_tiles:toy", str(tmp_path / "run")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[worker 0 of 2]" in done.stdout + done.stderr
    run = RunFolder(tmp_path / "run")
    assert run.steps == [4] and (tmp_path / "run" / "samples" / "final.png").exists()
    assert [json.loads(line)["step"] for line in Path(run.file("metrics.jsonl")).read_text().splitlines()] == [2, 4]
