"""What a run is, is compared before anything is written; what is not finite is never kept nor opened."""

import json
import resource
import shutil

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.config import base_config
from ecgan_tf.errors import RequestError
from ecgan_tf.runs.checkpoints import DivergedError, list_checkpoints, load_checkpoint, save_checkpoint
from ecgan_tf.runs.folder import RunFolder, read_json
from ecgan_tf.runs.opening import open_run


@pytest.fixture(scope="module")
def original(make_run):
    return make_run("spade", num_classes=3, has_unknown=True)


@pytest.fixture
def run(original, tmp_path):
    return shutil.copytree(original, tmp_path / "run")


def state(folder):
    """Every file with its content and its age: what must not change where a request is refused."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def rename(model):
    model["classes"]["classes"][1]["name"] = "another"


def swap(model):
    first, second, *rest = model["classes"]["classes"]
    first, second = ({**a, "id": b["id"], "raw_id": b["raw_id"]} for a, b in ((first, second), (second, first)))
    model["classes"]["classes"] = [second, first, *rest]


def recolour(model):
    model["classes"]["classes"][2]["color"] = [1, 2, 3]


def add(model):
    model["classes"]["classes"].append({"id": 3, "raw_id": 3, "name": "new", "color": [9, 9, 9]})


def revalue(model):
    model["classes"]["classes"][0]["raw_id"] = 7


def widen(model):
    model["arguments"]["num_classes"] = 4


def unlabel(model):
    model["classes"]["ignore_index"] = 200


CHANGES = {
    rename: "class 1 was 'class 1'",
    swap: "class 0 was 'class 0'",
    recolour: r"class 2 was .* colour \[1, 2, 3\]",
    add: "it was started with 3 classes, the data set has 4",
    revalue: r"class 0 was .*\(value 7",
    widen: "the generator's num_classes was 3, now 4",
    unlabel: "unlabelled pixels were 255, now 200",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_other_data_are_another_run_and_nothing_is_written(change, run):
    before, model = state(run), read_json(str(run / "model.json"))
    change(model)
    with pytest.raises(RequestError, match=f"holds another run: {CHANGES[change]}"):
        RunFolder(run).check(base_config("spade"), model)
    assert state(run) == before


def test_the_same_run_writes_only_what_changed(run):
    before, model, config = state(run), read_json(str(run / "model.json")), base_config("spade")
    config.train.log_every = 7
    folder = RunFolder(run)
    folder.check(config, model)
    folder.start(config, model, {"labels": np.zeros((1, 2, 2), np.int32)})
    changed = {name.rsplit("/", 1)[1] for name, kept in state(run).items() if before.get(name) != kept}
    assert changed == {"config.json", "versions.json", "command.txt"}


def test_other_rates_go_with_a_rollback_alone(run):
    model, config = read_json(str(run / "model.json")), base_config("spade")
    config.optimizer.generator_lr = 5e-5
    with pytest.raises(RequestError, match="generator_lr was 0.0001, now 5e-05.*--rollback_to=STEP"):
        RunFolder(run).check(config, model)
    RunFolder(run).check(config, model, rollback_to=1)
    with pytest.raises(RequestError, match="--rollback_to=2: .* has checkpoints of steps 1"):
        RunFolder(run).check(config, model, rollback_to=2)


def test_a_rollback_removes_what_came_after(run):
    for step in (2, 3):
        shutil.copy(run / "checkpoints" / "step_00000001.npz", run / "checkpoints" / f"step_{step:08d}.npz")
    RunFolder(run).roll_back(2)
    assert RunFolder(run).steps == [1, 2]


# --- what is not finite ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_saved_and_nothing_is_pruned(value, tmp_path):
    weights = tf.Variable([1.0, 2.0])
    for step in (1, 2):
        save_checkpoint(str(tmp_path), step, {"weights": weights}, keep=2)
    weights.assign([1.0, value])
    with pytest.raises(DivergedError, match="1 of 1 arrays are not finite, such as weights"):
        save_checkpoint(str(tmp_path), 3, {"weights": weights}, keep=1)
    assert list_checkpoints(str(tmp_path)) == [1, 2]


def test_a_checkpoint_takes_other_arrays_along(tmp_path):
    weights = tf.Variable([1.0, 2.0])
    save_checkpoint(str(tmp_path), 1, {"weights": weights}, keep=1, extra={"L_G": np.array([3.0, 4.0])})
    weights.assign([0.0, 0.0])
    extra = load_checkpoint(str(tmp_path), 1, {"weights": weights})
    assert list(weights.numpy()) == [1.0, 2.0] and {k: list(v) for k, v in extra.items()} == {"L_G": [3.0, 4.0]}


def spoil(run, step=1):
    path = run / "checkpoints" / f"step_{step:08d}.npz"
    arrays = dict(np.load(path))
    name = next(name for name in arrays if name.endswith("kernel"))
    arrays[name] = np.full_like(arrays[name], np.nan)
    np.savez(path, **arrays)


def test_a_run_of_before_that_had_diverged_is_not_opened(run):
    spoil(run)
    with pytest.raises(RequestError, match=r"step 1 is not finite \(1 of .*the run had diverged; train anew"):
        open_run(str(run))


def test_and_its_last_finite_checkpoint_is_named(run):
    shutil.copy(run / "checkpoints" / "step_00000001.npz", run / "checkpoints" / "step_00000002.npz")
    spoil(run, 2)
    with pytest.raises(RequestError, match="step 2 is not finite .*--rollback_to=1"):
        open_run(str(run))


# --- claims of a file ------------------------------------------------------------------------------------------------


def test_a_model_that_claims_a_million_filters_takes_no_memory(run):
    model = json.loads((run / "model.json").read_text())
    model["arguments"]["base_filters"] = 2**20
    (run / "model.json").write_text(json.dumps(model))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RequestError, match="does not fit this model: .* has shape"):
        open_run(str(run))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


@pytest.mark.parametrize("content", ["[]", "3", "[" * 10_000, '{"name": "spade"}', '{"name": [], "arguments": {}}', ""])
def test_a_model_json_that_is_none_is_one_line(content, run):
    (run / "model.json").write_text(content)
    with pytest.raises(RequestError, match="model.json"):
        open_run(str(run))
