"""Which files and which classes make up a data set, for every folder structure that is known."""

import dataclasses
import importlib.resources
import os
from pathlib import Path

from ecgan_tf.atomic_files import machine_errors, read_json
from ecgan_tf.data.classes import load_class_list
from ecgan_tf.data.keys import DIRECTIONS, EMBEDDED
from ecgan_tf.data.known_classes import ade20k_classes, cityscapes_classes, coco_stuff_classes, cross_view_classes
from ecgan_tf.errors import RequestError

SPLITS = ("train", "validation")
MANIFEST = "shards.json"  # of a data set that was packed, see `packed`
PHOTOGRAPH_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


class MissingError(RequestError):
    """A photograph lacks a file that belongs to it."""

    kind = "photographs that lack a file"


class LeftOverError(RequestError):
    """A file belongs to no photograph."""

    kind = "files that belong to no photograph"


@dataclasses.dataclass(frozen=True)
class Example:
    """The files of one example; `instances` and `source` are None where they are not used."""

    name: str
    image: Path
    labels: Path | None  # None: missing, where all problems are wanted
    instances: Path | None = None
    source: Path | None = None


@dataclasses.dataclass(frozen=True)
class Files:
    """The files of one kind: `folder/<name><ending><suffix>`, or `folder/<group>/...` where they are grouped."""

    folder: Path
    ending: str = ""
    suffixes: tuple = (".png",)
    grouped: bool = False

    def __str__(self):
        return str(self.folder / ("*/" * self.grouped + f"*{self.ending}{self.suffixes[0]}"))

    def find(self, tell):
        """Paths by name; of two files of one name, which `tell` hears of, the first."""
        found = {}
        for path in sorted(self.folder.glob("*/*" if self.grouped else "*")):
            is_ours = path.suffix.lower() in self.suffixes and path.stem.endswith(self.ending)
            if not is_ours or path.name.startswith("."):
                continue
            name = path.stem.removesuffix(self.ending)
            if name in found:
                tell(RequestError(f"{found[name]} and {path} share the name {name!r}; remove or rename one of them."))
            found.setdefault(name, path)
        return found

    def expected(self, name, group):
        return self.folder / (group if self.grouped else "") / f"{name}{self.ending}{self.suffixes[0]}"


# --- folders: photographs, label maps and instance maps of a split ---------------------------------------------------


def folder_files(root, split):
    base = root / {"train": "train", "validation": "val"}[split]
    return Files(base / "images", suffixes=PHOTOGRAPH_SUFFIXES), Files(base / "labels"), Files(base / "instances")


def cityscapes_files(root, split):
    part = {"train": "train", "validation": "val"}[split]
    images, labels = root / "leftImg8bit" / part, root / "gtFine" / part
    return (
        Files(images, "_leftImg8bit", grouped=True),
        Files(labels, "_gtFine_labelIds", grouped=True),
        Files(labels, "_gtFine_instanceIds", grouped=True),
    )


def ade20k_files(root, split):
    part = {"train": "training", "validation": "validation"}[split]
    images = Files(root / "images" / part, suffixes=PHOTOGRAPH_SUFFIXES)
    return images, Files(root / "annotations" / part), Files(root / "annotations_instance" / part)


def coco_stuff_files(root, split):
    part = {"train": "train", "validation": "val"}[split]
    images = Files(root / f"{part}_img", suffixes=PHOTOGRAPH_SUFFIXES)
    return images, Files(root / f"{part}_label"), Files(root / f"{part}_inst")


def cross_view_files(root, split):
    pictures = Files(root / {"train": "train", "validation": "test"}[split], suffixes=PHOTOGRAPH_SUFFIXES)
    return pictures, pictures, pictures


FOLDERS = {
    "earth_tiles": folder_files,
    "earth": folder_files,
    "folder": folder_files,
    "cityscapes": cityscapes_files,
    "ade20k": ade20k_files,
    "coco_stuff": coco_stuff_files,
    "cross_view": cross_view_files,
}
KNOWN_CLASSES = {
    "cityscapes": cityscapes_classes,
    "ade20k": ade20k_classes,
    "coco_stuff": coco_stuff_classes,
    "cross_view": cross_view_classes,
}


