"""Checkpoints: one .npz of named arrays per kept step, whole or absent, read without pickle."""

import os
import re

import numpy as np

from ecgan_tf.arrays import assign_arrays, read_arrays
from ecgan_tf.atomic_files import atomic_path

PATTERN = re.compile(r"step_(\d{8})\.npz")


def save_checkpoint(folder, step, variables, keep):
    """Writes `{name: variable}` as step_XXXXXXXX.npz and removes all but the newest `keep`."""
    with atomic_path(os.path.join(folder, f"step_{step:08d}.npz")) as temporary:
        np.savez(temporary, **{name: variable.numpy() for name, variable in variables.items()})
    for old in list_checkpoints(folder)[:-keep]:
        os.remove(os.path.join(folder, f"step_{old:08d}.npz"))


def list_checkpoints(folder):
    """The steps that have a checkpoint, ascending."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(int(match[1]) for match in map(PATTERN.fullmatch, names) if match)


def load_checkpoint(folder, step, variables, prefix=""):
    """Assigns the stored arrays to variables of the same names.

    Args:
        variables: dictionary from name to variable; every one must be in the file, with its shape.
        prefix: of the names that are looked at; with "" the file must hold nothing else.
    """
    path = os.path.join(folder, f"step_{step:08d}.npz")
    assign_arrays(path, read_arrays(path, prefix), variables)
