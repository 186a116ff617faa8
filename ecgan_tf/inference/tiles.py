"""Pictures larger than a model: tiles of its size that overlap, blended.

The networks are convolutional. With batch statistics, which are fixed (`normalization="batch"`, as published), a pixel
depends on the layout around it alone, and tiles differ from one large picture only where their rims were padded: there
they count least. The map of `model.noise="fixed"` begins anew in each tile: textures differ between tiles, and are
softer where these overlap. With instance statistics each tile has a brightness and contrast of its own, which blending
softens. The studio has the same rule (studio/src/tiles.ts); a test holds the pixels within 1 of each other.
"""

import numpy as np

SPATIAL = ("labels", "boundaries")  # inputs that are cut into tiles; codes and exemplars are the same for all


def starts_of(length, tile, overlap):
    """Where tiles begin along an axis: as few as overlap by at least so much, evenly spread."""
    if length <= tile:
        return [0]
    count = -(-(length - overlap) // (tile - overlap))
    return [int(index * (length - tile) / (count - 1) + 0.5) for index in range(count)]


def ramp_of(tile, overlap):
    """By how much each pixel along a tile's side counts: float64 (tile,), 1 at the rim, rising over the overlap."""
    at = np.arange(tile)
    return np.minimum(np.minimum(at + 1, tile - at), max(overlap, 1)).astype(np.float64)


def overlap_of(tile):
    """Pixels by which neighbouring tiles overlap at least: a quarter of their side."""
    return tile // 4


def generate_tiled(generate, image_size, layout):
    """Synthesises a layout that is larger than the model.

    Args:
        generate: of a `Synthesizer`, for layouts of `image_size`.
        image_size: (height, width) of the model.
        layout: as `generate` takes it, with `labels` int32 (1, height, width) of any size that is not smaller, and
            perhaps `boundaries`.
    Returns:
        float32 (1, height, width, 3) in [-1, 1].
    """
    height, width = layout["labels"].shape[1:3]
    if (height, width) == tuple(image_size):
        return generate(layout)
    starts = [starts_of(length, tile, overlap_of(tile)) for length, tile in zip((height, width), image_size)]
    ramps = [ramp_of(tile, overlap_of(tile)) for tile in image_size]
    weight = (ramps[0][:, None] * ramps[1])[..., None]
    total, weights = np.zeros((height, width, 3)), np.zeros((height, width, 1))
    for top in starts[0]:
        for left in starts[1]:
            window = (slice(top, top + image_size[0]), slice(left, left + image_size[1]))
            of_batch = (slice(None), *window)
            tile = {key: value[of_batch] if key in SPATIAL else value for key, value in layout.items()}
            total[window] += weight * generate(tile)[0]
            weights[window] += weight
    return (total / weights).astype(np.float32)[None]
