"""Named arrays in an .npz, read without pickle, and their way into variables of the same names."""

import io
import math
import os
import struct
import zipfile

import numpy as np

from ecgan_tf.errors import RequestError

LARGEST_RATIO = 1100  # of what deflate can make smaller
LARGEST_HEADER = 10_000  # bytes; NumPy would read what is larger, and then refuse it
CHUNK = 1024 * 1024  # bytes that are read at a time: a zip hands out copies
LENGTHS = {(1, 0): "<H", (2, 0): "<I"}  # of a header, by the version of the format
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of NumPy; others may claim any size, and a memory of their own
KINDS = "biuf"  # of dtypes: numbers


def read_arrays(path, prefix=""):
    """The arrays of an .npz whose names start with `prefix`.

    The file may be anybody's: pickled objects are refused, and so is an array that claims to be larger than what the
    file holds for it, before its memory is asked for.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_members(members, os.path.getsize(path))
            wanted = [member for member in members if member.filename.startswith(prefix)]
            return {member.filename.removesuffix(".npy"): _read_array(archive, member) for member in wanted}
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise RequestError(f"reading {path}: {error.strerror}; give a file of arrays that may be read.") from error
    except Exception as error:  # a zip that is none leads to any exception
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(
            f"{path} is not a readable file of arrays ({reason}); remove a damaged checkpoint to "
            "continue from the one before it."
        ) from error


def _check_members(members, size):
    """A ValueError where the members of a zip cannot all be true."""
    names = [member.filename.removesuffix(".npy") for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two arrays have one name")
    if sum(member.compress_size for member in members) > size:
        raise ValueError(f"its members claim more than the {size} bytes of the file")
    for member in members:
        if member.compress_type not in METHODS:
            raise ValueError(f"{member.filename} is compressed by a method that NumPy does not write")
        if member.file_size > LARGEST_RATIO * member.compress_size + 1024:
            raise ValueError(f"{member.filename} claims {member.file_size} bytes of {member.compress_size}")


def _read_array(archive, member):
    """One array, if its header, its size in the archive and its bytes agree."""
    name = member.filename
    with archive.open(member) as file:
        shape, fortran, dtype = _read_header(name, file)
        if dtype.hasobject:
            raise ValueError(f"{name} holds objects, which are not loaded")
        if dtype.kind not in KINDS or dtype.subdtype:
            raise ValueError(f"{name} holds no numbers but {str(dtype)[:40]}")
        wanted, there = math.prod(shape) * dtype.itemsize, member.file_size - file.tell()
        if min(shape, default=0) < 0 or wanted != there:
            raise ValueError(f"{name} claims {wanted} bytes, the file holds {there}")
        array = np.empty(shape[::-1] if fortran else shape, dtype)
        content = array.reshape(-1).view(np.uint8)
        done = 0
        while done < wanted and (read := file.readinto(content[done : done + CHUNK])):
            done += read
        if done != wanted or file.read(1):
            raise ValueError(f"{name} has {done} bytes of {wanted}")
    return array.T.copy() if fortran else array


def _read_header(name, file):
    """Shape, order and dtype at the start of an .npy; its length is looked at before it is read."""
    version = np.lib.format.read_magic(file)
    if version not in LENGTHS:
        raise ValueError(f"{name} is of an unknown version")
    prefix = file.read(struct.calcsize(LENGTHS[version]))
    (length,) = struct.unpack(LENGTHS[version], prefix)
    if length > LARGEST_HEADER:
        raise ValueError(f"{name} has a header of {length} bytes")
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
    return read(io.BytesIO(prefix + file.read(length)))


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
    problems = misfits(arrays, variables)
    if problems:
        raise RequestError(
            f"{path} does not fit this model: {problems}. "
            "Use the config that the run was started with, or another --workdir."
        )


def misfits(arrays, variables, most=5):
    """What is wrong with arrays that should be those of the variables, in words, at most so many; "" if nothing is."""
    problems = [f"missing {name}" for name in variables if name not in arrays]
    problems += [f"unknown {name}" for name in arrays if name not in variables]
    problems += [
        f"{name} has shape {arrays[name].shape}, not {tuple(variable.shape)}"
        for name, variable in variables.items()
        if name in arrays and arrays[name].shape != tuple(variable.shape)
    ]
    more = f" and {len(problems) - most} more" if len(problems) > most else ""
    return "; ".join(problems[:most]) + more


def not_finite(arrays):
    """The names of the arrays of numbers that have a value which is no finite one."""
    return [name for name, array in arrays.items() if array.dtype.kind == "f" and not np.isfinite(array).all()]