# --- what a config asks for ------------------------------------------------------------------------------------------


# Under which terms the photographs may be used, which bind what is trained on them.
_OF_NASA = "photographs: NASA Blue Marble Next Generation, free to use; land cover: NASA MCD12C1, free to use"
LICENCES = {
    "earth_tiles": _OF_NASA,
    "earth": _OF_NASA,
    "cityscapes": "Cityscapes licence: non-commercial use",
    "ade20k": "ADE20K terms: non-commercial research and education",
    "cross_view": "the terms of Dayton, CVUSA or SVA, whichever it was trained on",
    "coco_stuff": "annotations CC BY 4.0; photographs under their Flickr licences",
}


def licence_note(name):
    """One line on the licence of a data set, for what is exported of models that it trained."""
    return LICENCES.get(name, f"the terms of the data set {name!r} that it was trained on")


def find_examples(data_config, split, problems=None):
    """The examples of a split.

    Args:
        data_config: `config.data`.
        split: "train" or "validation".
        problems: a list that takes every `RequestError`, for whoever wants to hear all of it; what an example lacks is
            None then. None: the first problem is raised.
    Returns:
        tuple of `Example`, sorted by name.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    tell = _raise if problems is None else problems.append
    root = _root(data_config)
    photographs, labels, instances = FOLDERS[data_config.name](root, split)
    for files in (photographs, labels):
        if not files.folder.is_dir():
            tell(
                RequestError(
                    f"{files.folder}: no such folder. config.data.name={data_config.name!r} reads photographs "
                    f"{photographs} with label maps {labels}."
                )
            )
    wanted = {"labels": (labels, "label map")}
    if data_config.use_instances:
        wanted["instances"] = (instances, "instance map")
        if not instances.folder.is_dir():
            tell(
                RequestError(
                    f"{instances.folder}: no such folder, so there are no instance maps; set "
                    "config.data.use_instances=False."
                )
            )
    images = photographs.find(tell) if photographs.folder.is_dir() else {}
    if not images and photographs.folder.is_dir():
        tell(RequestError(f"{photographs.folder}: no photographs; expected {photographs}."))
    if data_config.get("use_sources", False):  # a key of the cross-view task
        is_joined = data_config.name == "cross_view"  # all of an example is one picture
        sources = Files(photographs.folder.parent / "sources", suffixes=PHOTOGRAPH_SUFFIXES)
        sources = photographs if is_joined else sources
        wanted["source"] = (sources, "photograph of the other view")
        if not sources.folder.is_dir():
            tell(RequestError(f"{sources.folder}: no such folder; cross-view translation reads the other view there."))
    if not images:
        return ()
    partners = {
        kind: _partners(images, files, words, tell) if files.folder.is_dir() else {}
        for kind, (files, words) in wanted.items()
    }
    return tuple(
        Example(name, images[name], **{kind: paths.get(name) for kind, paths in partners.items()})
        for name in _selected(images, data_config.selection, split)
    )


def _selected(images, path, split):
    """The names of the examples that are used, sorted: all, or those that config.data.selection lists."""
    if not path:
        return sorted(images)
    names = read_selection(path, split)
    if os.path.isdir(path):
        names = [_listed(name, images) for name in names]
    foreign = sorted(set(names) - set(images))
    if foreign:
        raise RequestError(
            f"{path}: {len(foreign)} of {len(names)} names of the split {split!r} are no photographs of the data set, "
            f"such as {foreign[0]!r}; make the list anew for this data set."
        )
    return sorted(set(names))


def _listed(line, images):
    """The example that a line of a split list means: file names there have other endings, or lack the direction's."""
    stem = line.rsplit(".", 1)[0]
    found = (name for name in (line, stem, *(f"{stem}.{direction}" for direction in DIRECTIONS)) if name in images)
    return next(found, line)


