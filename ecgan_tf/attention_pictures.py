"""Pictures of what MSCA's attention does: which parts of an exemplar synthesise which parts of a layout."""

import colorsys

import numpy as np

SHOWN_SCALE = 2  # a quarter of the image's size: fine enough to see objects, coarse enough to have many slots


def attention_pictures(attention, size, scale=SHOWN_SCALE):
    """One colour per slot, in both scenes: regions of one colour belong together.

    Over the target, a pixel has the mean of its slots' colours, weighted by beta. Over the exemplar, by alpha in units
    of each slot's largest value, darkened by the largest of them: what is black was not read.

    Args:
        attention: of the generator's outputs, a tuple over the scales of dictionaries of maps.
        size: (height, width) of the pictures, a multiple of the maps'.
        scale: index into `attention`.
    Returns:
        dictionary from caption to uint8 (batch, height, width, 3); a map that the model does not have is left out.
    """
    maps, pictures = attention[scale], {}
    if "exemplar" in maps:
        alpha = np.asarray(maps["exemplar"], np.float64)
        weights = alpha / alpha.max(axis=(1, 2), keepdims=True)
        mixed = weights @ slot_colours(alpha.shape[-1]) / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-12)
        pictures["read from"] = mixed * weights.max(axis=-1, keepdims=True)
    if "target" in maps:
        beta = np.asarray(maps["target"], np.float64)
        pictures["synthesised with"] = beta @ slot_colours(beta.shape[-1])
    return {caption: _enlarge(np.floor(picture + 0.5).astype(np.uint8), size) for caption, picture in pictures.items()}


def slot_colours(count):
    """Colours that differ: hues a golden section apart, in three shades. float64 (count, 3) in 0..255."""
    return 255.0 * np.array(
        [colorsys.hsv_to_rgb(k * 0.618034 % 1.0, 0.9, (1.0, 0.75, 0.5)[k % 3]) for k in range(count)]
    )


def _enlarge(pictures, size):
    rows, columns = (wanted // present for wanted, present in zip(size, pictures.shape[1:3]))
    return pictures.repeat(rows, axis=1).repeat(columns, axis=2)
