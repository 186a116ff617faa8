"""Crops of the whole Earth behind earth_tiles, at any place, turn and scale, as a function of a seed and a position."""

import functools
import importlib.resources
import math
from pathlib import Path

import cv2
import numpy as np

from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.errors import RequestError

PIXELS_A_DEGREE = 15
NORTH, SOUTH = 76.0, -56.0  # degrees, beyond which no crop reaches, as no tile does
SCALES = (1.0, 1.5)  # pixels of the mosaic for one of a crop; below 1 a crop would be blurred
LEAST_LAND, LEAST_CLASSES = 0.35, 3  # of a crop, as of the tiles
RARE_SHARE = 0.5  # of the crops have a class at their centre that is drawn evenly, so that rare classes are seen, too
MARGIN = (9, 17)  # rows and columns around a validation tile that no crop touches: what a filter may reach
CANDIDATES, ROUNDS = 4096, 50  # drawn at once, and how often at most
WATER = 0


class EarthMosaic:
    """Photograph and land cover of the whole Earth, without the ground that the validation tiles lie on.

    Attributes:
        photograph: uint8 (2700, 5400, 3), equirectangular, from 90 degrees north and 180 degrees west.
        labels: uint8 (2700, 5400), ids of earth_tiles.
        closed: uint8 (2700, 5400), 1 where no crop may reach.
    """

    def __init__(self, folder=None):
        folder = Path(str(folder or importlib.resources.files("ecgan_tf.data") / "earth_world"))
        self.photograph = read_photograph(folder / "photo.jpg")
        self.labels = read_label_file(folder / "labels.png").astype(np.uint8)
        owned = (cv2.imread(str(folder / "validation.png"), cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8)  # of 1 bit
        wrapped = np.concatenate([owned[:, -MARGIN[1] :], owned, owned[:, : MARGIN[1]]], axis=1)
        self.closed = cv2.dilate(wrapped, np.ones(MARGIN, np.uint8))[:, MARGIN[1] : -MARGIN[1]]

    def crop(self, seed, position, size, flip=True):
        """The crop at a position of the training stream.

        Its centre is drawn evenly over the ground, or for half of the positions over the ground of a class; it is
        turned by any angle and squeezed as far as its latitude asks, so that it shows the ground as from above.

        Args:
            seed: 0 or more, below 2**63.
            position: 0 or more.
            size: (height, width) in pixels.
            flip: whether half of the crops are mirrored.
        Raises:
            RequestError: where no crop of this size is found.
        Returns:
            dict of `image` uint8 (height, width, 3) and `labels` uint8 (height, width).
        """
        rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, position, 0, 5]))
        rare = int(rng.integers(WATER + 1, int(self.labels.max()) + 1)) if rng.random() < RARE_SHARE else None
        for _ in range(ROUNDS):
            for place in self._places(rng, rare, flip):
                if self._is_open(place, size):
                    labels = self._cut(self.labels, place, size, 1)
                    if _is_worth_seeing(labels):
                        return {"image": self._photograph_at(place, size), "labels": labels}
            rare = None  # a class that lies on closed ground alone, or in no crop that shows enough
        raise RequestError(f"no crop of {size[0]}x{size[1]} pixels lies on open ground; take a smaller image_size.")

    def _places(self, rng, rare, flip):
        """Yields centres (row, column), turns in radians, scales and signs of the horizontal axis."""
        sines = rng.uniform(math.sin(math.radians(SOUTH)), math.sin(math.radians(NORTH)), CANDIDATES)
        rows = (90.0 - np.degrees(np.arcsin(sines))) * PIXELS_A_DEGREE  # evenly over the ground
        columns = rng.uniform(0, self.labels.shape[1], CANDIDATES)
        turns = rng.uniform(0, 2 * math.pi, CANDIDATES)
        scales = np.exp(rng.uniform(*np.log(SCALES), CANDIDATES))
        signs = np.where(flip & (rng.random(CANDIDATES) < 0.5), -1.0, 1.0)
        if rare is not None:
            chosen = self.labels[rows.astype(int), columns.astype(int)] == rare
            rows, columns, turns, scales, signs = (array[chosen] for array in (rows, columns, turns, scales, signs))
        yield from zip(rows.tolist(), columns.tolist(), turns.tolist(), scales.tolist(), signs.tolist())

    def _is_open(self, place, size):
        """Whether a crop lies between the latitudes and on no closed ground."""
        _, rows = _corners(_transform(place, size, 1), size)
        highest, lowest = ((90 - latitude) * PIXELS_A_DEGREE for latitude in (NORTH, SOUTH))
        if rows.min() < highest or rows.max() > lowest:
            return False
        return not self._cut(self.closed, place, size, 1).any()

    def _photograph_at(self, place, size):
        """Samples as finely as the mosaic has pixels, and takes the mean: squeezed ground must not flicker."""
        row, _, _, scale, _ = place
        finer = math.ceil(scale / _squeeze(row))
        return cv2.resize(self._cut(self.photograph, place, size, finer), size[::-1], interpolation=cv2.INTER_AREA)

    def _cut(self, mosaic, place, size, finer):
        """`finer` pixels for each of a crop, along each axis: ids of the nearest pixel, colours between pixels."""
        transform = _transform(place, size, finer)
        height, width = (length * finer for length in size)
        corners = _corners(transform, (height, width))
        left, top = np.floor(corners.min(axis=1)).astype(int) - 4
        right, bottom = np.ceil(corners.max(axis=1)).astype(int) + 4
        window = mosaic[max(top, 0) : bottom].take(np.arange(left, right), axis=1, mode="wrap")
        transform = transform - [[0, 0, left], [0, 0, max(top, 0)]]
        flags = (cv2.INTER_CUBIC if mosaic.ndim == 3 else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
        window = np.ascontiguousarray(window)
        return cv2.warpAffine(window, transform, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


@functools.cache
def earth_mosaic():
    """The embedded mosaic, read once."""
    return EarthMosaic()


def _squeeze(row):
    """Width of a pixel of the mosaic on the ground, as a share of its height."""
    return math.cos(math.radians(90 - row / PIXELS_A_DEGREE))


def _transform(place, size, finer):
    """From the pixels of a crop, of `finer` for one, to those of the mosaic: (2, 3), of (x, y, 1)."""
    row, column, turn, scale, sign = place
    step = scale / finer
    cosine, sine, across = math.cos(turn) * step, math.sin(turn) * step, _squeeze(row)
    linear = np.array([[sign * cosine / across, -sine / across], [sign * sine, cosine]])
    middle = np.array([(size[1] * finer - 1) / 2, (size[0] * finer - 1) / 2])
    return np.column_stack([linear, [column, row] - linear @ middle])


def _corners(transform, size):
    """Where the four corners of a crop lie in the mosaic: (2, 4), x and y."""
    height, width = size
    return transform @ [[0, 0, width, width], [0, height, 0, height], [1, 1, 1, 1]]


def _is_worth_seeing(labels):
    """Enough land, and a layout rather than one colour."""
    counts = np.bincount(labels.ravel())
    return 1 - counts[WATER] / labels.size >= LEAST_LAND and np.count_nonzero(counts) >= LEAST_CLASSES
