"""From the values of a label file to a layout: label ids at the size of the networks, and instance boundaries."""

import os

import cv2
import numpy as np

from ecgan_tf.data.classes import MAX_FILE_VALUE, UNKNOWN_COLOR
from ecgan_tf.data.images import BAND, of_another_format, read_label_file, read_label_image, read_photograph
from ecgan_tf.errors import RequestError
from ecgan_tf.outputs import expand
from ecgan_tf.pixels import as_float, nearest_rows

BLENDED = 12  # foreign colours from which on blended borders are the likely cause, wherever the colours lie
MASK = "0 and 255 alone look like a mask of one class; save it with that class's value."
MANY = 1000  # foreign colours after which no more are counted


class ValuesError(RequestError):
    """A label file has values or colours of no class, or could be read in two ways."""

    kind = "label maps whose values or colours are not the classes'"


class SizesError(RequestError):
    """Two files that belong together are not of one size."""

    kind = "files whose sizes differ"


def read_layout(path, classes, size, instances_path=None, source_path=None):
    """Reads what a generator needs to know of an image.

    Args:
        path: label file, as `labels_from_file` takes it.
        classes: `ClassList`.
        size: (height, width) of the result; None: the file's own.
        instances_path: file with an id per instance; adds `boundaries`.
        source_path: photograph of another view; adds `source`.
    Returns:
        dict of `labels` int32 (height, width), 0..num_classes, and perhaps `boundaries` float32 (height, width, 1) and
        `source` float32 (height, width, 3) in [-1, 1].
    """
    labels = labels_from_file(path, classes)
    size = labels.shape if size is None else size
    layout = {"labels": resize_labels(labels, size).astype(np.int32)}
    if instances_path is not None:
        instances = read_instances(instances_path)
        check_same_size(path, labels, instances_path, instances)
        boundaries = label_boundaries(resize_labels(instances, size))
        layout["boundaries"] = boundaries[..., np.newaxis].astype(np.float32)
    if source_path is not None:
        layout["source"] = as_float(resize_photograph(read_photograph(source_path), size))
    return layout


def list_label_maps(path):
    """The file itself, or the .png files of a folder, by name; absolute paths, "~" expanded."""
    place = expand(path)
    if os.path.isfile(place):
        return [place]
    if not os.path.isdir(place):
        raise RequestError(f"--labels={path}: no such file or folder.")
    names = sorted(name for name in os.listdir(place) if name.lower().endswith(".png") and not name.startswith("."))
    if not names:
        found = of_another_format(place)
        raise RequestError(
            f"--labels={path}: the folder has no .png; {found or 'label maps are PNGs of class ids or colours'}."
        )
    return [os.path.join(place, name) for name in names]


def labels_from_file(path, classes):
    """Reads a label file, by the one rule of all surfaces; what could be meant in two ways is refused.

        greyscale     values are those of the classes
        palette       indices are, unless the colours say something else: where they are all colours of classes and the
                      indices are no values of classes, the colours count; where both could be meant, it is refused
        RGB           colours are looked up in the class colours

    Returns:
        int32 (height, width), 0..num_classes-1, and num_classes for unlabelled pixels.
    """
    values, palette = read_label_image(path)
    if values.ndim == 3:
        return _ids_of_colors(path, values, classes)
    if palette is not None:
        of_color = _labels_of_palette(path, values, palette, classes)
        if of_color is not None:
            return _looked_up(of_color, values)
    return _ids_of_values(path, values, classes)


