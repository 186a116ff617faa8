"""A data set as shards: its examples as training wants them, made once, so that reading them is all that is left.

A folder of shards stands in config.data.dir for the data set's own, and gives the same batches, bit for bit. What is
stored is what `LabelledPhotographs.load` gives: training examples at load_size and validation examples at image_size,
and a few training examples at image_size, which a run keeps for its export. Where each photograph has a size that is
drawn anew (config.data.short_side), its arrays are stored as its files have them.
"""

import functools
import os
from pathlib import Path

import numpy as np

from ecgan_tf.atomic_files import read_json
from ecgan_tf.data.classes import ClassList
from ecgan_tf.data.dataset import LabelledPhotographs, evenly_spread
from ecgan_tf.data.exemplars import NO_SIDES, random_numbers
from ecgan_tf.data.folders import MANIFEST, SPLITS, Example, read_selection
from ecgan_tf.data.records import RecordError, decode
from ecgan_tf.data.shards import REMEDY, Shard, ShardError
from ecgan_tf.errors import RequestError

FORMAT = 1
KEPT = 32  # training examples that a run keeps at image_size
AGREE = ("name", "image_size", "load_size", "limit", "direction")  # of config.data, as when the shards were made
HELD = {"use_instances": "instance boundaries", "use_sources": "photographs of the other view"}
EDGES = ("edge_source", "canny_low", "canny_high")
SETTINGS = {*AGREE, *HELD, *EDGES, "as_files", "is_selection"}


def is_packed(data_config):
    """Whether config.data.dir is a folder of shards."""
    return bool(data_config.dir) and (_folder(data_config) / MANIFEST).is_file()


def open_packed(data_config, split):
    """`PackedPhotographs` of a split; a `RequestError` says where the shards are of other settings than the config."""
    folder = _folder(data_config)
    manifest = read_manifest(folder)
    if not manifest.get("is_whole"):
        raise RequestError(f"{folder}: not all shards are made yet; run the same ecgan convert-data again: it goes on.")
    try:
        classes = ClassList.from_dict(manifest.get("classes"))
    except (ValueError, KeyError) as error:
        raise RequestError(f"{folder / MANIFEST}: no list of classes; make it anew by ecgan convert-data.") from error
    wrong = differences(data_config, manifest["settings"])
    if data_config.unknown_label not in (-1, classes.unknown_label):
        wrong.append(f"config.data.unknown_label is {data_config.unknown_label}, theirs {classes.unknown_label}")
    if wrong:
        raise RequestError(
            f"{folder} holds shards of other settings: {'; '.join(wrong)}. Make shards of these by ecgan convert-data "
            "into another folder, or give the settings that these were made with."
        )
    parts = {part: Part(folder, part, counts) for part, counts in manifest["parts"].items() if part.startswith(split)}
    return PackedPhotographs(data_config, split, classes, parts, manifest["settings"])


def read_manifest(folder):
    """shards.json, if it is ours."""
    path = folder / MANIFEST
    manifest = read_json(path)
    settings, parts = (manifest.get(key) for key in ("settings", "parts"))
    is_ours = manifest.get("format") == FORMAT and isinstance(settings, dict) and settings.keys() == SETTINGS
    if not is_ours or not _are_parts(parts):
        raise RequestError(f"{path} is no list of shards of this version; make them anew by ecgan convert-data.")
    return manifest


def _are_parts(parts):
    """Whether this says how many examples each shard of each part has."""
    if not isinstance(parts, dict) or not parts.keys() >= set(SPLITS):
        return False
    shards = [counts for counts in parts.values() if isinstance(counts, list) and counts]
    return len(shards) == len(parts) and all(type(count) is int and count > 0 for counts in shards for count in counts)


def settings_of(data_config):
    """What of config.data decides on the bytes of the shards, as plain JSON."""
    settings = {key: data_config[key] for key in ("name", "use_instances", "limit")}
    settings |= {key: list(data_config[key]) for key in ("image_size", "load_size")}
    settings |= {key: data_config.get(key) for key in ("direction", *EDGES)}
    if settings["edge_source"] != "canny":  # the thresholds decide on nothing
        settings |= {"canny_low": None, "canny_high": None}
    settings["use_sources"] = bool(data_config.get("use_sources", False))
    settings["as_files"] = tuple(data_config.get("short_side", NO_SIDES)) != NO_SIDES
    settings["is_selection"] = bool(data_config.selection)
    return settings


def differences(data_config, made):
    """What a config wants that shards of other settings do not hold, one line each."""
    wanted = settings_of(data_config)
    if not wanted["use_sources"]:  # then nobody asks from where to where
        wanted["direction"] = made.get("direction")
    keys = [*AGREE, *(EDGES if wanted["edge_source"] not in (None, "none") else ())]
    lines = [f"config.data.{k} is {wanted[k]!r}, theirs {made.get(k)!r}" for k in keys if wanted[k] != made.get(k)]
    lines += [
        f"config.data.{key} is True, and they have no {words}"
        for key, words in HELD.items()
        if wanted[key] and not made.get(key)
    ]
    if wanted["as_files"] and not made.get("as_files"):
        lines.append("config.data.short_side asks for photographs of their own size, theirs are of load_size")
    if wanted["is_selection"] != made.get("is_selection"):
        given, theirs = (["''", "a list"][bool(each["is_selection"])] for each in (wanted, made))
        lines.append(f"config.data.selection is {given}, theirs {theirs}")
    return lines


