"""Named arrays in an .npz, read without pickle, and their way into variables of the same names."""

import math
import zipfile

import numpy as np

from ecgan_tf.errors import RequestError

LARGEST_RATIO = 1100  # of what deflate can make smaller


def read_arrays(path, prefix=""):
    """The arrays of an .npz whose names start with `prefix`.

    The file may be anybody's: pickled objects are refused, and so is an array that claims to be larger than what the
    file holds for it, before its memory is asked for.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if member.filename.startswith(prefix)]
            return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in members}
    except Exception as error:  # a zip that is none leads to any exception
        reason = str(error) or type(error).__name__
        raise RequestError(
            f"{path} is not a readable file of arrays ({reason}); remove a damaged checkpoint to "
            "continue from the one before it."
        ) from error


def _read_array(archive, member):
    """One array, if its header, its size in the archive and its bytes agree."""
    if member.file_size > LARGEST_RATIO * max(member.compress_size, 1) + 1024:
        raise ValueError(f"{member.filename} claims {member.file_size} bytes of {member.compress_size}")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise ValueError(f"{member.filename} is of an unknown version")
        shape, fortran, dtype = read_header[version](file)
        if dtype.hasobject:
            raise ValueError(f"{member.filename} holds objects, which are not loaded")
        wanted = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or wanted != member.file_size - file.tell():
            raise ValueError(
                f"{member.filename} claims {wanted} bytes, the file holds {member.file_size - file.tell()}"
            )
        content = file.read(wanted + 1)
    if len(content) != wanted:
        raise ValueError(f"{member.filename} has {len(content)} bytes of {wanted}")
    array = np.frombuffer(content, dtype).reshape(shape[::-1] if fortran else shape)
    return array.T.copy() if fortran else array.copy()


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
