"""Reads the tensors of a PyTorch .pth without PyTorch, and without running anything that the file asks for.

A .pth holds a pickle, a small program for a stack machine, beside the bytes of its tensors. `_run` knows the few
instructions of a state dict and refuses every other one, so there is nothing to execute. Both containers are read: the
zip of PyTorch 1.6 and later, and the five pickles in a row of before.
"""

import math
import mmap
import pickletools
import zipfile

import numpy as np

from ecgan_tf.errors import RequestError

MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the old container
DTYPES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ShortStorage": "<i2", "CharStorage": "<i1", "ByteStorage": "<u1", "BoolStorage": "?",
}  # fmt: skip
# What a state dict names: the functions by which tensors and dictionaries are made.
MAKE_DICT = "collections OrderedDict"
MAKE_TENSOR = "torch._utils _rebuild_tensor_v2"
MAKE_PARAMETER = "torch._utils _rebuild_parameter"
KNOWN = {MAKE_DICT, MAKE_TENSOR, MAKE_PARAMETER, *(f"torch {name}" for name in DTYPES)}
MARK = object()


class _Global(str):
    """The name of a class or function, which stays a name."""


class _Tensor:
    """Where a tensor lies: the key and dtype of its storage, first element, shape and strides in elements."""

    def __init__(self, storage, offset, shape, strides, *_):
        kind, dtype, self.key, _, count = storage[:5]
        if kind != "storage" or not isinstance(self.key, str) or dtype.removeprefix("torch ") not in DTYPES:
            raise ValueError("a tensor without a storage of numbers")
        self.dtype, self.count = np.dtype(DTYPES[dtype.removeprefix("torch ")]), int(count)
        self.offset, self.shape, self.strides = int(offset), tuple(map(int, shape)), tuple(map(int, strides))

    def read(self, storages):
        """The array, a view of its storage."""
        storage = storages[self.key]
        if storage.dtype != self.dtype or len(storage) != self.count or len(self.strides) != len(self.shape):
            raise ValueError(f"storage {self.key[:20]} is not what its tensor says")
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides))
        size = math.prod(self.shape)
        if min((self.offset, *self.shape, *self.strides)) < 0 or size > self.count or (size and last >= self.count):
            raise ValueError(f"a tensor of shape {self.shape} reaches beyond its storage of {self.count}")
        strides = [step * self.dtype.itemsize for step in self.strides]
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, strides, writeable=False)


def read_torch_arrays(path):
    """The arrays of a state dict: dictionary from PyTorch's names to read-only arrays.

    Args:
        path: a .pth of tensors by name, by `torch.save`; anybody's, since nothing in it is executed.
    """
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            read = _read_zip if content[:4] == b"PK\x03\x04" else _read_sequence
            tensors, storages = read(file, content)
            return {name: tensor.read(storages) for name, tensor in tensors.items()}
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise RequestError(f"reading {path}: {error.strerror}; give a .pth that may be read.") from error
    except Exception as error:  # a damaged pickle or zip leads to any exception
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{path} is not a state dict of tensors ({reason}).") from error


def _read_zip(file, content):
    """Tensors and storages of the container since PyTorch 1.6: NAME/data.pkl and NAME/data/KEY, uncompressed."""
    with zipfile.ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
        pickles = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("a zip without the data.pkl of torch.save")
        if any(m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members.values()):
            raise ValueError("its members are compressed, which PyTorch does not do")
        if sum(member.file_size for member in members.values()) > len(content):
            raise ValueError(f"its members claim more than the {len(content)} bytes of the file")
        root = pickles[0].removesuffix("/data.pkl")
        if f"{root}/byteorder" in members and archive.read(f"{root}/byteorder") != b"little":
            raise ValueError("its numbers are big-endian")
        tensors = _state_dict(_run(archive.read(pickles[0])))
        dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
        storages = {key: np.frombuffer(archive.read(f"{root}/data/{key}"), dtype) for key, dtype in dtypes.items()}
        return tensors, storages


