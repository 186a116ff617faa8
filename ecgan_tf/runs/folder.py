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
from ecgan_tf.config import keys_of, without_foreign_keys
from ecgan_tf.config_keys import flatten
from ecgan_tf.errors import RequestError
from ecgan_tf.json_lines import read_lines
from ecgan_tf.methods import METHODS
from ecgan_tf.runs.checkpoints import (
    checkpoint_path,
    list_checkpoints,
    load_checkpoint,
    prune_checkpoints,
    save_checkpoint,
)
from ecgan_tf.runs.schedule import checked_pieces, extend, planned

# What may differ from the stored config when a run continues: how long and how often, not what.
MAY_CHANGE = (
    "loss.distill_from",  # the teacher's weights are in the checkpoints; its run may have moved
    "train.steps",
    "train.devices",
    "train.cluster",
    "train.log_every",
    "train.checkpoint_every",
    "train.keep_checkpoints",
    "train.first_sample",
    "train.sample_layouts",
    "train.jit_compile",
    "train.deterministic",
    "train.recompute",
    "train.layout_form",
    "train.extend",
    "train.sample_every",
    "train.evaluate_every",
    "train.evaluate_layouts",
    "train.evaluate_raw",
    "train.judge",
    "train.best_by",
    "allow_missing_terms",
    "data.dir",
    "data.cache_gb",
    "data.check_examples",
)
RATES = ("optimizer.generator_lr", "optimizer.discriminator_lr")
ROLLBACK = "; other rates go with --rollback_to=STEP of one of its checkpoints"
PACKAGES = ("tensorflow", "keras", "numpy", "pillow", "opencv-python-headless", "ml-collections", "absl-py")