def _labels_of_palette(path, values, palette, classes):
    """The label of each index of a palette file that is read by its colours, or None for one that is read by index.

    An index beyond the palette has no colour.
    """
    known = {value: label for label, value in enumerate(classes.file_values)}
    of_color = {}
    for label, color in enumerate(_pack(classes.palette).tolist()):
        of_color.setdefault(color, set()).add(label)
    colors = _pack(palette).tolist()
    meant = {index: of_color.get(colors[index]) if index < len(colors) else None for index in _used(values)}
    by_index = all(index in known or index == classes.unknown_label for index in meant)
    other = [index for index, labels in meant.items() if labels and known.get(index) not in labels]
    if not other:
        return None  # no colour speaks against the indices
    if not by_index and all(meant.values()):
        table = np.zeros(max(meant) + 1, np.int32)
        for index, labels in meant.items():
            table[index] = min(labels)
        return table
    index = other[0]
    color, label = tuple(map(int, palette[index])), min(meant[index])
    named = repr(classes.names[known[index]]) if index in known else "no class"
    if index == classes.unknown_label:
        named = "unlabelled"
    raise ValuesError(
        f"{path}: a palette file that can be read in two ways: index {index} is {named}, but its colour {color} "
        f"is that of {classes.names[label]!r}. Save it as 8-bit greyscale PNG, one id a pixel, or as RGB."
    )


def read_instances(path):
    """Reads a file with an id per instance: integers (height, width)."""
    instances = read_label_file(path)
    if instances.ndim == 3:
        raise ValuesError(f"{path}: an instance map in RGB; save it as 16-bit greyscale PNG, one id a pixel.")
    return instances


def check_same_size(path, array, other_path, other_array):
    """A photograph, its label map and its instance map show the same pixels."""
    (height, width), (other_height, other_width) = array.shape[:2], other_array.shape[:2]
    if (height, width) == (other_height, other_width):
        return
    remedy = "export both at the same size."
    if (height, width) == (other_width, other_height):
        remedy = (
            "one of them lies on its side. A photograph is turned upright as its EXIF data says; turn the label map, "
            "too, or take the EXIF orientation out of the photograph."
        )
    raise SizesError(f"{path} is {width}x{height} pixels but {other_path} is {other_width}x{other_height}; {remedy}")


def resize_labels(labels, size):
    """Nearest neighbour; row i of the result is row floor((i + 0.5) * height / new height), the one at its centre."""
    (height, width), (new_height, new_width) = labels.shape, size
    if (height, width) == (new_height, new_width):
        return labels
    return labels.take(nearest_rows(new_height, height), axis=0).take(nearest_rows(new_width, width), axis=1)


def resize_photograph(photograph, size):
    """Resizes each axis: area average where it shrinks, bicubic where it grows.

    Args:
        photograph: uint8 (height, width, 3).
        size: (height, width).
    """
    height, width = size
    photograph = _resize_axis(photograph, (photograph.shape[0], width), shrinks=width < photograph.shape[1])
    return _resize_axis(photograph, (height, width), shrinks=height < photograph.shape[0])


def label_boundaries(instances):
    """The instance boundary channel: both sides of every change of id between horizontal or vertical neighbours.

    Args:
        instances: integers (height, width).
    Returns:
        uint8 (height, width), 1 where a pixel's id differs from its left, right, upper or lower neighbour's.
    """
    boundaries = np.zeros(instances.shape, bool)
    down = instances[1:] != instances[:-1]
    right = instances[:, 1:] != instances[:, :-1]
    boundaries[1:] |= down
    boundaries[:-1] |= down
    boundaries[:, 1:] |= right
    boundaries[:, :-1] |= right
    return boundaries.view(np.uint8)


def _ids_of_values(path, values, classes):
    table = np.full(MAX_FILE_VALUE + 1, -1, np.int32)
    table[list(classes.file_values)] = np.arange(classes.num_classes)
    if classes.has_unknown:
        table[classes.unknown_label] = classes.num_classes
    labels = _looked_up(table, values)
    if labels.min() < 0:
        raise _foreign_id(path, _used(values), table, classes)
    return labels


