"""A run and all that belongs to it; the folder alone is enough to synthesise, evaluate, export or continue."""

import importlib.metadata
import json
import os
import platform
import shlex
import sys

import numpy as np

from ecgan_tf.arrays import read_arrays
from ecgan_tf.atomic_files import atomic_path, read_json, write_json, write_text
from ecgan_tf.config import without_foreign_keys
from ecgan_tf.config_keys import flatten
from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS, make_generator
from ecgan_tf.runs.checkpoints import list_checkpoints, load_checkpoint, save_checkpoint

# What may differ from the stored config when a run continues: how long and how often, not what.
MAY_CHANGE = (
    "train.steps",
    "train.devices",
    "train.log_every",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.first_sample",
    "train.sample_layouts",
    "train.jit_compile",
    "data.dir",
    "data.cache_gb",
    "data.check_examples",
)
PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "opencv-python-headless", "ml-collections", "absl-py")


class RunFolder:
    """The files of one run, by name.

    config.json  resolved config             metrics.jsonl  one object per log step
    model.json   generator's arguments and   tensorboard/   the same and the grids
                 the data set's classes      samples/       step_XXXXXXXX.png, final.png
    layouts.npz  a few validation layouts    checkpoints/   step_XXXXXXXX.npz
    calibration.npz  a few training layouts  versions.json, command.txt
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.path.expanduser(path))
        self.checkpoints = self.file("checkpoints")

    def file(self, *names):
        return os.path.join(self.path, *names)

    def start(self, config, model, layouts, calibration=None):
        """Writes what describes the run, or checks that it is the same run that continues.

        Args:
            config: the run's.
            model: dictionary of `name`, `arguments` (of `make_generator`) and `classes`, see `model_description`.
            layouts: dictionary of NumPy arrays that the generator takes; exported files are compared on them.
            calibration: the same of training layouts, which set the ranges of int8; None: `layouts`.
        """
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise RequestError(f"{self.path} is a file; give a folder.")
        resolved = json.loads(json.dumps(config.to_dict()))
        if list_checkpoints(self.checkpoints):  # before the first one nothing is lost by another config
            if not os.path.exists(self.file("config.json")):
                raise RequestError(f"{self.path} has checkpoints but no config.json; choose another --workdir.")
            self._check_same(resolved)
        write_json(self.file("config.json"), resolved)
        write_json(self.file("model.json"), model)
        for name, arrays in (("layouts.npz", layouts), ("calibration.npz", calibration or layouts)):
            with atomic_path(self.file(name)) as temporary:
                np.savez_compressed(temporary, **arrays)
        write_json(self.file("versions.json"), installed_versions())
        write_text(self.file("command.txt"), shlex.join(sys.argv) + "\n")

    def _check_same(self, resolved):
        before, now = flatten(read_config(self.path)), flatten(resolved)
        changed = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key) and key not in MAY_CHANGE]
        if changed:
            shown = ", ".join(f"config.{key} was {before.get(key)!r}, now {now.get(key)!r}" for key in changed)
            raise RequestError(f"{self.path} holds another run: {shown}. Choose another --workdir, or these values.")

    def save(self, step, variables, keep):
        save_checkpoint(self.checkpoints, step, variables, keep)

    def restore(self, variables):
        """Loads the newest checkpoint, if there is one. Returns its step, or 0."""
        steps = list_checkpoints(self.checkpoints)
        if not steps:
            return 0
        load_checkpoint(self.checkpoints, steps[-1], variables)
        return steps[-1]


def model_description(config, dataset):
    """What model.json holds: all that is needed to open the generator and to read layouts for it."""
    return {
        "name": config.model.name,
        "arguments": METHODS[config.model.name].generator_arguments(config, dataset),
        "classes": dataset.classes.to_dict(),
    }


def open_run(path, image_size=None):
    """The averaged generator of a run at its newest checkpoint.

    Args:
        path: run folder.
        image_size: (height, width) to synthesise at, or None for the run's.
    Returns:
        `keras.Model`, the dictionary of model.json, and the step of the checkpoint.
    """
    run = RunFolder(path)
    model, steps = read_model(path), list_checkpoints(run.checkpoints)
    try:
        if image_size is not None:
            model["arguments"]["image_size"] = list(image_size)
        generator = make_generator(model["name"], **model["arguments"])
        ClassList.from_dict(model["classes"])
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{run.file('model.json')} does not describe a model of this version: {error}.") from error
    variables = {f"ema_generator/{variable.path}": variable.value for variable in generator.variables}
    load_checkpoint(run.checkpoints, steps[-1], variables, prefix="ema_generator/")
    return generator, model, steps[-1]


def open_discriminator(path):
    """The main discriminator of a run at its newest checkpoint."""
    import ml_collections

    run, model = RunFolder(path), read_model(path)
    config = ml_collections.ConfigDict(read_config(path))
    layout = {key: model["arguments"][key] for key in ("num_classes", "has_unknown", "has_boundaries")}
    main = METHODS[model["name"]].make_judges(config, layout)[0]
    variables = {f"{main.name}/{variable.path}": variable.value for variable in main.network.variables}
    load_checkpoint(run.checkpoints, list_checkpoints(run.checkpoints)[-1], variables, prefix=f"{main.name}/")
    return main.network


def read_model(path):
    """The dictionary of a run's model.json; a folder without one or without a checkpoint is no run."""
    run = RunFolder(path)
    if not os.path.isfile(run.file("model.json")) or not list_checkpoints(run.checkpoints):
        raise RequestError(
            f"{path} is not a run folder with a checkpoint (model.json, checkpoints/step_*.npz); "
            "give the --workdir of a training run."
        )
    return read_json(run.file("model.json"))


def read_config(path):
    """The config of a run, a nested dictionary of the keys that its method reads; runs of before have more."""
    file = RunFolder(path).file("config.json")
    try:
        return without_foreign_keys(read_json(file))
    except (AttributeError, KeyError, TypeError) as error:
        raise RequestError(f"{file} is no config of a run.") from error


def read_layouts(path):
    """The layouts that a run keeps: dictionary of `labels` int32 (count, height, width) and what else it takes."""
    return read_arrays(RunFolder(path).file("layouts.npz"))


def read_calibration(path):
    """The training layouts that a run keeps, as `read_layouts`; a run of an older version has the others only."""
    file = RunFolder(path).file("calibration.npz")
    return read_arrays(file) if os.path.isfile(file) else read_layouts(path)


def installed_versions():
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = None
    return {"python": platform.python_version(), "platform": platform.platform(), **packages}
