"""The classes of a data set: their names, colours and values in label files."""

import dataclasses
import re
import reprlib
from pathlib import Path

import numpy as np

from ecgan_tf.atomic_files import MachineError, read_json
from ecgan_tf.errors import RequestError

UNKNOWN_COLOR = (0, 0, 0)
MAX_FILE_VALUE = 65535  # a PNG has at most 16 bits
CLASSES_EXAMPLE = '{"ignore_index": 255, "classes": [{"id": 0, "name": "sky", "color": [128, 128, 128]}, ...]}'


@dataclasses.dataclass(frozen=True, eq=False)
class ClassList:
    """The classes of a data set in the order of their ids 0..num_classes-1; num_classes itself is "unknown".

    Attributes:
        names: one per class.
        palette: uint8 (num_classes, 3), RGB.
        unknown_label: value of unlabelled pixels in label files; None where every pixel has a class.
        file_values: value of each class in label files; ADE20K stores id + 1. By default the ids.
    """

    names: tuple
    palette: np.ndarray
    unknown_label: int | None = None
    file_values: tuple = ()

    def __post_init__(self):
        if not self.file_values:
            object.__setattr__(self, "file_values", tuple(range(len(self.names))))

    @property
    def num_classes(self):
        return len(self.names)

    @property
    def label_names(self):
        """The name of each label id, in their order; the last is "unknown" where there is one."""
        return (*self.names, *(("unknown",) if self.has_unknown else ()))

    @property
    def has_unknown(self):
        return self.unknown_label is not None

    def to_dict(self):
        """Plain JSON, in the layout of a data folder's classes.json."""
        columns = zip(self.file_values, self.names, self.palette.tolist())
        classes = [
            {"id": i, "raw_id": raw, "name": name, "color": color} for i, (raw, name, color) in enumerate(columns)
        ]
        return {"ignore_index": self.unknown_label, "classes": classes}

    @classmethod
    def from_dict(cls, content):
        """The inverse of `to_dict`.

        Reads every layout of classes.json: `raw_id` (else `id`) is the value in label files, `color` is optional, and
        unlabelled pixels are named by `ignore_index` or `raw_unlabelled_id`.
        """
        entries = content.get("classes") if isinstance(content, dict) else None
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError('it needs a list of objects under "classes"')
        entries = sorted(entries, key=lambda entry: _file_id(entry, "id", "raw_id"))
        file_values = tuple(_file_id(entry, "raw_id", "id") for entry in entries)
        if len(set(file_values)) < len(file_values):
            raise ValueError("two classes have the same id")
        unknown_label = content.get("ignore_index", content.get("raw_unlabelled_id"))
        if unknown_label is not None:
            unknown_label = _checked_id(unknown_label)
        if unknown_label in file_values:
            raise ValueError(f"{unknown_label} is both a class and the value of unlabelled pixels")
        given = {i: _color(entry["color"]) for i, entry in enumerate(entries) if entry.get("color") is not None}
        palette = distinct_palette(len(entries), taken=given.values())
        for i, color in given.items():
            palette[i] = color
        return cls(tuple(_name(entry["name"]) for entry in entries), palette, unknown_label, file_values)

    def colorize(self, labels):
        """Colours label ids.

        Args:
            labels: integers (..., height, width), 0..num_classes; num_classes (unknown) becomes black.
        Returns:
            uint8 (..., height, width, 3), RGB.
        """
        labels = np.asarray(labels)
        if labels.size and (labels.min() < 0 or labels.max() > self.num_classes):
            raise ValueError(f"label ids {labels.min()}..{labels.max()} are not all within 0..{self.num_classes}.")
        return np.concatenate([self.palette, np.uint8([UNKNOWN_COLOR])])[labels]

    def with_unknown_label(self, unknown_label):
        """The same classes with another value of unlabelled pixels."""
        if unknown_label > MAX_FILE_VALUE:
            raise RequestError(
                f"config.data.unknown_label={unknown_label}: a label file holds at most {MAX_FILE_VALUE}."
            )
        if unknown_label in self.file_values:
            name = self.names[self.file_values.index(unknown_label)]
            raise RequestError(
                f"config.data.unknown_label={unknown_label} is the value of class {name!r}; "
                "choose a value that no class has, or -1 for what the data set says."
            )
        return dataclasses.replace(self, unknown_label=unknown_label)


def load_class_list(path):
    """Reads classes.json; a mistake in it is a `RequestError` that names the file."""
    path = Path(path)
    if not path.is_file():
        raise RequestError(f"{path}: no such file. List the classes in it: {CLASSES_EXAMPLE}")
    try:
        return ClassList.from_dict(read_json(path, object))
    except MachineError:
        raise
    except RequestError as error:  # of the file itself
        problem = str(error).removeprefix(f"{path} ").removesuffix(".")
    except KeyError as error:
        problem = f"{error} is missing"
    except ValueError as error:
        problem = str(error)
    raise RequestError(f"{path}: not a list of classes: {problem}. It should read like {CLASSES_EXAMPLE}")


def distinct_palette(num_classes, taken=()):
    """Different colours for as many classes as there are: the bits of id + 1, dealt to the channels from the top.

    Args:
        num_classes: N.
        taken: colours, three integers each, that none of them may have.
    Returns:
        uint8 (num_classes, 3); black is left for unknown.
    """
    taken, colors, number = {tuple(color) for color in taken}, [], 0
    while len(colors) < num_classes:
        number += 1
        color = tuple(
            sum(((number >> bit) & 1) << (7 - bit // 3) for bit in range(channel, 24, 3)) for channel in range(3)
        )
        if color not in taken:
            colors.append(color)
    return np.array(colors, np.uint8).reshape(-1, 3)


def _name(value):
    """A name as text that can be written; JSON may hold half of a character."""
    if isinstance(value, list | dict):
        raise ValueError(f"name {reprlib.repr(value)} is no text")
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _file_id(entry, key, other_key):
    return _checked_id(entry[other_key] if key not in entry and other_key in entry else entry[key])


def _checked_id(value):
    if type(value) is not int or not 0 <= value <= MAX_FILE_VALUE:
        raise ValueError(f"{reprlib.repr(value)} is not an id between 0 and {MAX_FILE_VALUE}")
    return value


def _color(value):
    if not isinstance(value, list) or len(value) != 3 or not all(type(v) is int and 0 <= v <= 255 for v in value):
        raise ValueError(f"color {reprlib.repr(value)} is not three integers between 0 and 255")
    return value


def plain_name(name):
    """A class's name as others may write it: capitals, hyphens, underscores and spaces make no difference."""
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()
