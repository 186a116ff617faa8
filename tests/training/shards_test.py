"""A run that changes over from a data set's folder to its shards ends with the weights of one that does not."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = ["--config=ecgan_earth_tiles:toy", "--config.data.load_size=(72, 72)"]
TINY = ["--config.loss.contrastive_samples_per_class=4", "--config.discriminator.num_scales=1",
        "--config.train.log_every=1", "--config.train.checkpoint_every=1",
        "--config.data.check_examples=4"]  # fmt: skip


def ecgan(*words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "ecgan_tf", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_run_changes_over_to_shards(tmp_path):
    said = ecgan("convert-data", *CONFIG, f"--output={tmp_path}/shards")
    assert f"use them with --config.data.dir={tmp_path}/shards" in said
    train = ["train", *CONFIG, *TINY]
    ecgan(*train, f"--workdir={tmp_path}/folder", "--config.train.steps=3")
    ecgan(*train, f"--workdir={tmp_path}/over", "--config.train.steps=1")
    ecgan(*train, f"--workdir={tmp_path}/over", "--config.train.steps=3", f"--config.data.dir={tmp_path}/shards")
    one, other = (dict(np.load(tmp_path / run / "checkpoints" / "step_00000003.npz")) for run in ("folder", "over"))
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
    kept = [dict(np.load(tmp_path / run / "calibration.npz")) for run in ("folder", "over")]
    assert all(np.array_equal(kept[0][key], kept[1][key]) for key in kept[0])
