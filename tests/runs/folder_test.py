"""The files of a run: what a start writes and refuses, and how a run is opened again."""

import json
import os
import shutil
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.config import keys_of
from ecgan_tf.config_keys import flatten
from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.runs.folder import RunFolder, model_description, read_calibration, read_config, read_layouts
from ecgan_tf.runs.opening import open_discriminator, open_run
from ecgan_tf.training.gan import GAN

MODEL = {"name": "ecgan", "arguments": {"num_classes": 3}, "classes": {}}
LAYOUTS = {"labels": np.arange(8, dtype=np.int32).reshape(2, 2, 2)}


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "run")


@pytest.fixture
def started(run, tiny_config):
    run.start(tiny_config(), MODEL, LAYOUTS)
    return run


@pytest.fixture(scope="module")
def make_gan(tiny_config):
    """The GAN of a method on 3 classes and unknown, its config and what model.json says of it."""
    classes = ClassList(("a", "b", "c"), np.zeros((3, 3), np.uint8), unknown_label=255)
    dataset = types.SimpleNamespace(classes=classes, has_unknown=True, has_boundaries=False)

    def make(method):
        config = tiny_config(method)
        model = model_description(config, dataset)
        return GAN(config, model["arguments"]), config, model

    return make


def read(run, name):
    with open(run.file(name), encoding="utf-8") as file:
        return json.load(file) if name.endswith(".json") else file.read()


def test_a_start_writes_what_describes_the_run(started, tiny_config):
    assert read(started, "config.json") == json.loads(tiny_config().to_json())
    assert read(started, "model.json") == MODEL
    assert {"python", "tensorflow", "keras"} <= read(started, "versions.json").keys()
    assert os.path.basename(sys.argv[0]) in read(started, "command.txt")
    np.testing.assert_array_equal(read_layouts(started.path)["labels"], LAYOUTS["labels"])


@pytest.mark.parametrize("key", ["train.steps", "train.checkpoint_every", "data.check_examples"])
def test_how_long_and_how_often_may_change(started, tiny_config, key):
    started.start(tiny_config(**{key: 7}), MODEL, LAYOUTS)
    section, name = key.split(".")
    assert read(started, "config.json")[section][name] == 7


def leave_a_checkpoint(run):
    os.makedirs(run.checkpoints)
    open(os.path.join(run.checkpoints, "step_00000001.npz"), "w").close()


def test_before_the_first_checkpoint_a_request_can_be_corrected(started, tiny_config):
    started.start(tiny_config(**{"train.seed": 3}), MODEL, LAYOUTS)
    assert read(started, "config.json")["train"]["seed"] == 3


def test_another_run_is_refused_by_key_and_value(started, tiny_config):
    leave_a_checkpoint(started)
    other = {"train.seed": 3, "data.image_size": (64, 32), "train.steps": 7}
    with pytest.raises(RequestError) as error:
        started.check(tiny_config(**other), MODEL)
    assert "config.data.image_size was [32, 32], now [64, 32], config.train.seed was 0, now 3." in str(error.value)
    assert "steps" not in str(error.value) and "--workdir" in str(error.value)
    started.check(tiny_config(), MODEL)  # the refused config was not kept


def test_checkpoints_of_an_unknown_config_are_refused(started, tiny_config):
    leave_a_checkpoint(started)
    os.remove(started.file("config.json"))
    with pytest.raises(RequestError, match="has checkpoints but no config.json"):
        started.check(tiny_config(), MODEL)


def test_a_broken_config_is_named(started, tiny_config):
    leave_a_checkpoint(started)
    with open(started.file("config.json"), "w", encoding="utf-8") as file:
        file.write('{"model": ')
    with pytest.raises(RequestError, match=r"config.json cannot be read as JSON"):
        started.check(tiny_config(), MODEL)


@pytest.mark.parametrize("content", ["{}", "[]", '{"model": {}}'])
def test_a_config_of_something_else_is_named(started, tiny_config, content):
    leave_a_checkpoint(started)
    with open(started.file("config.json"), "w", encoding="utf-8") as file:
        file.write(content)
    with pytest.raises(RequestError, match=r"config.json (is no config of a run|cannot be read as JSON .a list)"):
        started.check(tiny_config(), MODEL)


