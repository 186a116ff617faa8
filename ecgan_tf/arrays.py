"""Named arrays in an .npz, read without pickle, and their way into variables of the same names."""

import zipfile
import zlib

import numpy as np

from ecgan_tf.errors import RequestError


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


def assign_arrays(path, arrays, variables):
    """Assigns arrays to the variables of the same names; if one does not fit, names it and changes nothing.

    Args:
        path: where the arrays come from, for the message.
    """
    compare_arrays(path, arrays, variables)
    for name, variable in variables.items():
        variable.assign(arrays[name])


def compare_arrays(path, arrays, variables):
    """Refuses arrays that are not those of the variables, by name and shape; variables need a shape and no value."""
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


def not_finite(arrays):
    """The names of the arrays of numbers that have a value which is no finite one."""
    return [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
