"""A run that starts from the weights of another, of the same classes or of others."""

import shutil
import types

import keras
import numpy as np
import pytest

from ecgan_tf.config import keys_of
from ecgan_tf.data.classes import ClassList, distinct_palette
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS
from ecgan_tf.models.label_rows import Rows, label_rows, transfer
from ecgan_tf.runs.checkpoints import read_checkpoint
from ecgan_tf.runs.folder import RunFolder
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.initial import class_table, init_from, match_classes

SMALL = {"model.base_filters": 4, "discriminator.base_filters": 4, "discriminator.num_scales": 1,
         "loss.contrastive_memory": 8, "discriminator.segmentation": 1.0, "model.num_residual_blocks": 1}  # fmt: skip


def classes_of(*names, unknown=255):
    return ClassList(names, distinct_palette(len(names)), unknown_label=unknown)


OLD, NEW = classes_of("sky", "Tree", "water"), classes_of("sand", "tree", "lamp post", "sky")
BY_NAME = [-1, 1, -1, 0, 3]  # and unknown


def make(tiny_config, method, classes, seed):
    config = tiny_config(method, **{k: v for k, v in SMALL.items() if k in keys_of(method)})
    dataset = types.SimpleNamespace(classes=classes, has_unknown=classes.has_unknown, has_boundaries=True)
    keras.utils.set_random_seed(seed)
    arguments = METHODS[method].generator_arguments(config, dataset)
    gan = GAN(config, arguments)
    rng = np.random.default_rng(seed)
    for variable in gan.named_variables().values():  # biases, too, so that a row that is not copied shows
        if variable.dtype.is_floating:
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return gan, config, arguments


def values_of(gan):
    return {name: np.array(variable.numpy()) for name, variable in gan.named_variables().items()}


@pytest.fixture(scope="module", params=["ecgan", "lggan_cross_view", "mobile"])
def made(request, tiny_config, tmp_path_factory):
    """A run of the old classes, its GAN, and a new GAN of the new ones."""
    old, config, arguments = make(tiny_config, request.param, OLD, 1)
    run = RunFolder(tmp_path_factory.mktemp("runs") / "old")
    model = {"name": request.param, "arguments": arguments, "classes": OLD.to_dict()}
    run.start(config, model, {"labels": np.zeros((1, 32, 32), np.int32)})
    run.save(3, old.named_variables(), keep=1)
    new = make(tiny_config, request.param, NEW, 2)[0]
    return run, old, new, values_of(new)


@pytest.fixture
def pair(made):
    """The run, its GAN, and the new one as it was made."""
    run, old, new, start = made
    for name, variable in new.named_variables().items():
        variable.assign(start[name])
    return run.path, old, new


def networks_of(gan):
    return {"generator": gan.generator, "ema_generator": gan.ema_generator, **gan.discriminators, **gan.heads}


def test_rows_of_classes_that_both_have_are_copied_and_all_that_has_no_class(pair, capsys):
    path, old, new = pair
    before, theirs = values_of(new), values_of(old)
    init_from(new, path, NEW)
    rows = {f"{part}/{p}": r for part, network in networks_of(new).items() for p, r in label_rows(network).items()}
    after = values_of(new)
    assert rows.keys() <= after.keys()
    for name, value in after.items():
        if "optimizer/" in name or name == "step" or name.startswith("memory/"):
            np.testing.assert_array_equal(value, before[name])
        elif name not in rows:
            np.testing.assert_array_equal(value, theirs[name])
        elif len(rows[name]) == 1 and rows[name][0].width == 1:
            check_rows(rows[name][0], value, theirs[name], before[name])
    said = capsys.readouterr().out
    assert "3 of 5 classes are known by name:" in said and "tree       from 'Tree'" in said and "sand       new" in said
    assert "not here: water" in said


def check_rows(row, *arrays):
    """Each class is the old one of its name, or as it was; what stands behind the classes is the old one's."""
    value, source, fresh = (np.moveaxis(array, row.axis, 0)[row.start :] for array in arrays)
    for label, other in enumerate(BY_NAME[: 4 + row.has_unknown]):
        np.testing.assert_array_equal(value[label], fresh[label] if other < 0 else source[other])
    np.testing.assert_array_equal(value[4 + row.has_unknown :], source[3 + row.has_unknown :])


