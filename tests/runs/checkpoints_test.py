"""Checkpoints: what is saved is loaded, and a damaged or foreign file is named."""

import os

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.runs.checkpoints import list_checkpoints, load_checkpoint, read_arrays, save_checkpoint

VALUES = {"generator/conv/kernel": [[1.5, 2.5]], "generator/conv/bias": [-1.0], "step": 7}


def variables(**changed):
    return {name: tf.Variable(value) for name, value in {**VALUES, **changed}.items()}


def zeros():
    return {name: tf.zeros_like(variable) for name, variable in variables().items()}


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path, 3, variables(), keep=2)
    return tmp_path


def test_what_is_saved_is_loaded(folder):
    loaded = variables(**zeros())
    load_checkpoint(folder, 3, loaded)
    for name, value in VALUES.items():
        np.testing.assert_array_equal(loaded[name], value)
        assert loaded[name].dtype == tf.Variable(value).dtype


def test_only_the_newest_are_kept(folder):
    for step in (4, 5, 12):
        save_checkpoint(folder, step, variables(), keep=2)
    assert list_checkpoints(folder) == [5, 12]
    assert sorted(os.listdir(folder)) == ["step_00000005.npz", "step_00000012.npz"]


def test_what_is_to_be_kept_stays_beside_the_newest(folder):
    for step in (4, 5, 12):
        save_checkpoint(folder, step, variables(), keep=1, kept=(4,))
    assert list_checkpoints(folder) == [4, 12]


def test_other_files_are_no_checkpoints(folder):
    for name in (".partial-abc-step_00000009.npz", "step_9.npz", "step_00000009.npz.bak"):
        (folder / name).touch()
    assert list_checkpoints(folder) == [3]
    assert list_checkpoints(folder / "nowhere") == []


def test_a_prefix_picks_a_part(folder):
    bias = {"generator/conv/bias": tf.Variable([0.0])}
    load_checkpoint(folder, 3, bias, prefix="generator/conv/b")
    np.testing.assert_array_equal(bias["generator/conv/bias"], [-1.0])


def test_every_misfit_is_listed_and_nothing_is_loaded(folder):
    wanted = variables(**{"generator/conv/bias": [0.0, 0.0], "generator/new": 1.0, "step": 0})
    del wanted["generator/conv/kernel"]
    with pytest.raises(RequestError) as error:
        load_checkpoint(folder, 3, wanted)
    assert str(error.value).startswith(f"{folder}/step_00000003.npz does not fit this model: ")
    for problem in (
        "missing generator/new",
        "unknown generator/conv/kernel",
        "generator/conv/bias has shape (1,), not (2,)",
    ):
        assert problem in str(error.value)
    assert wanted["step"] == 0


def test_a_long_list_of_misfits_is_shortened(folder):
    with pytest.raises(RequestError, match="missing 4 and 3 more"):
        load_checkpoint(folder, 3, variables(**{str(i): 0 for i in range(8)}))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_refused(folder, share):
    path = folder / "step_00000003.npz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(RequestError, match=f"{path} is not a readable .*; remove .* the one before it"):
        load_checkpoint(folder, 3, variables())


def test_a_flipped_byte_is_noticed(folder):
    path = folder / "step_00000003.npz"
    content = path.read_bytes()
    position = content.index(np.float32(2.5).tobytes())
    path.write_bytes(content[:position] + b"\x00\x00\x00\x00" + content[position + 4 :])
    with pytest.raises(RequestError, match="not a readable"):
        load_checkpoint(folder, 3, variables())


def test_pickled_objects_are_refused(folder):
    np.savez(folder / "step_00000004.npz", step=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RequestError, match="not a readable"):
        load_checkpoint(folder, 4, {"step": tf.Variable(0)})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RequestError, match="step_00000001.npz"):
        read_arrays(tmp_path / "step_00000001.npz")


class FullDisk:
    """A variable whose value cannot be had."""

    def numpy(self):
        raise OSError("No space left on device")


def test_a_failing_write_leaves_what_was_there(folder):
    before = (folder / "step_00000003.npz").read_bytes()
    for step in (3, 4):
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(folder, step, {**variables(), "last": FullDisk()}, keep=1)
    assert os.listdir(folder) == ["step_00000003.npz"]
    assert (folder / "step_00000003.npz").read_bytes() == before
