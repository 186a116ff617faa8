"""Shards: many records in one file, each with its checksum; written whole, and read one record at a time.

NAME.bin holds the records one after the other, and NAME.npz beside it, which is written last, what they are: their
sizes in bytes, their CRC-32, and whatever else the caller keeps of them.
"""

import os
import zlib

import numpy as np

from ecgan_tf.arrays import read_arrays
from ecgan_tf.atomic_files import atomic_path, machine_errors
from ecgan_tf.errors import RequestError

REMEDY = "run the same ecgan convert-data again, which makes this shard anew and leaves the others"


class ShardError(RequestError):
    """A shard is missing, cut off or changed; the message names the file and the remedy."""

    kind = "broken shards"


def write_shard(name, records, about):
    """Writes a shard.

    Args:
        name: path without an ending.
        records: iterable of bytes.
        about: function without arguments, called after the last record: dictionary from name to array, kept in the
            .npz; no name may be `sizes` or `checksums`.
    """
    sizes, checksums = [], []
    with atomic_path(f"{name}.bin") as temporary, open(temporary, "wb") as file:
        for record in records:
            file.write(record)
            sizes.append(len(record))
            checksums.append(zlib.crc32(record))
    with atomic_path(f"{name}.npz") as temporary:
        arrays = {"sizes": np.array(sizes, np.int64), "checksums": np.array(checksums, np.uint32), **about()}
        np.savez_compressed(temporary, **arrays)


class Shard:
    """One shard to read from, by any number of threads.

    Attributes:
        path: of the records.
    """

    def __init__(self, name):
        self.path, self._about = f"{name}.bin", f"{name}.npz"
        sizes, self._checksums = self.about("sizes"), self.about("checksums")
        if sizes.dtype != np.int64 or sizes.ndim != 1 or sizes.min(initial=0) < 0 or len(sizes) != len(self._checksums):
            raise self._broken(self._about, "it does not say what the records are")
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes

    def __len__(self):
        return len(self._ends)

    def about(self, key):
        """An array that `write_shard` was given beside the records."""
        return self._arrays(key)[key]

    def _arrays(self, key=""):
        """Those that are kept beside the records, or one of them."""
        try:
            arrays = read_arrays(self._about, key)
            return arrays if not key else {key: arrays[key]}
        except (RequestError, KeyError) as error:
            raise self._broken(self._about, "missing" if not os.path.exists(self._about) else "broken") from error

    def read(self, number):
        """The bytes of a record, if they are those that were written."""
        start, size = int(self._starts[number]), int(self._ends[number] - self._starts[number])
        try:
            with machine_errors(self.path, "reading"), open(self.path, "rb", buffering=0) as file:
                file.seek(start)
                record = file.read(size)
        except FileNotFoundError:
            raise self._broken(self.path, "missing") from None
        if len(record) < size:
            raise self._broken(self.path, f"cut off at byte {os.path.getsize(self.path)}")
        if zlib.crc32(record) != self._checksums[number]:
            raise self._broken(self.path, f"record {number} (bytes {start} to {start + size}) is not what was written")
        return record

    def check(self):
        """Reads all of it; raises the first `ShardError`."""
        self._arrays()
        for number in range(len(self)):
            self.read(number)

    @staticmethod
    def _broken(path, words):
        return ShardError(f"{path}: {words}; {REMEDY}.")
