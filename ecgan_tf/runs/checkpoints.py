"""Checkpoints: one .npz of named arrays per kept step, whole, finite or absent, read without pickle."""

import os
import re

import numpy as np

from ecgan_tf.arrays import assign_arrays, not_finite, read_arrays
from ecgan_tf.atomic_files import atomic_path
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError

PATTERN = re.compile(r"step_(\d{8})\.npz", re.ASCII)
EXTRA = "extra/"  # begins the names of what is no variable
NETWORKS = ("generator", "ema_generator", "generator_optimizer", "discriminator_optimizer", "step")


class DivergedError(RequestError):
    """What was to be saved is not finite; the checkpoints that are there stay."""


def save_checkpoint(folder, step, variables, keep, extra=None, kept=()):
    """Writes `{name: variable}` as step_XXXXXXXX.npz and removes all but the newest `keep`, and those `kept`.

    Args:
        kept: steps whose checkpoints stay.
        extra: dictionary of arrays that `load_checkpoint` gives back.
    Raises:
        DivergedError: where a value is not finite; nothing is written, nothing is removed.
    """
    arrays = {name: variable.numpy() for name, variable in variables.items()}
    wrong = not_finite(arrays)
    if wrong:
        raise DivergedError(f"{len(wrong)} of {len(arrays)} arrays are not finite, such as {wrong[0]}")
    arrays |= {EXTRA + name: array for name, array in (extra or {}).items()}
    with atomic_path(checkpoint_path(folder, step)) as temporary:
        np.savez(temporary, **arrays)
    prune_checkpoints(folder, keep, kept)


def prune_checkpoints(folder, keep, kept=()):
    """Removes all but the newest `keep` checkpoints and those of the steps `kept`."""
    for old in list_checkpoints(folder)[:-keep]:
        if old not in kept:
            os.remove(checkpoint_path(folder, old))


def list_checkpoints(folder):
    """The steps that have a checkpoint, ascending."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(match[1]) for match in map(PATTERN.fullmatch, names) if match)


def load_checkpoint(folder, step, variables, prefix=""):
    """Assigns the stored arrays to variables of the same names.

    Args:
        variables: dictionary from name to variable; every one must be in the file, with its shape.
        prefix: of the names that are looked at; with "" the file must hold nothing else, but for its extra arrays.
    Returns:
        the extra arrays, by name.
    """
    arrays = without_unread_moments(without_lost_heads(read_checkpoint(folder, step, prefix), variables), variables)
    extra = {name.removeprefix(EXTRA): arrays.pop(name) for name in list(arrays) if name.startswith(EXTRA)}
    assign_arrays(checkpoint_path(folder, step), arrays, variables)
    return extra


def without_lost_heads(arrays, variables):
    """The arrays without those of heads that the method no longer has, and without the optimizer's of them.

    Runs of before 0.2.0 trained SPADE with ECGAN's heads. That the config is the run's is checked elsewhere.
    """
    parts = {name.split("/")[0] for name in variables}
    stored = {name.split("/")[0] for name in arrays}
    lost = {part for part in stored - parts if f"{part}/" != EXTRA and part not in NETWORKS}
    if not lost or parts.isdisjoint(NETWORKS):
        return arrays
    of_lost = tuple(f"_adam/{part}_" for part in lost)
    say(f"{', '.join(sorted(lost))} of the checkpoint: not of this version's method, left out")
    return {
        name: array
        for name, array in arrays.items()
        if name.split("/")[0] not in lost and not any(part in name for part in of_lost)
    }


def without_unread_moments(arrays, variables):
    """The arrays without first moments that nobody reads: runs of before 0.3.0 stored them where beta_1 is 0."""
    return {name: array for name, array in arrays.items() if name in variables or not name.endswith("_momentum")}


def read_checkpoint(folder, step, prefix=""):
    """The arrays of a checkpoint whose names start with `prefix`."""
    return read_arrays(checkpoint_path(folder, step), prefix)


def checkpoint_path(folder, step):
    return os.path.join(folder, f"step_{step:08d}.npz")
