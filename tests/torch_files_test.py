"""Files of torch.save, written here byte by byte, since PyTorch is not needed to read them."""

import pickle
import struct
import zipfile

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.torch_files import DTYPES, MAGIC, read_torch_arrays

STORAGES = {np.dtype(code): name for name, code in DTYPES.items()}


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def tuple_of(*values):
    return b"(" + b"".join(values) + b"t"


def call(name, arguments):
    """The instructions that call a function by its name."""
    return b"c" + name.replace(" ", "\n").encode() + b"\n" + arguments + b"R"


def tensor(key, array, shape=None, strides=None, offset=0, count=None, storage=None):
    """The instructions by which a state dict makes a tensor."""
    shape = array.shape if shape is None else shape
    if strides is None:
        strides = [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))]
    count = array.size if count is None else count
    kind = b"ctorch\n" + (storage or STORAGES[array.dtype]).encode() + b"\n"
    place = tuple_of(text("storage"), kind, text(key), text("cuda:1"), number(count)) + b"Q"
    sizes = [tuple_of(*map(number, values)) for values in (shape, strides)]
    hooks = call("collections OrderedDict", b")")
    return call("torch._utils _rebuild_tensor_v2", tuple_of(place, number(offset), *sizes, b"\x89", hooks))


def program(entries):
    """The pickle of a dictionary of tensors."""
    items = b"".join(text(name) + value for name, value in entries.items())
    metadata = b"}" + text("_metadata") + b"}s"
    return b"\x80\x02" + call("collections OrderedDict", b")") + b"q\x00(" + items + b"u" + metadata + b"b."


def write_zip(path, entries, storages, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("net/data.pkl", program(entries))
        archive.writestr("net/byteorder", "little")
        for key, array in storages.items():
            archive.writestr(f"net/data/{key}", array.tobytes())
    return str(path)


def write_sequence(path, entries, storages):
    info = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    parts = [pickle.dumps(value, 2) for value in (MAGIC, 1001, info)]
    parts += [program(entries), pickle.dumps(list(storages), 2)]
    parts += [struct.pack("<q", array.size) + array.tobytes() for array in storages.values()]
    path.write_bytes(b"".join(parts))
    return str(path)


@pytest.fixture(params=[write_zip, write_sequence])
def write(request, tmp_path):
    return lambda entries, storages: request.param(tmp_path / "net.pth", entries, storages)


@pytest.mark.parametrize("dtype", STORAGES, ids=str)
def test_arrays_of_every_type_are_read(dtype, write, rng):
    array = rng.integers(0, 2, (3, 4, 2)).astype(dtype)
    scalar = np.array(1, dtype)
    path = write({"a.weight": tensor("0", array), "b": tensor("1", scalar)}, {"0": array, "1": scalar})
    read = read_torch_arrays(path)
    assert list(read) == ["a.weight", "b"] and read["a.weight"].dtype == dtype
    np.testing.assert_array_equal(read["a.weight"], array)
    np.testing.assert_array_equal(read["b"], scalar)


def test_views_of_one_storage_are_read(write, rng):
    whole = rng.normal(size=12).astype(np.float32)
    entries = {"part": tensor("0", whole, (2, 3), (3, 1), offset=6), "turned": tensor("0", whole, (4, 3), (1, 4))}
    read = read_torch_arrays(write(entries, {"0": whole}))
    np.testing.assert_array_equal(read["part"], whole[6:].reshape(2, 3))
    np.testing.assert_array_equal(read["turned"], whole.reshape(3, 4).T)


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_executed(protocol, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "net.pth", "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps({"a": Evil()}, protocol))
    with pytest.raises(RequestError, match="is not a state dict of tensors .*(print|instruction)"):
        read_torch_arrays(str(tmp_path / "net.pth"))
    assert "executed" not in capsys.readouterr().out


ONE = np.zeros(4, np.float32)
BAD = {
    "beyond its storage": {"a": tensor("0", ONE, (2, 3))},
    "reaches beyond": {"a": tensor("0", ONE, (1000, 1000), (0, 0))},  # grown out of one number
    "reaches beyond its": {"a": tensor("0", ONE, (2,), (-1,), offset=3)},
    "is not what its tensor says": {"a": tensor("0", ONE, count=10**6)},
    "other things than tensors": {"a": number(3)},
    "without a storage": {"a": tensor("0", ONE, storage="BFloat16Storage").replace(b"BFloat16Storage", b"FloatStorage")
                          .replace(text("storage"), text("another"))},
    "names 'torch BFloat16Storage'": {"a": tensor("0", ONE, storage="BFloat16Storage")},
}  # fmt: skip


@pytest.mark.parametrize("reason", BAD)
def test_what_does_not_fit_is_refused(reason, write):
    with pytest.raises(RequestError, match=f"net.pth is not a state dict of tensors .*{reason}"):
        read_torch_arrays(write(BAD[reason], {"0": ONE}))


def test_compressed_and_cut_files_are_refused(tmp_path, rng):
    array = np.zeros(10**5, np.float32)
    path = write_zip(tmp_path / "bomb.pth", {"a": tensor("0", array)}, {"0": array}, zipfile.ZIP_DEFLATED)
    with pytest.raises(RequestError, match="its members are compressed"):
        read_torch_arrays(path)
    path = write_sequence(tmp_path / "cut.pth", {"a": tensor("0", array)}, {"0": array})
    content = (tmp_path / "cut.pth").read_bytes()
    for length in (0, 10, 40, 200, len(content) - 1):
        (tmp_path / "cut.pth").write_bytes(content[:length])
        with pytest.raises(RequestError, match="is not a state dict of tensors"):
            read_torch_arrays(path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of escapes that damage made
def test_random_damage_is_refused_or_read(write, rng):
    array = rng.normal(size=(4, 5)).astype(np.float32)
    path = write({"a": tensor("0", array), "b": tensor("0", array)}, {"0": array})
    with open(path, "rb") as file:
        content = bytearray(file.read())
    for _ in range(300):
        damaged = content.copy()
        for place in rng.integers(0, len(content), 3):
            damaged[place] = rng.integers(0, 256)
        with open(path, "wb") as file:
            file.write(damaged)
        try:
            assert all(isinstance(value, np.ndarray) for value in read_torch_arrays(path).values())
        except RequestError as error:
            assert "\n" not in str(error)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RequestError, match="reading .*nowhere.pth: No such file"):
        read_torch_arrays(str(tmp_path / "nowhere.pth"))


def test_what_pytorch_writes_is_read(tmp_path):
    torch = pytest.importorskip("torch", reason="the oracle is PyTorch itself: pip install torch")
    layer = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    for new in (True, False):
        torch.save(layer.state_dict(), tmp_path / "net.pth", _use_new_zipfile_serialization=new)
        read = read_torch_arrays(str(tmp_path / "net.pth"))
        for name, value in layer.state_dict().items():
            np.testing.assert_array_equal(read[name], value.numpy())
