"""Arrays of an example as bytes: one after the other, and where a pixel is one of two values, a bit for each."""

import numpy as np

from ecgan_tf.errors import RequestError

TWO_VALUES = {"edges": np.uint8(255), "boundaries": np.uint8(1)}  # 0, or this


class RecordError(RequestError):
    """The bytes are not as many as the arrays ask for."""


def fields_of(arrays):
    """What arrays are, as `encode` and `decode` take it: dictionary from name to (dtype, shape); bool for one bit."""
    return {name: (bool if name in TWO_VALUES else array.dtype, array.shape) for name, array in arrays.items()}


def size_of(fields):
    """Bytes of a record."""
    return sum(_bytes(*field) for field in fields.values())


def encode(arrays, fields):
    """The bytes of a record; the inverse of `decode`."""
    parts = []
    for name, (dtype, shape) in fields.items():
        assert arrays[name].shape == tuple(shape)
        array = np.packbits(arrays[name] > 0) if dtype is bool else np.ascontiguousarray(arrays[name], dtype)
        parts.append(array.tobytes())
    return b"".join(parts)


def decode(record, fields, wanted=None):
    """The arrays of a record, which are not to be written to; all, or those whose names are `wanted`."""
    if len(record) != size_of(fields):
        raise RecordError(f"a record of {len(record)} bytes where {size_of(fields)} are expected.")
    arrays, start = {}, 0
    for name, (dtype, shape) in fields.items():
        size = _bytes(dtype, shape)
        if wanted is None or name in wanted:
            content = np.frombuffer(record, np.uint8, size, start)
            if dtype is bool:
                content = np.unpackbits(content, count=int(np.prod(shape)))
                content = content * TWO_VALUES[name] if TWO_VALUES[name] > 1 else content
            arrays[name] = content.view(np.uint8 if dtype is bool else dtype).reshape(shape)
        start += size
    return arrays


def _bytes(dtype, shape):
    count = int(np.prod(shape))
    return -(-count // 8) if dtype is bool else count * np.dtype(dtype).itemsize