class RunFolder:
    """The files of one run, by name.

    config.json  resolved config             metrics.jsonl  one object per log step
    model.json   generator's arguments and   tensorboard/   the same and the grids
                 the data set's classes      samples/       step_XXXXXXXX.png, final.png
    layouts.npz  a few validation layouts    checkpoints/   step_XXXXXXXX.npz
    calibration.npz  a few training layouts  versions.json, command.txt
    schedule.json    of a run that was made longer
    evaluations.jsonl  what it measured of itself on its way, and by what it is best
    .lock            while a process trains in it
    """

    def __init__(self, path):
        self.path = os.path.abspath(os.path.expanduser(path))
        self.checkpoints = self.file("checkpoints")

    def file(self, *names):
        return os.path.join(self.path, *names)

    # ---- is it the same run?

    @property
    def steps(self):
        """The steps that have a checkpoint, ascending."""
        return list_checkpoints(self.checkpoints)

    @property
    def evaluations(self):
        """What the run measured of itself: dictionaries with `step`, `numbers` by name, `score` and what it is `by`."""
        return [line for line in read_lines(self.file("evaluations.jsonl")) if isinstance(line.get("numbers"), dict)]

    @property
    def best_step(self):
        """The step with a checkpoint whose evaluation was best, the earliest of equals; None without one.

        Lines of another measure than the last one's do not compare, and do not count.
        """
        lines, steps, scores = self.evaluations, self.steps, {}
        for line in lines:
            score, is_comparable = line.get("score"), line.get("by") == lines[-1].get("by")
            if is_comparable and line["step"] in steps and isinstance(score, int | float) and np.isfinite(score):
                scores[line["step"]] = score
        return min(scores, key=lambda step: (scores[step], step), default=None)

    def step_of(self, which):
        """The step of a checkpoint that a request names.

        Args:
            which: "last", "best" or a number, as a word or not.
        Raises:
            RequestError: where there is no such checkpoint, with those that there are.
        """
        kept = ", ".join(map(str, self.steps)) or "none"
        if which == "last" and self.steps:
            return self.steps[-1]
        if which == "best":
            best = self.best_step
            if best is None:
                raise RequestError(
                    f"--step=best: {self.path} was not evaluated while it was trained (config.train.evaluate_every); "
                    f"its checkpoints are of steps {kept}."
                )
            return best
        if str(which).isascii() and str(which).isdigit() and int(which) in self.steps:
            return int(which)
        raise RequestError(f"--step={which}: {self.path} has checkpoints of steps {kept}; give one, best or last.")

    def check(self, config, model, rollback_to=None):
        """Refuses what would not continue the run in this folder; nothing is written.

        Args:
            config: of the request.
            model: of `model_description`, for the data of the request.
            rollback_to: step that the run is taken back to, from where its rates may be others; or None.
        """
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise RequestError(f"{self.path} is a file; give a folder.")
        if rollback_to is not None and rollback_to not in self.steps:
            kept = ", ".join(map(str, self.steps)) or "none"
            raise RequestError(f"--rollback_to={rollback_to}: {self.path} has checkpoints of steps {kept}.")
        if not self.steps:  # before the first one nothing is lost by another config
            return
        if not os.path.exists(self.file("config.json")):
            raise RequestError(f"{self.path} has checkpoints but no config.json; choose another --workdir.")
        self._check_config(plain(config), MAY_CHANGE if rollback_to is None else (*MAY_CHANGE, *RATES))
        self._check_model(model)

    def predates(self, key):
        """Whether the run was started by a version that did not know a config key."""
        file = self.file("config.json")
        return os.path.isfile(file) and key not in flatten(read_json(file))

    @property
    def terms_to_miss(self):
        """The terms that the run has gone without so far, or None where nobody wrote it down."""
        if not os.path.isfile(self.file("config.json")):
            return ()
        return None if self.predates("missing_terms") else tuple(read_config(self.path)["missing_terms"])

    def _check_config(self, wanted, may_change):
        if self.steps == [0] or self.predates("missing_terms"):  # no step was taken, or nobody wrote it down
            may_change = (*may_change, "missing_terms")
        before, now = flatten(read_config(self.path)), flatten(wanted)
        changed = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key) and key not in may_change]
        if changed:
            shown = ", ".join(f"config.{key} was {before.get(key)!r}, now {now.get(key)!r}" for key in changed)
            raise RequestError(
                f"{self.path} holds another run: {shown}. Choose another --workdir, or these values"
                f"{ROLLBACK if set(changed) <= set(RATES) else ''}."
            )

    def _check_model(self, model):
        """The data must have the classes that the run was started with, in their order: every id means one of them."""
        if not os.path.isfile(self.file("model.json")):
            return
        stored, wanted = read_json(self.file("model.json")), json.loads(json.dumps(model))
        for part in ("arguments", "classes"):
            before, now = stored.get(part), wanted[part]
            if part == "arguments" and isinstance(before, dict):  # of before an argument was there: its default
                before = {**(defaults_of(wanted["name"]) if "name" in wanted else {}), **before}
                before = {key: before[key] for key in before if key in now or key in stored[part]}
            if before != now:
                raise RequestError(
                    f"{self.path} holds another run: {describe_difference(part, before, now)}. "
                    "Choose another --workdir, or the data set that it was started with."
                )

    # ---- writing

    def start(self, config, model, layouts, calibration=None):
        """Writes what describes the run, as far as it is not there yet; `check` comes before.

        Args:
            config: the run's.
            model: dictionary of `name`, `arguments` (of `make_generator`) and `classes`, see `model_description`.
            layouts: dictionary of NumPy arrays that the generator takes; exported files are compared on them.
            calibration: the same of training layouts, which set the ranges of int8; None: `layouts`.
        """
        goes_on = bool(self.steps)
        self._write_if_changed("config.json", plain(config))
        self._write_if_changed("model.json", model)
        for name, arrays in (("layouts.npz", layouts), ("calibration.npz", calibration or layouts)):
            if not (goes_on and os.path.isfile(self.file(name))):
                with atomic_path(self.file(name)) as temporary, open(temporary, "wb") as file:
                    np.savez_compressed(file, **arrays)
        write_json(self.file("versions.json"), installed_versions())
        write_text(self.file("command.txt"), shlex.join(sys.argv) + "\n")

    def _write_if_changed(self, name, value):
        value = json.loads(json.dumps(value))
        if not os.path.isfile(self.file(name)) or read_json(self.file(name)) != value:
            write_json(self.file(name), value)

    def save(self, step, variables, keep, extra=None):
        """Writes a checkpoint, and removes all but the newest `keep` and the best; see `save_checkpoint`."""
        save_checkpoint(self.checkpoints, step, variables, keep, extra, kept=(self.best_step,))

    def prune(self, keep):
        """Removes what is neither among the newest `keep` checkpoints nor the best one, which may be a new one."""
        prune_checkpoints(self.checkpoints, keep, kept=(self.best_step,))

    def restore(self, variables):
        """Loads the newest checkpoint, if there is one.

        Returns:
            its step, or 0; and its `extra` arrays.
        """
        if not self.steps:
            return 0, {}
        step = self.steps[-1]
        return step, load_checkpoint(self.checkpoints, step, variables)

    def roll_back(self, step):
        """Removes the checkpoints after a step; the run goes on from there."""
        for later in self.steps:
            if later > step:
                os.remove(checkpoint_path(self.checkpoints, later))

    # ---- the schedule of a run that was made longer

    def schedule(self, config):
        """What the run goes on by: pieces of its schedule, the steps that they were planned for, and a line or None."""
        fraction, steps = config.optimizer.constant_fraction, config.train.steps
        if not self.steps:
            return planned(steps, fraction), steps, None
        if os.path.isfile(self.file("schedule.json")):
            stored = read_json(self.file("schedule.json"))
            try:
                pieces, old = checked_pieces(stored["pieces"]), int(stored["steps"])
            except (KeyError, OverflowError, TypeError, ValueError) as error:
                raise RequestError(f"{self.file('schedule.json')} holds no schedule ({error}).") from error
            pieces = [piece for piece in pieces if piece[0] <= self.steps[-1]] or planned(old, fraction)
        else:
            old = read_config(self.path)["train"]["steps"]
            if type(old) is not int or old < 1:
                raise RequestError(f"{self.file('config.json')} is no config of a run: train.steps is {old!r}.")
            pieces = planned(old, fraction)
        pieces, line = extend(pieces, self.steps[-1], old, steps, fraction, config.train.extend)
        return pieces, steps, line

    def keep_schedule(self, pieces, steps):
        """Writes the schedule of a run that was made longer, so that it goes on by it when it is interrupted."""
        write_json(self.file("schedule.json"), {"steps": steps, "pieces": [list(piece) for piece in pieces]})