def test_shapes_that_change_with_the_classes_are_all_listed(pair):
    """Else `init_from` would refuse a run of other classes."""
    _, old, new = pair
    listed = {f"{part}/{path}" for part, network in networks_of(new).items() for path in label_rows(network)}
    shapes = {name: tuple(variable.shape) for name, variable in old.named_variables().items()}
    changed = {name for name, variable in new.named_variables().items() if tuple(variable.shape) != shapes[name]}
    assert {name for name in changed if "optimizer/" not in name and not name.startswith("memory/")} <= listed


def test_the_picture_of_classes_that_both_have_is_the_old_one(pair, rng):
    path, old, new = pair
    if hasattr(new.generator, "semantic_preserving"):
        pytest.skip("G_s mixes all classes, the new ones too")
    init_from(new, path, NEW)
    labels = rng.integers(0, 2, (1, 8, 8)).repeat(4, 1).repeat(4, 2).astype(np.int32)  # sky and tree
    inputs = {"boundaries": np.zeros((1, 32, 32, 1), np.float32), "source": np.zeros((1, 32, 32, 3), np.float32)}
    expected = old.generator({"labels": labels, **inputs})["image"]
    found = new.generator({"labels": np.array([3, 1], np.int32)[labels], **inputs})["image"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_same_classes_take_all_of_it_from_a_checkpoint_file(pair):
    path, old, _ = pair
    before = values_of(old)
    for name, variable in old.named_variables().items():
        if "optimizer/" not in name and name != "step" and variable.dtype.is_floating:
            variable.assign(variable + 1.0)
    init_from(old, f"{path}/checkpoints/step_00000003.npz", OLD)
    assert not [name for name, value in values_of(old).items() if not np.array_equal(value, before[name])]


def test_another_network_or_file_is_refused(made, pair, tmp_path):
    run, path, new = made[0], pair[0], pair[2]
    arrays = read_checkpoint(run.checkpoints, 3)
    other = RunFolder(tmp_path / "other")
    shutil.copytree(path, other.path)
    lost = next(name for name in arrays if name.startswith("generator/"))
    np.savez(other.file("checkpoints", "step_00000003.npz"), **{n: a for n, a in arrays.items() if n != lost})
    with pytest.raises(RequestError, match=f"does not fit this model: missing {lost}"):
        init_from(new, other.path, NEW)
    with pytest.raises(RequestError, match="is not a run folder"):
        init_from(new, path + "/nowhere", NEW)
    with pytest.raises(RequestError, match="no checkpoint of a run"):
        shutil.copy(run.file("layouts.npz"), run.file("checkpoints", "other.npz"))
        init_from(new, run.file("checkpoints", "other.npz"), NEW)


def test_classes_match_by_name_whatever_its_capitals():
    old = classes_of("traffic light", "Sky", "sky", unknown=None)
    assert match_classes(classes_of("SKY", "traffic-light", "sky", "sky", unknown=255), old) == [1, 0, 2, -1, -1]
    assert match_classes(old, classes_of("sky")) == [-1, 0, -1]
    lines = list(class_table(NEW, OLD, BY_NAME))
    assert len(lines) == 7 and lines[-1] == "  not here: water"


def test_a_transfer_by_hand():
    new, old = np.full((2, 6), -1.0), np.arange(10.0).reshape(2, 5)
    rows = [Rows(axis=1, start=1)]
    value = transfer(new, old, rows, [2, -1, 0], [(3, False), (3, False)])
    assert value is None  # of two that stand behind the classes there is one in the old one
    value = transfer(new, old, rows, [1, -1, 0, -1], [(4, False), (3, False)])
    np.testing.assert_array_equal(value, [[0, 2, -1, 1, -1, 4], [5, 7, -1, 6, -1, 9]])
    assert transfer(new, old[:1], rows, [0, 1, 2, -1], [(4, False), (3, False)]) is None
    np.testing.assert_array_equal(transfer(new, new + 3, [], [], [(4, False), (3, False)]), new + 3)