def fields_at(sides, settings, num_classes, as_files=False):
    """The arrays of an example in their order, as `records` describes them."""
    labels = np.min_scalar_type(num_classes)
    fields = {"image": (np.uint8, (*sides, 3)), "labels": (labels, tuple(sides))}
    if as_files:
        return {**fields, **({"instances": (np.uint16, tuple(sides))} if settings["use_instances"] else {})}
    if settings["edge_source"] not in (None, "none"):
        fields["edges"] = (bool, tuple(sides))
    if settings["use_instances"]:
        fields["boundaries"] = (bool, tuple(sides))
    if settings["use_sources"]:
        fields["source"] = (np.uint8, (*sides, 3))
    return fields


def as_lines(texts):
    """Texts, such as names, as an array; `Part.lines` reads them."""
    return np.frombuffer("\0".join([*texts, ""]).encode("utf-8", "replace"), np.uint8)


class Part:
    """The shards of a part of a data set, opened when first asked for.

    Args:
        folder: `Path`.
        part: its name.
        counts: how many examples each shard has.
    """

    def __init__(self, folder, part, counts):
        self.folder, self._starts = folder, np.cumsum([0, *counts])
        self._shard = functools.cache(lambda number: Shard(folder / shard_name(part, number)))

    def __len__(self):
        return int(self._starts[-1])

    def read(self, index):
        """The bytes of an example."""
        number = int(np.searchsorted(self._starts, index, side="right")) - 1
        return self._shard(number).read(index - int(self._starts[number]))

    def about(self, key):
        """What the shards hold beside their records, of all of them."""
        return np.concatenate([self._shard(number).about(key) for number in range(len(self._starts) - 1)])

    def lines(self, key):
        """Texts beside the records, one for each of them; `as_lines` makes the array."""
        return self.about(key).tobytes().decode("utf-8", "replace").split("\0")[:-1]


def shard_name(part, number):
    return f"{part}-{number:05d}"


class PackedPhotographs(LabelledPhotographs):
    """`LabelledPhotographs` of which all that does not depend on chance was computed before."""

    def __init__(self, data_config, split, classes, parts, settings):
        part = parts[split]
        names, images, labels = (part.lines(key) for key in ("names", "images", "labels"))
        self._sides = part.about("sides")
        if not len(names) == len(images) == len(labels) == len(part) or self._sides.shape != (len(part), 2):
            raise ShardError(f"{part.folder}: the shards do not name as many examples as they hold; {REMEDY}.")
        examples = tuple(Example(name, Path(i), Path(e)) for name, i, e in zip(names, images, labels))
        super().__init__(data_config, split, classes, examples)
        self._part, self._settings = part, settings
        self._is_as_files = settings["as_files"] and split == "train"
        self._kept, self._places = parts.get(f"{split}_kept"), {}
        if self._kept:
            self._places = {int(index): place for place, index in enumerate(self._kept.about("indices"))}
        if data_config.selection:
            self._check_selection(data_config.selection)

    def _check_selection(self, selection):
        """The shards are of the examples that the config selects."""
        stems = {Path(name).stem for name in read_selection(selection, self.split)}
        ours = {Path(example.name).stem for example in self.examples}
        if not ours <= stems or (len(ours) < len(stems) and not self._settings["limit"]):
            raise RequestError(
                f"{self._part.folder} holds {len(self)} examples of the split {self.split!r}, and they are not those "
                f"of config.data.selection={selection}; make shards of these by ecgan convert-data into another folder."
            )

    @functools.cached_property
    def aspect(self):
        height, width = self._sides[0]
        return width / height

    def read(self, index, problems=None, only=()):
        if not self._is_as_files:
            raise RequestError(
                f"{self._part.folder}: shards do not hold the examples at the size of their files; give "
                "config.data.dir=FOLDER of the data set itself."
            )
        fields = fields_at(self._sides[index].tolist(), self._settings, self.classes.num_classes, as_files=True)
        return _decoded(self._part, index, fields)

    def _keep(self, key, arrays):
        """Keeps an example if all fit: from a shard it comes in less time than from what was squeezed."""
        if len(self) * sum(array.nbytes for array in arrays.values()) <= self._cache.max_bytes:
            self._cache.put(key, arrays)

    def prepare(self, index, size):
        if self._is_as_files:
            return super().prepare(index, size)
        part, place = self._part, index
        if size != self.load_size:
            if size != self.image_size or index not in self._places:
                raise RequestError(
                    f"{part.folder}: example {self.examples[index].name!r} is wanted at {size[0]}x{size[1]}, and the "
                    f"shards hold it at {self.load_size[0]}x{self.load_size[1]}; make them anew for this config by "
                    "ecgan convert-data, or give config.data.dir=FOLDER of the data set itself."
                )
            part, place = self._kept, self._places[index]
        fields = fields_at(size, self._settings, self.classes.num_classes)
        have = {"edges": self.has_edges, "boundaries": self.has_boundaries, "source": self.has_sources}
        wanted = {"image", "labels", *(name for name, is_used in have.items() if is_used)}
        return self.with_predicted(_decoded(part, place, fields, wanted))

    @functools.cached_property
    def label_histograms(self):
        counts = self._part.about("counts")[:, :-1]
        return (counts / np.maximum(counts.sum(1, keepdims=True), 1)).astype(np.float32)

    def label_counts(self, limit=1000):
        return self._part.about("counts")[evenly_spread(len(self), limit)].sum(0)


def _decoded(part, place, fields, wanted=None):
    record = part.read(place)
    try:
        return decode(record, fields, wanted)
    except RecordError as error:
        raise ShardError(f"{part.folder}: {error} {REMEDY}.") from error


def kept_indices(dataset):
    """Which training examples a run keeps at image_size, with the exemplars that they come with."""
    indices = evenly_spread(len(dataset), KEPT)
    others = [dataset.matches.draw(i, random_numbers(0, i)) for i in indices] if dataset.has_exemplars else []
    return sorted({*indices, *others})


def _folder(data_config):
    return Path(os.path.abspath(os.path.expanduser(data_config.dir)))
