"""From tensors to pictures: uint8 images, captioned grids."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ecgan_tf.pixels import to_uint8

# The generators' outputs that are pictures, in the order of a sample grid, with their captions.
CAPTIONS = {
    "edge": "edge I'_e",
    "initial_image": "first image I'",
    "global_image": "global I^G",
    "class_image": "class images r",
    "local_image": "local I^L",
    "global_weight": "global weight",
    "local_weight": "local weight",
    "image": "final image",
}
WEIGHTS = ("global_weight", "local_weight")  # in [0, 1], all others in [-1, 1]
CAPTION_HEIGHT = 18
GAP = 4


def pictures_of(outputs):
    """The pictures among a generator's outputs.

    Args:
        outputs: dictionary of float (batch, height, width, 1 or 3).
    Returns:
        dictionary of uint8 (batch, height, width, 3) with the keys of `CAPTIONS` that there are.
    """
    shown = {key: np.asarray(outputs[key]) for key in CAPTIONS if key in outputs}
    return {key: to_uint8(2.0 * x - 1.0 if key in WEIGHTS else x) for key, x in shown.items()}


def captioned_grid(columns, smallest_width=128, aspect=None, legend=()):
    """One picture with a column per entry and a row per example.

    Args:
        columns: dictionary from caption to uint8 (examples, height, width, 3), all of one shape.
        smallest_width: tiles below it are enlarged by a whole factor, so that small images can be looked at.
        aspect: width over height that the scenes have, where the tiles' is another; None: as they are.
        legend: pairs of a name and its colour, uint8 (3,), which are listed below the tiles.
    Returns:
        uint8 (height, width, 3).
    """
    tiles = [np.asarray(images) for images in columns.values()]
    rows, height, width = tiles[0].shape[:3]
    factor = max(1, -(-smallest_width // width))
    height, width = height * factor, width * factor
    if aspect:  # the shorter side is enlarged, so that nothing is lost
        height, width = max(height, round(width / aspect)), max(width, round(height * aspect))
    canvas = Image.new("RGB", (len(tiles) * (width + GAP) + GAP, CAPTION_HEIGHT + rows * (height + GAP) + GAP), "white")
    draw = ImageDraw.Draw(canvas)
    for column, (caption, images) in enumerate(zip(columns, tiles)):
        left = GAP + column * (width + GAP)
        draw.text(
            (left + width // 2, CAPTION_HEIGHT // 2 + 2),
            caption,
            fill="black",
            anchor="mm",
            font=ImageFont.load_default(12),
        )
        for row in range(rows):
            tile = Image.fromarray(images[row]).resize((width, height), Image.Resampling.NEAREST)
            canvas.paste(tile, (left, CAPTION_HEIGHT + GAP + row * (height + GAP)))
    return np.concatenate([np.asarray(canvas), *([_legend(legend, canvas.width)] if legend else [])])


def _legend(entries, width):
    """Names beside their colours, in as many lines as they need: uint8 (height, width, 3)."""
    font, places, left, line = ImageFont.load_default(12), [], GAP, 0
    for name, color in entries:
        needed = CAPTION_HEIGHT + int(font.getlength(name)) + 3 * GAP
        if left > GAP and left + needed > width:
            left, line = GAP, line + 1
        places.append((left, line * CAPTION_HEIGHT, name, color))
        left += needed
    canvas = Image.new("RGB", (width, (line + 1) * CAPTION_HEIGHT + GAP), "white")
    draw = ImageDraw.Draw(canvas)
    for left, top, name, color in places:
        square = [left, top + 3, left + CAPTION_HEIGHT - 6, top + CAPTION_HEIGHT - 3]
        draw.rectangle(square, fill=tuple(int(level) for level in color), outline="black")
        draw.text((left + CAPTION_HEIGHT, top + CAPTION_HEIGHT // 2), name, fill="black", anchor="lm", font=font)
    return np.asarray(canvas)


def legend_of(classes, labels):
    """The classes that label maps show, for `captioned_grid`.

    Args:
        classes: `ClassList`.
        labels: int of any shape; unknown is left out.
    """
    shown = np.unique(labels)
    return [(classes.names[label], classes.palette[label]) for label in shown if label < classes.num_classes]
