import json
import time

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.classes import ClassList
from ecgan_tf.runs.folder import RunFolder
from ecgan_tf.training.summaries import (
    MetricsWriter,
    Progress,
    Samples,
    format_seconds,
    round_float,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0m00s"), (59.9, "0m59s"), (61, "1m01s"), (3599, "59m59s"), (3600, "1h00m"), (90061, "25h01m")],
)
def test_seconds_are_readable(seconds, text):
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("value", "rounded"), [(1234567.8, 1234570.0), (1.23456789e-7, 1.23457e-7), (-2, -2.0)])
def test_numbers_keep_six_digits(value, rounded):
    assert round_float(value) == rounded


# --- metrics.jsonl ---------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


def steps_of(run):
    with open(run.file("metrics.jsonl"), encoding="utf-8") as file:
        return [json.loads(line)["step"] for line in file]


def test_each_log_step_is_one_object(run):
    metrics = MetricsWriter(run, 0)
    metrics.write(5, {"L_G": 1.0, "L_D": 1 / 3})
    metrics.write(10, {"L_G": 2.0, "L_D": 0.5})
    with open(run.file("metrics.jsonl"), encoding="utf-8") as file:
        assert [json.loads(line) for line in file] == [
            {"step": 5, "L_G": 1.0, "L_D": 0.333333},
            {"step": 10, "L_G": 2.0, "L_D": 0.5},
        ]


def test_a_run_that_continues_drops_what_comes_again(run):
    metrics = MetricsWriter(run, 0)
    for step in (5, 10, 15):
        metrics.write(step, {"L_G": 1.0})
    MetricsWriter(run, 10).write(15, {"L_G": 2.0})
    assert steps_of(run) == [5, 10, 15]


# --- progress --------------------------------------------------------------------------------------------------------


def test_progress_gives_the_rate_since_the_last_call(monkeypatch):
    clock = {"now": 100.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    progress = Progress(10, 50, batch_size=4)
    clock["now"] = 110.0
    assert progress.advance(30) == pytest.approx((8.0, 10.0))  # 20 steps of 4 in 10 s; 20 steps to go
    clock["now"] = 1000.0
    progress.restart(30)
    clock["now"] = 1002.0
    assert progress.advance(31) == pytest.approx((2.0, 38.0))
    assert progress.input_wait == 0


def test_progress_tells_how_long_batches_were_waited_for(monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])

    def batches():
        for batch in range(3):
            clock["now"] += 2.0
            yield batch

    progress = Progress(0, 3, batch_size=4)
    for batch in progress.timed(batches()):
        clock["now"] += 6.0 if batch else 2.0
        progress.advance(batch + 1)
        assert progress.input_wait == pytest.approx(0.25 if batch else 0.5)
    progress.advance(3)
    assert progress.input_wait is None


# --- samples ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def samples(run):
    classes = ClassList(("sea", "land"), np.uint8([[0, 0, 255], [0, 255, 0]]))
    batch = {"labels": np.zeros((2, 128, 128), np.int32), "image": np.full((2, 128, 128, 3), 1.0, np.float32)}
    return Samples(run, batch, classes, first_step=10)


def test_samples_are_drawn_at_steps_that_grow_by_half(samples):
    assert [step for step in range(1, 60) if samples.due(step)] == [10, 15, 22, 33, 49]


def test_a_run_that_continues_draws_what_the_other_would(samples):
    samples.due(30)
    assert [step for step in range(31, 60) if samples.due(step)] == [33, 49]


def test_a_grid_shows_labels_edge_both_images_and_photograph(samples, run):
    shades = {"edge": -1.0, "initial_image": 1.7, "image": 0.0}
    samples.draw(lambda batch: {key: np.full((2, 128, 128, 3), shade) for key, shade in shades.items()}, "final")
    with Image.open(run.file("samples", "final.png")) as picture:
        grid = np.asarray(picture)
    middles = grid[grid.shape[0] // 4, 4 + 64 :: 128 + 4]  # one per column, in the first row
    assert middles.tolist() == [[0, 0, 255], [0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 255, 255]]
