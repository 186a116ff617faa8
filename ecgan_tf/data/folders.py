"""Which files and which classes make up a data set, for every folder structure that is known."""

import dataclasses
import importlib.resources
from pathlib import Path

from ecgan_tf.data.classes import load_class_list
from ecgan_tf.data.known_classes import ade20k_classes, cityscapes_classes, coco_stuff_classes
from ecgan_tf.errors import RequestError

SPLITS = ("train", "validation")
PHOTOGRAPH_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclasses.dataclass(frozen=True)
class Example:
    """The files of one example; `instances` and `source` are None where they are not used."""

    name: str
    image: Path
    labels: Path
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

    def find(self):
        """Paths by name; two files of one name are a `RequestError`."""
        found = {}
        for path in sorted(self.folder.glob("*/*" if self.grouped else "*")):
            is_ours = path.suffix.lower() in self.suffixes and path.stem.endswith(self.ending)
            if not is_ours or path.name.startswith("."):
                continue
            name = path.stem.removesuffix(self.ending)
            if name in found:
                raise RequestError(f"{found[name]} and {path} share the name {name!r}; remove or rename one of them.")
            found[name] = path
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


FOLDERS = {
    "earth_tiles": folder_files,
    "folder": folder_files,
    "cityscapes": cityscapes_files,
    "ade20k": ade20k_files,
    "coco_stuff": coco_stuff_files,
}
KNOWN_CLASSES = {
    "cityscapes": cityscapes_classes,
    "ade20k": ade20k_classes,
    "coco_stuff": coco_stuff_classes,
}


# --- what a config asks for ------------------------------------------------------------------------------------------


# Under which terms the photographs may be used, which bind what is trained on them.
LICENCES = {
    "earth_tiles": "photographs: NASA Blue Marble Next Generation, free to use; land cover: NASA MCD12C1, free to use",
    "cityscapes": "Cityscapes licence: non-commercial use",
    "ade20k": "ADE20K terms: non-commercial research and education",
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
        problems: a list that takes what is wrong, for whoever wants to hear all of it; examples that lack something
            are left out then. None: the first problem is raised.
    Returns:
        tuple of `Example`, sorted by name.
    """
    if split not in SPLITS:
        raise ValueError(f"split is {split!r}; it must be one of {', '.join(SPLITS)}.")
    tell = _raise if problems is None else problems.append
    root = _root(data_config)
    photographs, labels, instances = FOLDERS[data_config.name](root, split)
    absent = [files for files in (photographs, labels) if not files.folder.is_dir()]
    for files in absent:
        tell(
            f"{files.folder}: no such folder. config.data.name={data_config.name!r} reads photographs "
            f"{photographs} with label maps {labels}."
        )
    if data_config.use_instances and not instances.folder.is_dir():
        absent.append(instances)
        tell(f"{instances.folder}: no such folder, so there are no instance maps; set config.data.use_instances=False.")
    if absent:
        return ()
    images = photographs.find()
    if not images:
        tell(f"{photographs.folder}: no photographs; expected {photographs}.")
    partners = {"labels": _partners(images, labels, "label map", tell)}
    if data_config.use_instances:
        partners["instances"] = _partners(images, instances, "instance map", tell)
    if data_config.get("use_sources", False):  # a key of the cross-view task
        sources = Files(photographs.folder.parent / "sources", suffixes=PHOTOGRAPH_SUFFIXES)
        if not sources.folder.is_dir():
            tell(f"{sources.folder}: no such folder; cross-view translation reads the other view there.")
            return ()
        partners["source"] = _partners(images, sources, "photograph of the other view", tell)
    return tuple(
        Example(name, images[name], **{kind: paths[name] for kind, paths in partners.items()})
        for name in sorted(images)
        if all(name in paths for paths in partners.values())
    )


def _raise(message):
    raise RequestError(message)


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
    if data_config.name == "earth_tiles":
        return Path(str(importlib.resources.files("ecgan_tf.data") / "earth_tiles"))
    if not data_config.dir:
        raise RequestError(f"config.data.dir is empty; data set {data_config.name!r} needs the folder it lies in.")
    root = Path(data_config.dir).expanduser()
    if not root.is_dir():
        raise RequestError(f"{root}: no such folder; set config.data.dir to where data set {data_config.name!r} lies.")
    return root


def _partners(images, files, kind, tell):
    """The partner of every photograph, by name; `tell` hears of what is missing or left over."""
    found = files.find()
    missing = sorted(images.keys() - found.keys())
    if missing:
        photograph = images[missing[0]]
        expected = files.expected(missing[0], photograph.parent.name)
        others = sorted(
            path for path in expected.parent.glob(f"{expected.stem}.*") if path.suffix not in files.suffixes
        )
        instead = f" Found {others[0]}: save it as {expected.suffix[1:].upper()}." if others else ""
        tell(
            f"{photograph}: no {kind}; expected {expected}.{instead} "
            f"{len(missing)} of {len(images)} photographs lack theirs; add them, or take the photographs out."
        )
    left_over = sorted(found.keys() - images.keys())
    if left_over:
        tell(
            f"{found[left_over[0]]}: a {kind} without a photograph. {len(left_over)} of {len(found)} lack theirs; "
            "add the photographs, or take the files out."
        )
    return found


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