def _looked_up(table, values):
    """`table[values]`, some rows at a time: NumPy would make eight bytes of every index; OpenCV does not."""
    if values.dtype == np.uint8:
        of_all = np.full(256, -1, np.int32)
        of_all[: len(table)] = table[:256]
        return cv2.LUT(values, of_all)
    labels = np.empty(values.shape, np.int32)
    rows = max(1, BAND // values.shape[1])
    for top in range(0, len(values), rows):
        labels[top : top + rows] = table[values[top : top + rows]]
    return labels


def _used(values):
    """The values that occur, ascending."""
    seen = np.zeros(MAX_FILE_VALUE + 1, bool)
    for row in values:
        seen[row] = True
    return np.flatnonzero(seen).tolist()


def _foreign_id(path, found, table, classes):
    largest = max(value for value in found if table[value] < 0)
    reason = "is not below" if classes.file_values == tuple(range(classes.num_classes)) else "belongs to no class of"
    remedy = f"If {largest} marks unlabelled pixels, set config.data.unknown_label={largest}."
    if classes.has_unknown:
        remedy = f"Unlabelled pixels are {classes.unknown_label} here; correct the file, or config.data.unknown_label."
    if found in ([0, 255], [255]):
        remedy = f"{MASK} {remedy}"
    return ValuesError(
        f"{path}: label id {largest} {reason} num_classes={classes.num_classes}. Ids found: {shorten(found)}. {remedy}"
    )


def _ids_of_colors(path, colors, classes):
    """Where classes share a colour, as some of Cityscapes do, the first one is meant.

    Rows are looked up a band at a time: a small file may hold many pixels.
    """
    ids = {}
    for i, color in enumerate(_pack(classes.palette).tolist()):
        ids.setdefault(color, i)
    if classes.has_unknown:
        ids.setdefault(int(_pack(np.uint8(UNKNOWN_COLOR))), classes.num_classes)
    known = np.array(sorted(ids), np.int32)
    labels_of = np.array([ids[color] for color in known.tolist()], np.int32)
    labels, foreign = np.empty(colors.shape[:2], np.int32), set()
    rows = max(1, BAND // colors.shape[1])
    for top in range(0, len(colors), rows):
        packed = _pack(colors[top : top + rows])
        place = np.minimum(np.searchsorted(known, packed), len(known) - 1)
        wrong = known[place] != packed
        if wrong.any():
            foreign.update(np.unique(packed[wrong])[: MANY + 1].tolist())
        labels[top : top + rows] = labels_of[place]
        if len(foreign) > MANY:
            break
    if foreign:
        raise _foreign_colors(path, sorted(foreign), known, classes)
    return labels


def _foreign_colors(path, foreign, known, classes):
    names = [f"({color >> 16}, {color >> 8 & 255}, {color & 255})" for color in foreign]
    remedy = "Add them to classes.json, or save the label map as 8-bit greyscale PNG, one id a pixel."
    values = {*classes.file_values, *([classes.unknown_label] if classes.has_unknown else [])}
    if all(color % 0x010101 == 0 and color & 255 in values for color in foreign) and foreign != [0xFFFFFF]:
        remedy = "They look like ids saved as red = green = blue: save the label map as 8-bit greyscale PNG."
    elif foreign in ([0, 0xFFFFFF], [0xFFFFFF]):
        remedy = f"{MASK} {remedy}"
    elif len(foreign) > BLENDED or _between(foreign, known):
        remedy = (
            "They look like blended borders: draw and scale label maps without anti-aliasing, by the nearest "
            "neighbour, and save them as PNG."
        )
    return ValuesError(f"{path}: an RGB label file with colours that belong to no class: {shorten(names)}. {remedy}")


def _between(foreign, known):
    """Whether there are several colours, and each lies on the way between two of the known ones."""
    if len(foreign) < 2 or len(known) > 300:
        return False
    ends = _unpack(known)
    first, second = (ends[indices] for indices in np.triu_indices(len(ends), 1))
    way = second - first
    for color in _unpack(np.array(foreign)):
        share = ((color - first) * way).sum(1) / np.maximum((way**2).sum(1), 1)
        off = np.abs(first + share[:, np.newaxis] * way - color).max(1)
        if not ((off <= 1) & (share > 0) & (share < 1)).any():
            return False
    return True


def _unpack(packed):
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1).astype(np.float32)


def _pack(colors):
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    return red << 16 | green << 8 | blue


def shorten(values, most=12):
    """The values as text, the middle left out where there are many."""
    texts = [str(value) for value in values]
    return ", ".join(texts if len(texts) <= most else [*texts[: most - 2], "...", texts[-1]])


def _resize_axis(photograph, size, shrinks):
    if photograph.shape[:2] == tuple(size):
        return photograph
    return cv2.resize(photograph, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
