"""From the values of a label file to a layout: label ids at the size of the networks, and instance boundaries."""

import cv2
import numpy as np

from ecgan_tf.data.classes import MAX_FILE_VALUE, UNKNOWN_COLOR
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.errors import RequestError
from ecgan_tf.pixels import as_float, nearest_rows


def read_layout(path, classes, size, instances_path=None, source_path=None):
    """Reads what a generator needs to know of an image.

    Args:
        path: label file, as `labels_from_file` takes it.
        classes: `ClassList`.
        size: (height, width) of the result.
        instances_path: file with an id per instance; adds `boundaries`.
        source_path: photograph of another view; adds `source`.
    Returns:
        dict of `labels` int32 (height, width), 0..num_classes, and perhaps `boundaries` float32 (height, width, 1) and
        `source` float32 (height, width, 3) in [-1, 1].
    """
    labels = labels_from_file(path, classes)
    layout = {"labels": resize_labels(labels, size).astype(np.int32)}
    if instances_path is not None:
        instances = read_instances(instances_path)
        check_same_size(path, labels, instances_path, instances)
        boundaries = label_boundaries(resize_labels(instances, size))
        layout["boundaries"] = boundaries[..., np.newaxis].astype(np.float32)
    if source_path is not None:
        layout["source"] = as_float(resize_photograph(read_photograph(source_path), size))
    return layout


def labels_from_file(path, classes):
    """Reads a label file: grey values or palette indices are ids, RGB colours are looked up in the class colours.

    Returns:
        int32 (height, width), 0..num_classes-1, and num_classes for unlabelled pixels.
    """
    values = read_label_file(path)
    if values.ndim == 3:
        return _ids_of_colors(path, values, classes)
    return _ids_of_values(path, values, classes)


def read_instances(path):
    """Reads a file with an id per instance: integers (height, width)."""
    instances = read_label_file(path)
    if instances.ndim == 3:
        raise RequestError(f"{path}: an instance map in RGB; save it as 16-bit greyscale PNG, one id a pixel.")
    return instances


def check_same_size(path, array, other_path, other_array):
    """A photograph, its label map and its instance map show the same pixels."""
    (height, width), (other_height, other_width) = array.shape[:2], other_array.shape[:2]
    if (height, width) != (other_height, other_width):
        raise RequestError(
            f"{path} is {width}x{height} pixels but {other_path} is {other_width}x{other_height}; "
            "export both at the same size."
        )


def resize_labels(labels, size):
    """Nearest neighbour; row i of the result is row floor((i + 0.5) * height / new height), the one at its centre."""
    (height, width), (new_height, new_width) = labels.shape, size
    if (height, width) == (new_height, new_width):
        return labels
    return labels[nearest_rows(new_height, height)[:, np.newaxis], nearest_rows(new_width, width)]


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
    boundaries = np.zeros(instances.shape, np.uint8)
    down = instances[1:] != instances[:-1]
    right = instances[:, 1:] != instances[:, :-1]
    boundaries[1:] |= down
    boundaries[:-1] |= down
    boundaries[:, 1:] |= right
    boundaries[:, :-1] |= right
    return boundaries


def _ids_of_values(path, values, classes):
    table = np.full(MAX_FILE_VALUE + 1, -1, np.int32)
    table[list(classes.file_values)] = np.arange(classes.num_classes)
    if classes.has_unknown:
        table[classes.unknown_label] = classes.num_classes
    labels = table[values]
    if labels.min() < 0:
        raise _foreign_id(path, values, labels, classes)
    return labels


def _foreign_id(path, values, labels, classes):
    largest = int(values[labels < 0].max())
    reason = "is not below" if classes.file_values == tuple(range(classes.num_classes)) else "belongs to no class of"
    remedy = f"If {largest} marks unlabelled pixels, set config.data.unknown_label={largest}."
    if classes.has_unknown:
        remedy = f"Unlabelled pixels are {classes.unknown_label} here; correct the file, or config.data.unknown_label."
    return RequestError(
        f"{path}: label id {largest} {reason} num_classes={classes.num_classes}. "
        f"Ids found: {shorten(np.unique(values))}. {remedy}"
    )


def _ids_of_colors(path, colors, classes):
    """Where classes share a colour, as some of Cityscapes do, the first one is meant."""
    found, inverse = np.unique(_pack(colors), return_inverse=True)
    ids = {}
    for i, color in enumerate(_pack(classes.palette).tolist()):
        ids.setdefault(color, i)
    if classes.has_unknown:
        ids.setdefault(int(_pack(np.uint8(UNKNOWN_COLOR))), classes.num_classes)
    foreign = [color for color in found.tolist() if color not in ids]
    if foreign:
        names = [f"({color >> 16}, {color >> 8 & 255}, {color & 255})" for color in foreign]
        raise RequestError(
            f"{path}: an RGB label file with colours that belong to no class: {shorten(names)}. "
            "Add them to classes.json, or save the label map as 8-bit greyscale PNG, one id a pixel."
        )
    return np.array([ids[color] for color in found.tolist()], np.int32)[inverse].reshape(colors.shape[:2])


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
