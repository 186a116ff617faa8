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


def captioned_grid(columns, smallest_width=128):
    """One picture with a column per entry and a row per example.

    Args:
        columns: dictionary from caption to uint8 (examples, height, width, 3), all of one shape.
        smallest_width: tiles below it are enlarged by a whole factor, so that small images can be looked at.
    Returns:
        uint8 (height, width, 3).
    """
    tiles = [np.asarray(images) for images in columns.values()]
    rows, height, width = tiles[0].shape[:3]
    factor = max(1, -(-smallest_width // width))
    height, width = height * factor, width * factor
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
    return np.asarray(canvas)
