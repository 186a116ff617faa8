"""Runs that measure themselves: what they write, what a kill loses (nothing), and that measuring changes no weight."""

import json

import numpy as np
import pytest

import ecgan_tf
from ecgan_tf.config import BEST_BY, NEED_JUDGE
from ecgan_tf.data import open_dataset
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.protocols import METRICS
from ecgan_tf.interrupts import InterruptError
from ecgan_tf.json_lines import read_lines
from ecgan_tf.runs.folder import RunFolder
from ecgan_tf.training.evaluations import Evaluations, best_by, make_measures
from ecgan_tf.training.summaries import MEASURED

SETTINGS = {"train__steps": 4, "train__evaluate_every": 2, "train__evaluate_layouts": 4, "train__checkpoint_every": 3,
            "train__keep_checkpoints": 1}  # fmt: skip


def config(**values):
    return ecgan_tf.load_config("spade_earth_tiles:toy", **{**SETTINGS, **values})


def weights(path):
    run = RunFolder(path)
    return dict(np.load(run.file("checkpoints", f"step_{run.steps[-1]:08d}.npz")))


@pytest.fixture(scope="module")
def measured(judge, tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "run"
    ecgan_tf.train(config(train__judge=judge, train__best_by="miou", train__evaluate_raw=True), str(path))
    return path


def test_a_line_for_each_measured_step(measured):
    lines = read_lines(measured / "evaluations.jsonl")
    assert [line["step"] for line in lines] == [2, 4]
    for line in lines:
        assert {"miou_own_32_val4", "fd_own_32_val4", "kd_own_32_val4", "ssim_32_val4"} <= line["numbers"].keys()
        assert line["raw"].keys() == line["numbers"].keys() and line["raw"] != line["numbers"]
        assert line["by"].startswith("miou_own_32_val4 ")
        assert line["score"] == pytest.approx(-line["numbers"]["miou_own_32_val4"], rel=1e-4)


def test_the_best_checkpoint_is_kept(measured):
    run = RunFolder(measured)
    assert set(run.steps) == {run.best_step, 4}


def test_measuring_changes_no_weight_and_no_log(measured, tmp_path):
    ecgan_tf.train(config(train__evaluate_every=0, train__evaluate_layouts=0), str(tmp_path / "run"))
    plain, watched = weights(tmp_path / "run"), weights(measured)
    assert plain.keys() == watched.keys()
    assert not [name for name, value in plain.items() if not np.array_equal(value, watched[name])]
    plain, watched = (
        [{**json.loads(line), **dict.fromkeys(MEASURED)} for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (tmp_path / "run", measured)
    )
    assert plain == watched


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 4])
def test_a_kill_while_a_step_is_measured_loses_nothing(step, measured, judge, tmp_path, monkeypatch):
    """The checkpoint is there, its numbers are not: the same command measures it before it goes on."""
    whole, calls = Evaluations.measure, []

    def killed(self, at, stop):
        calls.append(at)
        if at == step:
            raise InterruptError(15, "killed here")
        whole(self, at, stop)

    monkeypatch.setattr(Evaluations, "measure", killed)
    request = config(train__judge=judge, train__best_by="miou", train__evaluate_raw=True)
    with pytest.raises(InterruptError):
        ecgan_tf.train(request, str(tmp_path / "run"))
    assert calls[-1] == step and step in RunFolder(tmp_path / "run").steps
    monkeypatch.setattr(Evaluations, "measure", whole)
    ecgan_tf.train(request, str(tmp_path / "run"))
    lines = [read_lines(path / "evaluations.jsonl") for path in (measured, tmp_path / "run")]
    assert lines[0] == lines[1]
    assert RunFolder(tmp_path / "run").steps == RunFolder(measured).steps
    one, other = weights(measured), weights(tmp_path / "run")
    assert not [name for name, value in one.items() if not np.array_equal(value, other[name])]


def test_a_signal_while_a_step_is_measured_ends_it_at_once(measured, judge, tmp_path):
    class Stop:
        number = 15

    run = RunFolder(measured)
    before = (measured / "evaluations.jsonl").read_text()

    class Measures:
        def measure(self, generate, progress):
            progress(1, 4)

    evaluations = object.__new__(Evaluations)
    evaluations.measures, evaluations.generators, evaluations.run = Measures(), {"numbers": None}, run
    with pytest.raises(InterruptError, match="saved at step 4"):
        evaluations.measure(4, Stop())
    assert (measured / "evaluations.jsonl").read_text() == before


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train__best_by": "miou"}, "config.train.best_by is 'miou', which needs a network: config.train.judge"),
        ({"train__evaluate_every": 0}, "config.train.evaluate_layouts is 4, but config.train.evaluate_every is 0"),
        ({"train__best_by": "beauty"}, "config.train.best_by is 'beauty'; it must be one of"),
        ({"train__judge": "nowhere.npz"}, "nowhere.npz: no such file"),
        (
            {"train__judge": "hed", "train__best_by": "miou"},
            "best_by is 'miou', which 'hed' does not give over 4 layout",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_measured_is_refused_before_anything_is_written(values, message, tmp_path):
    with pytest.raises(RequestError, match=message):
        ecgan_tf.train(config(**values), str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_few_layouts_have_no_distance_of_distributions(judge, tmp_path):
    values = {"train__judge": judge, "train__evaluate_layouts": 3}
    with pytest.raises(RequestError, match="is 'fd', which .* does not give over 3 layouts; choose one of miou"):
        ecgan_tf.train(config(**values, train__best_by="fd"), str(tmp_path / "run"))
    data = open_dataset(config().data, "validation")
    measures = make_measures(config(**values), data)
    assert "fd" not in measures.metrics and best_by(config(**values).train, measures) == "l1"
    assert make_measures(config(train__evaluate_every=0, train__evaluate_layouts=0), data) is None


def test_every_metric_that_can_be_best_is_one_and_is_known_to_need_a_network_or_not():
    assert {metric for metric in BEST_BY if METRICS[metric]} == set(NEED_JUDGE)


def test_a_network_that_a_loss_uses_does_not_judge(judge, tmp_path):
    request = ecgan_tf.load_config("ecgan_earth_tiles:toy", **SETTINGS, loss__segmenter=judge, train__judge=judge)
    with pytest.raises(RequestError, match="config.train.judge is .*the network of config.loss.segmenter"):
        ecgan_tf.train(request, str(tmp_path / "run"))