def read_selection(path, split):
    """The names that a selection lists for a split: a .json, or a folder with a text file for each, a name a line.

    The cross-view data sets come with such folders: dayton_split has dayton_train.txt and dayton_test.txt.
    """
    if os.path.isdir(path):
        return _read_split_list(path, split)
    names = read_json(path).get(split)
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise RequestError(
            f'{path} lists no examples of the split {split!r}; it holds {{"train": [names], "validation": [names]}}, '
            "as ecgan scenes writes it."
        )
    return names


def _read_split_list(folder, split):
    words = ("train",) if split == "train" else ("val", "test")
    files = [name for name in sorted(os.listdir(folder)) if name.endswith((".txt", ".lst"))]
    files = [name for name in files if any(word in name.lower() for word in words)]
    if len(files) != 1:
        raise RequestError(
            f"{folder}: {len(files)} text files are for the split {split!r}; a folder of split lists has one with "
            f"{' or '.join(words)} in its name."
        )
    with machine_errors(folder), open(os.path.join(folder, files[0]), encoding="utf-8", errors="replace") as file:
        names = [line.strip() for line in file if line.strip() not in ("", ".", "..")]  # some were made by ls
    if not names:
        raise RequestError(f"{os.path.join(folder, files[0])} lists no examples.")
    return names


def _raise(problem):
    raise problem


def find_classes(data_config):
    """The `ClassList` of a data set: of its name, of its classes.json, and of config.data.unknown_label."""
    path = _root(data_config) / "classes.json"
    if data_config.name in KNOWN_CLASSES:
        classes = _with_names_of(path, KNOWN_CLASSES[data_config.name]())
    else:
        classes = load_class_list(path)
    if data_config.unknown_label < 0:
        return classes
    return classes.with_unknown_label(data_config.unknown_label)


def _root(data_config):
    if data_config.name not in FOLDERS:
        raise RequestError(f"config.data.name is {data_config.name!r}; it must be one of {', '.join(sorted(FOLDERS))}.")
    if data_config.name in EMBEDDED:
        return Path(str(importlib.resources.files("ecgan_tf.data") / "earth_tiles"))
    if not data_config.dir:
        raise RequestError(f"config.data.dir is empty; data set {data_config.name!r} needs the folder it lies in.")
    root = Path(data_config.dir).expanduser()
    if (root / MANIFEST).is_file():
        raise RequestError(f"{root} holds shards; the same ecgan convert-data that made them checks all of them, too.")
    if not root.is_dir():
        raise RequestError(f"{root}: no such folder; set config.data.dir to where data set {data_config.name!r} lies.")
    return root


def _partners(images, files, kind, tell):
    """The partner of every photograph, by name; `tell` hears of what is missing or left over, with its count first."""
    found = files.find(tell)
    missing = sorted(images.keys() - found.keys())
    for name in missing:
        photograph = images[name]
        expected = files.expected(name, photograph.parent.name)
        instead = _of_another_format(expected, files.suffixes)
        instead = f" Found {instead}: save it as {expected.suffix[1:].upper()}." if instead else ""
        tell(
            MissingError(
                f"{photograph}: no {kind}; expected {expected}.{instead} "
                f"{len(missing)} of {len(images)} photographs lack theirs; add them, or take the photographs out."
            )
        )
    left_over = sorted(found.keys() - images.keys())
    for name in left_over:
        tell(
            LeftOverError(
                f"{found[name]}: a {kind} without a photograph. {len(left_over)} of {len(found)} lack theirs; "
                "add the photographs, or take the files out."
            )
        )
    return found


def _of_another_format(expected, suffixes):
    """A picture that lies where another format is expected, or None."""
    for suffix in (*PHOTOGRAPH_SUFFIXES, ".gif"):
        for path in (expected.with_suffix(suffix), expected.with_suffix(suffix.upper())):
            if path.suffix.lower() not in suffixes and path.is_file():
                return path
    return None


def _with_names_of(path, classes):
    """The data set fixes the values in the files; a classes.json beside them may name and colour the classes."""
    if not path.is_file():
        return classes
    named = load_class_list(path)
    if named.num_classes != classes.num_classes:
        raise RequestError(
            f"{path}: {named.num_classes} classes, but this data set has {classes.num_classes}; correct the file."
        )
    return dataclasses.replace(classes, names=named.names, palette=named.palette)