def test_restoring_takes_the_newest_checkpoint(run, make_gan):
    gan, _, _ = make_gan("spade")
    variables = gan.named_variables()
    assert run.restore(variables) == (0, {})
    for step in (5, 12):
        gan.step.assign(step)
        run.save(step, variables, keep=2)
    expected = {name: np.array(variable.numpy()) for name, variable in variables.items()}
    for variable in variables.values():
        variable.assign(tf.ones_like(variable))
    assert run.restore(variables) == (12, {})
    for name, variable in variables.items():
        np.testing.assert_array_equal(variable, expected[name])


def test_a_run_has_the_keys_of_its_method_whatever_is_stored(started, tiny_config):
    stored = read(started, "config.json")
    del stored["loss"]["gan_mode"], stored["train"]
    stored["loss"] |= {"class_features": 7.0, "of_tomorrow": 1}
    stored["model"]["attention_slots"] = [1, 2]
    stored["optimizer"]["ema_decay"] = 0.5
    with open(started.file("config.json"), "w", encoding="utf-8") as file:
        json.dump(stored, file)
    config = flatten(read_config(started.path))
    assert config.keys() == {"model.name", *keys_of("ecgan")}
    assert (config["loss.gan_mode"], config["train.seed"], config["optimizer.ema_decay"]) == ("hinge", 0, 0.5)
    leave_a_checkpoint(started)
    started.start(tiny_config(**{"optimizer.ema_decay": 0.5}), MODEL, LAYOUTS)  # the same run, not another


def test_a_run_without_calibration_layouts_is_calibrated_on_its_others(started):
    os.remove(started.file("calibration.npz"))
    np.testing.assert_array_equal(read_calibration(started.path)["labels"], LAYOUTS["labels"])


# --- opening ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(make_run):
    return make_run("ecgan")


def test_a_run_is_opened_by_its_folder_alone(made):
    generator, model, step = open_run(made)
    assert (step, model["name"], generator.image_size) == (1, "ecgan", (32, 32))
    with np.load(made / "checkpoints" / "step_00000001.npz") as arrays:
        for variable in generator.variables:
            np.testing.assert_array_equal(variable.value.numpy(), arrays[f"ema_generator/{variable.path}"])


def test_a_run_is_opened_at_its_newest_checkpoint(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy")
    with np.load(made / "checkpoints" / "step_00000001.npz") as arrays:
        np.savez(tmp_path / "copy" / "checkpoints" / "step_00000012.npz", **{name: arrays[name] + 1 for name in arrays})
    generator, _, step = open_run(tmp_path / "copy")
    assert step == 12
    np.testing.assert_array_equal(generator.edge_generator.to_image.bias.value.numpy(), np.ones(3))


def test_a_folder_without_a_checkpoint_is_no_run(started, tmp_path):
    for path in (started.path, tmp_path / "nowhere"):
        with pytest.raises(RequestError, match=f"{path} is not a run folder with a checkpoint"):
            open_run(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "gaugan"}, "'gaugan'; it must be one of ecgan, lggan"),
        ({"arguments": {"num_classes": 3, "image_size": [32, 32], "colour": 1}}, "colour"),
        ({"arguments": {"num_classes": 3, "image_size": [30, 30]}}, "multiple of 32"),
    ],
    ids=["name", "argument", "size"],
)
def test_a_model_of_another_version_is_refused(run, made, change, message):
    os.makedirs(run.checkpoints)
    os.symlink(made / "checkpoints" / "step_00000001.npz", os.path.join(run.checkpoints, "step_00000001.npz"))
    with open(run.file("model.json"), "w", encoding="utf-8") as file:
        json.dump({**json.loads((made / "model.json").read_text()), **change}, file)
    with pytest.raises(RequestError, match=f"model.json does not describe a model of this version.*{message}"):
        open_run(run.path)


@pytest.mark.parametrize("method", ["ecgan", "lggan_cross_view"])
def test_the_main_discriminator_is_opened_with_its_weights(run, make_gan, method):
    gan, config, model = make_gan(method)
    for variable in gan.discriminator.variables:
        variable.assign(np.random.default_rng(1).normal(size=variable.shape))
    run.start(config, model, LAYOUTS)
    run.save(3, gan.named_variables(), keep=1)
    network = open_discriminator(run.path)
    assert type(network) is type(gan.discriminator)
    for opened, variable in zip(network.variables, gan.discriminator.variables, strict=True):
        assert opened.path == variable.path
        np.testing.assert_array_equal(opened.value.numpy(), variable.value.numpy())
