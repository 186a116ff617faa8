"""Does a generator leave a grid, a grain or a blur? The power of its pictures by frequency, over the photographs'."""

import numpy as np

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.levels import to_grey

BANDS = 8
NYQUIST = 0.5  # cycles a pixel
SMALLEST_SIZE = 32  # pixels; below, the lowest band has hardly a frequency
PARTS = ("radial", "diagonal", "corner", "horizontal", "vertical")


def band_power(images, what="pictures"):
    """Mean power of the grey picture's frequencies, by distance from zero and by direction.

    A Hann window in both directions keeps the jump between opposite borders out; the mean under the window is taken
    off first. Power is scaled such that white noise of variance v has v at every frequency, in units of levels squared.
    After the radial average of Durall et al. (2020), with directions of our own: transposed convolutions leave grids
    (Odena et al., 2016), which stand out along the axes and the diagonals.

    Args:
        images: as in `to_levels`, at least 32 pixels high and wide.
    Returns:
        dictionary of float64:
        radial (batch, 8): over the rings of the radius sqrt(fx^2 + fy^2), 8 equal ones up to 1/2 cycle a pixel;
        diagonal (batch, 8): over the frequencies within 22.5 degrees of a diagonal, in the same rings;
        corner (batch,): over the radii beyond 1/2, where a chequerboard of single pixels lies;
        horizontal (batch,): over the upper eighth of abs(fx), with abs(fy) in its lowest: the finest upright stripes;
        vertical (batch,): over the upper eighth of abs(fy), with abs(fx) in its lowest: the finest level stripes.
    """
    grey = to_grey(images, what)
    if min(grey.shape[1:]) < SMALLEST_SIZE:
        raise RequestError(f"spectra of {what} of {grey.shape[1:]}; give at least {SMALLEST_SIZE} pixels each way.")
    window = np.outer(*(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2 for size in grey.shape[1:]))
    mean = (grey * window).sum(axis=(1, 2), keepdims=True) / window.sum()
    power = np.abs(np.fft.fft2((grey - mean) * window)) ** 2 / np.square(window).sum()
    rings, diagonal, corner, horizontal, vertical = _regions(*grey.shape[1:])
    return {
        "radial": np.stack([power[:, ring].mean(axis=1) for ring in rings], axis=1),
        "diagonal": np.stack([power[:, ring & diagonal].mean(axis=1) for ring in rings], axis=1),
        "corner": power[:, corner].mean(axis=1),
        "horizontal": power[:, horizontal].mean(axis=1),
        "vertical": power[:, vertical].mean(axis=1),
    }


def _regions(height, width):
    """Which frequencies are in which band: bool (8, height, width) of the rings, four (height, width)."""
    x, y = np.abs(np.fft.fftfreq(width))[None], np.abs(np.fft.fftfreq(height))[:, None]
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x))
    edges = np.linspace(0.0, NYQUIST, BANDS + 1)
    rings = np.stack([(radius > low) & (radius <= high) for low, high in zip(edges, edges[1:])])
    diagonal = np.abs(angle - 45.0) <= 22.5
    horizontal, vertical = (x >= edges[-2]) & (y <= edges[1]), (y >= edges[-2]) & (x <= edges[1])
    return rings, diagonal, radius > NYQUIST, horizontal, vertical


class SpectrumRatios:
    """Power of pictures over power of photographs, by band; 1 is as photographs have it.

    Both are means over all that was added, so pictures of strong contrast count most. The photographs need not be those
    of the pictures, but must be of their size.

    The farthest distance of a ratio to 1, as abs(log(ratio)), ranks other photographs before mildly degraded ones,
    those before blurred ones, and other photographs before noisy ones. Pictures of other layouts have the spectra of
    any: those it does not rank.
    """

    def __init__(self):
        self._pictures, self._photographs = _Mean(), _Mean()

    def add_pictures(self, images):
        """Takes synthesised pictures in, as in `band_power`."""
        self._pictures.add(band_power(images), np.shape(images)[1:3])

    def add_photographs(self, photographs):
        """Takes photographs in, as in `band_power`."""
        self._photographs.add(band_power(photographs, "photographs"), np.shape(photographs)[1:3])

    def ratios(self):
        """Dictionary of float64 as `band_power` has it without the batch: radial (8,), ..., vertical ().

        Infinite or NaN in a band where the photographs have no power at all.
        """
        sizes = self._pictures.size, self._photographs.size
        if None in sizes or sizes[0] != sizes[1]:
            raise RequestError(
                f"spectra of pictures of {sizes[0]} against photographs of {sizes[1]}; give both, in one size."
            )
        with np.errstate(divide="ignore", invalid="ignore"):
            return {part: self._pictures.mean(part) / self._photographs.mean(part) for part in PARTS}


class _Mean:
    """The mean of `band_power` over all that was added, at one size."""

    def __init__(self):
        self.size = None
        self.count = 0
        self.sums = dict.fromkeys(PARTS, 0.0)

    def add(self, power, size):
        if self.size not in (None, size):
            raise RequestError(f"spectra of pictures of {size} after some of {self.size}; bands compare at one size.")
        self.size = size
        self.count += len(power["corner"])
        for part, values in power.items():
            self.sums[part] = self.sums[part] + values.sum(axis=0)

    def mean(self, part):
        return self.sums[part] / self.count