def defaults_of(name):
    """The defaults of a generator's arguments that are keys of the config, as JSON has them."""
    keys = {key: value.default for key, value in keys_of(name).items() if key.startswith("model.")}
    return json.loads(json.dumps({key.removeprefix("model."): default for key, default in keys.items()}))


def plain(config):
    """A config as JSON gives it back: lists for tuples."""
    return json.loads(json.dumps(config.to_dict()))


def describe_difference(part, before, now):
    """Which part of model.json differs, in words."""
    if part == "classes" and _is_list_of_classes(before):
        old, new = (
            [(entry.get("raw_id"), entry.get("name"), entry.get("color")) for entry in classes["classes"]]
            for classes in (before, now)
        )
        if len(old) != len(new):
            return f"it was started with {len(old)} classes, the data set has {len(new)}"
        for index, (was, is_now) in enumerate(zip(old, new)):
            if was != is_now:
                return (
                    f"class {index} was {was[1]!r} (value {was[0]}, colour {was[2]}), the data set has {is_now[1]!r} "
                    f"(value {is_now[0]}, colour {is_now[2]})"
                )
        return f"unlabelled pixels were {before.get('ignore_index')}, now {now.get('ignore_index')}"
    if part == "arguments" and isinstance(before, dict):
        keys = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
        return ", ".join(f"the generator's {key} was {before.get(key)!r}, now {now.get(key)!r}" for key in keys)
    return f"its model.json has other {part}"


def _is_list_of_classes(content):
    entries = content.get("classes") if isinstance(content, dict) else None
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def model_description(config, dataset):
    """What model.json holds: all that is needed to open the generator and to read layouts for it."""
    return {
        "name": config.model.name,
        "arguments": METHODS[config.model.name].generator_arguments(config, dataset),
        "classes": dataset.classes.to_dict(),
    }


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
        config = without_foreign_keys(read_json(file))
        if not isinstance(config["data"]["name"], str):
            raise TypeError
        return config
    except (AttributeError, KeyError, TypeError) as error:
        raise RequestError(f"{file} is no config of a run.") from error


def stored_config(path):
    """The config that a run keeps, as a request to go on with it."""
    import ml_collections

    config = ml_collections.ConfigDict(read_config(path)).lock()
    config.missing_terms = ()  # found anew
    if "cluster" in config.train:
        config.train.cluster = ""  # of this time's workers
    return config


def read_layouts(path):
    """The layouts that a run keeps: dictionary of `labels` int32 (count, height, width) and what else it takes."""
    return _checked_layouts(RunFolder(path).file("layouts.npz"))


def read_calibration(path):
    """The training layouts that a run keeps, as `read_layouts`; a run of an older version has the others only."""
    file = RunFolder(path).file("calibration.npz")
    return _checked_layouts(file) if os.path.isfile(file) else read_layouts(path)


def _checked_layouts(file):
    arrays = read_arrays(file)
    counts = {array.shape[:1] for array in arrays.values()}
    labels = arrays.get("labels", np.empty(0))
    if labels.ndim != 3 or labels.dtype.kind not in "iu" or not labels.size or len(counts) > 1:
        raise RequestError(f"{file} holds no layouts of a run; take the one of a run of the same data set.")
    return arrays


def installed_versions():
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages[name] = None
    return {"python": platform.python_version(), "platform": platform.platform(), **packages}
