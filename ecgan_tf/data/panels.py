"""The pictures of LGGAN's cross-view release: six panels side by side, which are one example.

Aerial and ground photograph, their semantic maps in colours, and their label maps in grey values 10 to 60, a group of
Cityscapes' classes each (docs/papers/lggan.md, section 9). The colours are not read: here the label map goes in.
"""

import numpy as np

from ecgan_tf.data.images import UnreadableError, read_photograph

PANELS = 6
PHOTOGRAPHS, LABELS = {"a": 0, "g": 1}, {"a": 4, "g": 5}  # panels of the aerial view and of that at the ground
STEP, GROUPS = 10, 6  # of the grey values; some of the release's pictures are JPEGs, so they are rounded


def panel_readers(direction):
    """Functions of a path for each part of an example: dictionary as `LabelledPhotographs.read` uses it.

    Args:
        direction: "a2g" or "g2a".
    """
    given, wanted = direction.split("2")
    return {
        "image": lambda path: panel(path, PHOTOGRAPHS[wanted]),
        "labels": lambda path: groups_of(panel(path, LABELS[wanted])),
        "source": lambda path: panel(path, PHOTOGRAPHS[given]),
    }


def panel(path, number):
    """One of the six panels: uint8 (height, width, 3)."""
    picture = read_photograph(path)
    width = picture.shape[1] // PANELS
    if not width or picture.shape[1] % PANELS:
        raise UnreadableError(
            f"{path}: {picture.shape[1]} pixels wide, which is no multiple of {PANELS}; an example of cross_view is "
            "six pictures side by side: both views, both semantic maps, both label maps."
        )
    return np.ascontiguousarray(picture[:, number * width : (number + 1) * width])


def groups_of(picture):
    """Label ids int32 (height, width) of a panel in grey values: the nearest of 10 to 60, and 6 where that is none."""
    ids = (picture[..., 0].astype(np.int32) + STEP // 2) // STEP - 1
    return np.where((ids >= 0) & (ids < GROUPS), ids, GROUPS).astype(np.int32)
