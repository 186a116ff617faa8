"""Which checkpoint of a run a request means, and which ones stay."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

import ecgan_tf
from ecgan_tf.errors import RequestError
from ecgan_tf.json_lines import append_line
from ecgan_tf.runs.folder import RunFolder, read_layouts
from ecgan_tf.runs.opening import open_run


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path)


def save(run, step, score=None, keep=2):
    run.save(step, {"step": tf.Variable(step)}, keep)
    if score is not None:
        append_line(run.file("evaluations.jsonl"), {"step": step, "numbers": {}, "score": score})


def test_the_best_step_stays_until_a_better_one_is_there(run):
    for step, score in [(2, 3.0), (4, 1.0), (6, 2.0), (8, 1.0), (10, float("nan"))]:
        save(run, step, score, keep=1)
    assert run.best_step == 4 and run.steps == [4, 10]
    save(run, 12, 0.5, keep=1)
    save(run, 14, keep=1)
    assert run.best_step == 12 and run.steps == [12, 14]


def test_a_best_step_has_a_checkpoint(run):
    """Of a run that was taken back, or whose file was removed by hand."""
    save(run, 2, 1.0)
    append_line(run.file("evaluations.jsonl"), {"step": 3, "numbers": {}, "score": 0.5})
    append_line(run.file("evaluations.jsonl"), {"step": 2, "numbers": {}, "score": "low"})
    assert run.best_step == 2


def test_a_step_is_named_by_its_number_or_by_what_it_is(run):
    for step, score in [(2, 1.0), (4, 2.0)]:
        save(run, step, score)
    assert [run.step_of(which) for which in ("last", "best", 2, "4", "00002")] == [4, 2, 2, 4, 2]


@pytest.mark.parametrize("which", ["3", "newest", "", "-2", "2.0", "\u0662"])
def test_a_step_that_is_not_there_is_refused_with_those_that_are(run, which):
    save(run, 2)
    save(run, 4)
    with pytest.raises(RequestError, match=f"--step={which}: .* has checkpoints of steps 2, 4; give one, best or last"):
        run.step_of(which)


def test_lines_of_something_else_are_left_out(run):
    save(run, 2, 1.0)
    for line in ({"step": 2}, {"step": 2, "numbers": [1]}, {"step": "2", "numbers": {}}):
        append_line(run.file("evaluations.jsonl"), line)
    assert run.best_step == 2 and len(run.evaluations) == 1


def test_without_evaluations_there_is_no_best(run):
    save(run, 2)
    with pytest.raises(RequestError, match="--step=best: .*was not evaluated .*train.evaluate_every.*are of steps 2."):
        run.step_of("best")


def test_every_opener_takes_a_step(make_run, tmp_path):
    """Two checkpoints of different weights: the pictures are those of the one that is named."""
    path = str(make_run("spade"))
    run, layouts = RunFolder(path), read_layouts(path)
    generator, _, step = open_run(path)
    for variable in generator.trainable_variables:
        variable.assign(0.5 * variable)
    run.save(step + 1, {f"ema_generator/{v.path}": v.value for v in generator.variables}, keep=2)
    append_line(run.file("evaluations.jsonl"), {"step": step, "numbers": {}, "score": 1.0})
    pictures = {which: ecgan_tf.open_model(path, which)(layouts["labels"]) for which in (None, "last", "best", step)}
    np.testing.assert_array_equal(pictures[None], pictures["last"])
    np.testing.assert_array_equal(pictures["best"], pictures[step])
    assert np.any(pictures["best"] != pictures["last"])
    report = ecgan_tf.export(path, str(tmp_path / "exported"), ["saved_model"], step="best")
    assert report["step"] == step and report["artefacts"]["saved_model"]["passed"]
    exported = str(pathlib.Path(tmp_path / "exported" / "saved_model"))
    assert np.abs(ecgan_tf.open_model(exported)(layouts["labels"]).astype(int) - pictures["best"]).max() <= 1
    with pytest.raises(RequestError, match=f"--step=best: {exported} is no run folder"):
        ecgan_tf.open_model(exported, "best")
    assert json.loads((tmp_path / "exported" / "model.json").read_text())["step"] == step
