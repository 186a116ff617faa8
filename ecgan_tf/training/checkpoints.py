"""Checkpoints: one .npz of named arrays per kept step, whole or absent, read without pickle."""

import os
import re
import zipfile
import zlib

import numpy as np

from ecgan_tf.commands import RequestError
from ecgan_tf.files import atomic_path

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


def assign_arrays(path, arrays, variables):
    """Assigns arrays to the variables of the same names; if one does not fit, names it and changes nothing.

    Args:
        path: where the arrays come from, for the message.
    """
    problems = [f"missing {name}" for name in variables if name not in arrays]
    problems += [f"unknown {name}" for name in arrays if name not in variables]
    problems += [
        f"{name} has shape {arrays[name].shape}, not {tuple(variable.shape)}"
        for name, variable in variables.items()
        if name in arrays and arrays[name].shape != tuple(variable.shape)
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise RequestError(
            f"{path} does not fit this model: {'; '.join(problems[:5])}{more}. "
            "Use the config that the run was started with, or another --workdir."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def read_arrays(path, prefix=""):
    """The arrays of an .npz whose names start with `prefix`; pickled objects are refused."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name.startswith(prefix)}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise RequestError(
            f"{path} is not a readable file of arrays ({error}); remove a damaged checkpoint to "
            "continue from the one before it."
        ) from error
