"""Ways out of a run that diverged, and into a new one: commands that work as they are printed."""

import json
import re
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest

ForkServer = runpy.run_path(str(Path(__file__).parents[1] / "fork_server.py"))["ForkServer"]
TOY = ["--config=spade_earth_tiles:toy", "--config.loss.perceptual=0", "--config.train.checkpoint_every=1",
       "--config.data.check_examples=4"]  # fmt: skip


@pytest.fixture(scope="module")
def train():
    with ForkServer() as server:

        def train(*words):
            command = ["train", *TOY, *map(str, words)]
            return subprocess.CompletedProcess(command, *server.run(*command))

        yield train


@pytest.fixture(scope="module")
def diverged(train, tmp_path_factory):
    """A run of three sound steps, made longer with a rate that tears everything apart."""
    run = tmp_path_factory.mktemp("diverged") / "run"
    assert train(f"--workdir={run}", "--config.train.steps=3").returncode == 0
    rates = ["--config.optimizer.generator_lr=1e39", "--config.optimizer.discriminator_lr=1e39"]
    longer = ["--config.train.steps=12", "--config.train.extend=restart", "--rollback_to=3"]
    return run, train(f"--workdir={run}", *longer, *rates)


@pytest.mark.slow
def test_it_ends_in_one_line_and_keeps_what_is_finite(diverged):
    run, result = diverged
    assert result.returncode == 1 and "Traceback" not in result.stderr
    line = result.stderr.strip().splitlines()[-1]
    assert re.match(r"error: step \d+: .*not finite.* The last checkpoint, step \d+, is finite. Go on from there", line)
    for path in (run / "checkpoints").iterdir():
        arrays = dict(np.load(path))
        assert all(np.isfinite(array).all() for array in arrays.values() if array.dtype.kind == "f")


@pytest.mark.slow
def test_the_first_remedy_works(diverged, train):
    run, result = diverged
    step = re.search(r"--rollback_to=(\d+)", result.stderr)[1]
    rates = ["--config.optimizer.generator_lr=1e-5", "--config.optimizer.discriminator_lr=1e-5"]
    again = train(
        f"--workdir={run}", f"--rollback_to={step}", "--config.train.steps=12", "--config.train.extend=restart", *rates
    )
    assert again.returncode == 0, again.stderr
    assert f"continuing from step {step}" in again.stdout and "trained to step 12" in again.stdout


@pytest.mark.slow
def test_the_second_remedy_works(diverged, train, tmp_path):
    run, _ = diverged
    fresh = train(f"--workdir={tmp_path / 'new'}", f"--config.train.init_from={run}", "--config.train.steps=1")
    assert fresh.returncode == 0, fresh.stderr
    assert f"starting from the weights of {run}, step " in fresh.stdout


@pytest.mark.slow
def test_a_finished_run_is_made_longer_only_as_one_is_told(train, tmp_path):
    run = f"--workdir={tmp_path / 'run'}"
    assert train(run, "--config.train.steps=4").returncode == 0
    refused = train(run, "--config.train.steps=8")
    assert refused.returncode == 1 and "Say what you want by --config.train.extend" in refused.stderr
    held = train(run, "--config.train.steps=8", "--config.train.extend=hold", "--config.train.log_every=1")
    assert "the learning rate goes from 50.00% of its start to 50.00% (hold)" in held.stdout, held.stderr
    again = train(run, "--config.train.steps=8", "--config.train.extend=hold", "--config.train.log_every=1")
    assert again.returncode == 0 and "goes from" not in again.stdout  # nothing is new
    lines = list(map(json.loads, (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()))
    assert [line["step"] for line in lines] == [2, 4, 5, 6, 7, 8]
    assert {line["generator_lr"] for line in lines[-3:-1]} == {0.5 * lines[0]["generator_lr"]}
