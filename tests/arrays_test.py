"""Files of arrays that anybody may have made: what they claim is compared before it is believed."""

import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from ecgan_tf.arrays import read_arrays
from ecgan_tf.errors import RequestError


def npy(array, version=None):
    made = io.BytesIO()
    np.lib.format.write_array(made, array, version)
    return made.getvalue()


def header(text, version=(1, 0)):
    text = text.encode()
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text


def claims(shape, descr="'<f4'", content=b""):
    return header(f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n") + content


def save(path, *members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_arrays_come_back_as_they_were(tmp_path, rng, savez, version):
    arrays = {
        "generator/kernel": rng.normal(size=(3, 4, 5)).astype(np.float32),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "step": np.array(7),
        "flags": np.array([True, False]),
        "nothing": np.zeros((0, 3), np.float16),
        "zeros": np.zeros((300, 300), np.float32),  # which deflate makes a thousand times smaller
    }
    savez(tmp_path / "a.npz", **arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype and found[name].flags.writeable
    save(tmp_path / "b.npz", ("a/b.npy", npy(arrays["fortran"], version)), ("c.npy", npy(arrays["step"])))
    np.testing.assert_array_equal(read_arrays(tmp_path / "b.npz", "a/")["a/b"], arrays["fortran"])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def encrypted(path):
    save(path, ("a.npy", npy(np.ones(3))))
    content = bytearray(path.read_bytes())
    for start in (content.find(b"PK\x03\x04") + 6, content.find(b"PK\x01\x02") + 8):
        content[start] |= 1
    path.write_bytes(content)


def unknown_method(path):
    save(path, ("a.npy", npy(np.ones(3))))
    content = bytearray(path.read_bytes())
    content[content.find(b"PK\x01\x02") + 10] = 77
    path.write_bytes(content)


def claimed_size(path):
    """The directory of the zip claims 4 GB for a member of some bytes."""
    save(path, ("a.npy", npy(np.ones(3))))
    content = bytearray(path.read_bytes())
    start = content.find(b"PK\x01\x02") + 24
    content[start : start + 4] = struct.pack("<I", 2**32 - 2)
    path.write_bytes(content)


def overlapping(path):
    """Two members of the directory that are the same bytes, as in a bomb."""
    save(path, ("a.npy", npy(np.ones(3000))), ("b.npy", npy(np.ones(3000))))
    content = bytearray(path.read_bytes())
    first = content.find(b"PK\x01\x02")
    second = content.find(b"PK\x01\x02", first + 1)
    content[second + 20 : second + 28] = struct.pack("<II", 90_000, 90_000)
    path.write_bytes(content)


BIG = 200_000_000
HOSTILE = {
    "nothing": (lambda path: path.write_bytes(b""), "not a zip file"),
    "a folder": (lambda path: path.mkdir(), "Is a directory"),
    "text": (lambda path: path.write_text("no zip"), "not a zip file"),
    "encrypted": (encrypted, "encrypted"),
    "an unknown method": (unknown_method, "method that NumPy does not write"),
    "bzip2": (lambda path: save(path, ("a.npy", npy(np.ones(3))), method=zipfile.ZIP_BZIP2), "method that NumPy"),
    "lzma": (lambda path: save(path, ("a.npy", npy(np.ones(3))), method=zipfile.ZIP_LZMA), "method that NumPy"),
    "a size that the zip has no room for": (claimed_size, "a.npy claims 4294967294 bytes of 152"),
    "overlapping members": (overlapping, "claim more than the"),
    "4 TB": (lambda path: save(path, ("a.npy", claims("(1000000000000,)"))), "claims 4000000000000 bytes"),
    "more than any number of bytes": (lambda path: save(path, ("a.npy", claims(f"({2**62}, {2**62})"))), "claims"),
    "a negative side": (lambda path: save(path, ("a.npy", claims("(-1,)"))), "claims -4 bytes"),
    "two negative sides": (lambda path: save(path, ("a.npy", claims("(-1, -1)", content=b"1234"))), "claims 4 bytes"),
    "fewer bytes": (lambda path: save(path, ("a.npy", claims("(2,)", content=b"1234"))), "claims 8 bytes"),
    "more bytes": (lambda path: save(path, ("a.npy", claims("(1,)", content=b"123456"))), "claims 4 bytes"),
    "sides that are no numbers": (lambda path: save(path, ("a.npy", claims("('a',)"))), "shape"),
    "no shape": (lambda path: save(path, ("a.npy", claims("7"))), "shape"),
    "objects": (lambda path: np.savez(path, a=np.array([{}], object)), "holds objects"),
    "text in arrays": (lambda path: np.savez(path, a=np.array(["a"])), "no numbers but <U1"),
    "fields": (lambda path: np.savez(path, a=np.zeros(2, [("a", "f4")])), "no numbers but"),
    "dates": (lambda path: np.savez(path, a=np.zeros(2, "M8[s]")), "no numbers but datetime64"),
    "a dtype of arrays": (lambda path: save(path, ("a.npy", claims("(0,)", "('<f4', (9,))"))), "no numbers but"),
    "a dtype that is none": (lambda path: save(path, ("a.npy", claims("(1,)", "'nonsense'"))), "descr"),
    "a header of 200 MB": (
        lambda path: save(path, ("a.npy", header(" " * BIG, (2, 0))), method=zipfile.ZIP_DEFLATED),
        "a header of 200000000 bytes",
    ),
    "a header without end": (lambda path: save(path, ("a.npy", header("(" * 5000))), ""),
    "a header of something else": (lambda path: save(path, ("a.npy", header("__import__('os')"))), ""),
    "another version": (lambda path: save(path, ("a.npy", b"\x93NUMPY\x09\x00" + b" " * 90)), "unknown version"),
    "no array": (lambda path: save(path, ("a.txt", b"text")), "magic string"),
    "two of one name": (lambda path: save(path, ("a.npy", npy(np.ones(3))), ("a", npy(np.ones(2)))), "one name"),
    "a torn file": (lambda path: path.write_bytes(save(path, ("a.npy", npy(np.ones(99)))).read_bytes()[:200]), "zip"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_hostile_file_is_one_line_in_little_memory(tmp_path, name):
    write, problem = HOSTILE[name]
    path = tmp_path / "a.npz"
    write(path)
    tracemalloc.start()
    with pytest.raises(RequestError, match=problem) as error:
        read_arrays(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(error.value) and str(path) in str(error.value) and len(str(error.value)) < 1000
    assert peak < 8e6


def test_memory_is_that_of_the_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.ones((2000, 2000), np.float32))
    tracemalloc.start()
    read_arrays(tmp_path / "a.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.2 * os.path.getsize(tmp_path / "a.npz")


def test_a_file_that_is_not_there_is_no_damaged_checkpoint(tmp_path):
    with pytest.raises(RequestError, match="none.npz: No such file or directory; give a file") as error:
        read_arrays(tmp_path / "none.npz")
    assert "damaged" not in str(error.value)