def _read_sequence(_, content):
    """Tensors and storages of the container before PyTorch 1.6: pickles in a row, then count and bytes by key."""
    if _run(content) != MAGIC:
        raise ValueError("neither container of torch.save")
    _run(content)  # the version of the protocol
    if _run(content).get("little_endian") is not True:
        raise ValueError("its numbers are big-endian")
    tensors = _state_dict(_run(content))
    dtypes = {tensor.key: tensor.dtype for tensor in tensors.values()}
    storages = {}
    for key in _run(content):
        count = int.from_bytes(content.read(8), "little")
        if count * dtypes[key].itemsize > len(content) - content.tell():
            raise ValueError(f"storage {key[:20]} claims {count} numbers, more than the file holds")
        storages[key] = np.frombuffer(content.read(count * dtypes[key].itemsize), dtypes[key])
    return tensors, storages


def _state_dict(value):
    if not isinstance(value, dict) or not all(isinstance(tensor, _Tensor) for tensor in value.values()):
        raise ValueError("it holds other things than tensors by name")
    return value


def _run(program):
    """The value of a pickle, where `_Tensor` stands for tensors; a ValueError for any instruction but a state dict's.

    Args:
        program: bytes, or a file at the start of a pickle, which stands behind it afterwards.
    """
    stack, memo = [], {}
    for opcode, argument, _ in pickletools.genops(program):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            pass
        elif name == "STOP":
            return stack.pop()
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            memo[len(memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in PUSHES:
            stack.append(PUSHES[name](argument))
        elif name in TAKES:
            arguments = [stack.pop() for _ in range(TAKES[name])][::-1]
            stack.append(MAKES[name](*arguments))
        elif name in ("TUPLE", "SETITEMS", "APPENDS"):
            arguments = []
            while (value := stack.pop()) is not MARK:
                arguments.append(value)
            arguments.reverse()
            if name == "TUPLE":
                stack.append(tuple(arguments))
            elif name == "APPENDS":
                stack[-1].extend(arguments)
            else:
                for key, value in zip(arguments[::2], arguments[1::2], strict=True):
                    _set_item(stack[-1], key, value)
        else:
            raise ValueError(f"its pickle has the instruction {name}, which no state dict needs")
    raise ValueError("its pickle has no end")


def _global(name):
    name = name if isinstance(name, str) else " ".join(name)
    if name not in KNOWN:
        raise ValueError(f"it names {name[:60]!r}, which is not loaded")
    return _Global(name)


def _call(function, arguments):
    if not isinstance(function, _Global):
        raise ValueError("it calls something that has no name")
    if function == MAKE_DICT:
        return {}
    if function == MAKE_TENSOR:
        return _Tensor(*arguments)
    if function == MAKE_PARAMETER:
        return arguments[0]
    raise ValueError(f"it calls {str(function)!r}")


def _set_item(dictionary, key, value):
    if not isinstance(dictionary, dict) or not isinstance(key, str):
        raise ValueError("a key that is no name")
    dictionary[key] = value
    return dictionary


def _append(values, value):
    values.append(value)
    return values


PUSHES = {
    "MARK": lambda _: MARK, "EMPTY_DICT": lambda _: {}, "EMPTY_LIST": lambda _: [], "EMPTY_TUPLE": lambda _: (),
    "NONE": lambda _: None, "NEWTRUE": lambda _: True, "NEWFALSE": lambda _: False, "GLOBAL": _global,
    **dict.fromkeys(("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE"), lambda value: value),
}  # fmt: skip
# How many values an instruction takes from the stack, and what it puts there instead.
TAKES = {
    "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "REDUCE": 2, "BUILD": 2, "SETITEM": 3, "APPEND": 2, "STACK_GLOBAL": 2,
    "BINPERSID": 1,
}  # fmt: skip
MAKES = {
    "TUPLE1": lambda *values: values, "TUPLE2": lambda *values: values, "TUPLE3": lambda *values: values,
    "REDUCE": _call, "BUILD": lambda value, state: value, "SETITEM": _set_item, "APPEND": _append,
    "STACK_GLOBAL": lambda *names: _global(names), "BINPERSID": lambda identity: identity,
}  # fmt: skip
