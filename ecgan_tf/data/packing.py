"""Packs a data set into shards, see `packed`: what a killed attempt has finished stays, and is not made again."""

import functools
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ecgan_tf.atomic_files import write_json
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.folders import MANIFEST
from ecgan_tf.data.packed import (
    FORMAT,
    as_lines,
    fields_at,
    is_packed,
    kept_indices,
    read_manifest,
    settings_of,
    shard_name,
)
from ecgan_tf.data.records import encode, size_of
from ecgan_tf.data.shards import Shard, ShardError, write_shard
from ecgan_tf.errors import RequestError

SHARD_BYTES = 256 * 1000**2


def pack(data_config, folder, progress=None, shard_bytes=SHARD_BYTES):
    """Makes the shards of both splits, but those that are there already and whole.

    Args:
        data_config: `config.data`; nothing of it that is drawn anew for each epoch is stored.
        folder: `Path`, which can be written to.
        progress: function of (examples done, examples in all, name of the part).
        shard_bytes: about how large a shard becomes.
    Returns:
        how many shards there are, how many of them were made now, and bytes of all.
    """
    if is_packed(data_config):
        raise RequestError(f"{data_config.dir} holds shards already; config.data.dir is what they are made of.")
    if data_config.dir and os.path.realpath(os.path.expanduser(data_config.dir)) == os.path.realpath(folder):
        raise RequestError(f"{folder} is the data set's own folder, in which shards would hide it; give another one.")
    train, validation = (open_dataset(data_config, split) for split in ("train", "validation"))
    if train.cuts_crops:
        raise RequestError(
            f"data set {data_config.name!r} cuts its crops from one picture in memory: there is nothing to pack."
        )
    settings = settings_of(data_config)
    as_files = settings["as_files"]
    parts = {"train": (train, range(len(train)), None if as_files else train.load_size)}
    if not as_files and train.load_size != train.image_size:
        parts["train_kept"] = (train, kept_indices(train), train.image_size)
    parts["validation"] = (validation, range(len(validation)), validation.image_size)
    cuts = {part: _cut(*of, settings, shard_bytes) for part, of in parts.items()}
    manifest = {
        "format": FORMAT,
        "is_whole": False,
        "settings": settings,
        "classes": train.classes.to_dict(),
        "parts": {part: [len(cut) for cut in cuts[part]] for part in parts},
    }
    _begin(folder, manifest)
    made, paths = 0, []
    for part, (dataset, indices, size) in parts.items():
        for number, cut in enumerate(cuts[part]):
            name, before = folder / shard_name(part, number), number * len(cuts[part][0])
            tell = functools.partial(_tell, progress, before, len(indices), part)
            made += _make(name, dataset, cut, size, settings, tell)
            paths += [f"{name}.bin", f"{name}.npz"]
    write_json(folder / MANIFEST, {**manifest, "is_whole": True})
    return len(paths) // 2, made, sum(map(os.path.getsize, paths))


def _tell(progress, before, total, part, done):
    if progress:
        progress(before + done, total, part)


def _begin(folder, manifest):
    """Writes what the shards will be; refuses a folder with shards of something else."""
    if (folder / MANIFEST).is_file():
        there = read_manifest(folder)
        differ = [k for k, value in manifest["settings"].items() if there["settings"].get(k) != value]
        differ += [key for key in ("classes", "parts") if there.get(key) != manifest[key]]
        if differ:
            raise RequestError(
                f"{folder} holds shards that differ in {', '.join(differ)}; give another folder, or empty this one."
            )
    elif any(folder.glob("*.bin")):
        raise RequestError(f"{folder} holds .bin files of something else; give another folder.")
    write_json(folder / MANIFEST, manifest)


def _cut(dataset, indices, size, settings, shard_bytes):
    """The indices of each shard; all examples are taken for as large as the first one."""
    sides = dataset.read(0)["labels"].shape if size is None else size
    fields = fields_at(sides, settings, dataset.classes.num_classes, as_files=size is None)
    count = max(1, shard_bytes // size_of(fields))
    return [list(indices[first : first + count]) for first in range(0, len(indices), count)]


def _make(name, dataset, indices, size, settings, tell):
    """Makes a shard unless it is there, of these very files, and whole; returns whether it was made."""
    origin = _origin(dataset, indices, size, settings)
    try:
        shard = Shard(name)
        if len(shard) == len(indices) and np.array_equal(shard.about("origin"), origin):
            shard.check()
            tell(len(indices))
            return False
    except ShardError:
        pass
    sides, counts, num_classes = [], [], dataset.classes.num_classes

    def record(index):
        arrays = dataset.read(index)
        labels = arrays["labels"]
        if size is None:
            arrays = {**arrays, "labels": labels.astype(np.min_scalar_type(num_classes))}
        else:
            arrays = dataset.at_size(arrays, size)
        fields = fields_at(arrays["labels"].shape, settings, num_classes, as_files=size is None)
        return encode(arrays, fields), labels.shape, np.bincount(labels.ravel(), minlength=num_classes + 1)

    def records(pool):
        for done, (content, shape, count) in enumerate(pool.map(record, indices), start=1):
            sides.append(shape)
            counts.append(count)
            yield content
            tell(done)

    examples = [dataset.examples[index] for index in indices]
    pool = ThreadPoolExecutor(os.cpu_count())
    try:
        write_shard(
            name,
            records(pool),
            lambda: {
                "sides": np.array(sides, np.int64),
                "counts": np.array(counts, np.int64),
                "indices": np.array(indices, np.int64),
                "origin": origin,
                "names": as_lines(example.name for example in examples),
                "images": as_lines(os.path.basename(example.image) for example in examples),
                "labels": as_lines(os.path.basename(example.labels) for example in examples),
            },
        )
    finally:
        pool.shutdown(cancel_futures=True)  # an interrupt should not wait for the rest
    return True


def _origin(dataset, indices, size, settings):
    """A digest of what a shard is made of: settings, classes, and the files by name, size and time, uint8 (32,)."""
    files = []
    for index in indices:
        example = dataset.examples[index]
        files.append(example.name)
        for path in (example.image, example.labels, example.instances, example.source):
            if path is not None:
                status = os.stat(path)
                files.append([os.path.basename(path), status.st_size, status.st_mtime_ns])
    what = [settings, dataset.classes.to_dict(), size, files]
    return np.frombuffer(hashlib.sha256(json.dumps(what).encode()).digest(), np.uint8)
