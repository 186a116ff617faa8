"""Spectra of pictures whose frequencies are known; a grid and a grain must show."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.spectrum import SpectrumRatios, band_power


def grey_pictures(values):
    """Float pictures in [-1, 1] of values around 0, in levels: (batch, height, width)."""
    return np.repeat((127.5 + values)[..., None] / 127.5 - 1.0, 3, axis=-1)


def natural(rng, count=6, height=64, width=64):
    """Noise of an amplitude that falls as 1 / frequency, as of photographs, in levels."""
    y, x = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    radius = np.maximum(np.hypot(x, y), 1 / width)
    noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(count, height, width))) / radius).real
    return np.clip(20 * noise / noise.std(), -120, 120)


def ratios(values, photographs):
    result = SpectrumRatios()
    result.add_pictures(grey_pictures(values))
    result.add_photographs(grey_pictures(photographs))
    return result.ratios()


@pytest.mark.parametrize("size", [(64, 64), (48, 80)])
def test_white_noise_has_its_variance_at_every_frequency(rng, size):
    power = band_power(grey_pictures(rng.normal(0, 10, (40, *size))))
    for part, values in power.items():
        assert values.shape == ((40, 8) if part in ("radial", "diagonal") else (40,))
        # The lowest band has lost some to the mean, which was taken off.
        np.testing.assert_allclose(np.atleast_2d(values.mean(axis=0).T)[0, 1:], 100, rtol=0.2)
        np.testing.assert_allclose(np.atleast_2d(values.mean(axis=0).T)[0, :1], 100, rtol=0.3)


@pytest.mark.parametrize("cycles, band", [(3, 0), (13, 3), (30, 7)])
def test_a_wave_lies_in_its_ring(cycles, band):
    wave = 50 * np.sin(2 * np.pi * cycles * np.arange(64) / 64)
    power = band_power(grey_pictures(np.tile(wave, (1, 64, 1))))["radial"][0]
    assert power.argmax() == band
    assert np.delete(power, [max(band - 1, 0), band, min(band + 1, 7)]).max() < 1e-3 * power[band]


def test_the_directions_of_the_finest_stripes():
    stripes = np.tile(20.0 * (-1.0) ** np.arange(64), (1, 64, 1))
    upright, level = (band_power(grey_pictures(each)) for each in (stripes, stripes.transpose(0, 2, 1)))
    assert upright["horizontal"] > 1e6 * upright["vertical"]
    assert level["vertical"] == pytest.approx(upright["horizontal"])
    assert upright["radial"][0, 7] > 1e6 * max(upright["diagonal"].max(), 1e-9)
    board = stripes * (-1.0) ** np.arange(64)[:, None]
    assert band_power(grey_pictures(board))["corner"] > 1e6 * max(
        band_power(grey_pictures(board))["radial"].max(), 1e-9
    )


def test_a_wave_along_the_diagonal_is_diagonal_and_one_along_an_axis_is_not():
    y, x = np.mgrid[:64, :64]
    along, across = (50 * np.sin(2 * np.pi * phase / 64)[None] for phase in (10 * x + 10 * y, 14 * x))
    of_along, of_across = (band_power(grey_pictures(each)) for each in (along, across))
    assert of_along["radial"].argmax() == of_across["radial"].argmax() == 3
    assert of_along["diagonal"][0, 3] > 1.5 * of_along["radial"][0, 3]
    assert of_across["diagonal"][0, 3] < 1e-3 * of_across["radial"][0, 3]


def test_the_jump_between_opposite_borders_does_not_leak():
    ramp = np.tile(np.linspace(-100, 100, 64), (1, 64, 1))
    power = band_power(grey_pictures(ramp))["radial"][0]
    assert power[4:].max() < 1e-6 * power[0]


def test_photographs_against_photographs_are_near_one(rng):
    found = ratios(natural(rng, 20), natural(rng, 20))
    for values in found.values():
        assert (np.abs(np.log(values)) < 0.4).all()


def added(pattern, photographs):
    """The ratios where a pattern is added to photographs, and what they are if its power is added to theirs."""
    power, own = (band_power(grey_pictures(values)) for values in (pattern, photographs))
    expected = {part: 1.0 + power[part].mean(axis=0) / own[part].mean(axis=0) for part in own}
    return ratios(photographs + pattern, photographs), expected


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_shows(rng, period):
    grid = np.zeros((1, 64, 64))
    grid[:, ::period], grid[:, :, ::period] = 4.0 * period, 4.0 * period
    found, expected = added(grid, natural(rng))
    for part, values in found.items():
        np.testing.assert_allclose(values, expected[part], rtol=0.2)
    assert min(found["horizontal"], found["vertical"]) > 3  # any period has its harmonics there


def test_a_board_of_single_pixels_shows(rng):
    found, expected = added(4.0 * (-1.0) ** np.add(*np.mgrid[:64, :64])[None], natural(rng))
    assert found["corner"] == pytest.approx(expected["corner"], rel=0.1)
    assert found["corner"] > 2
    np.testing.assert_allclose(found["radial"], 1.0, atol=0.05)


def test_white_grain_shows(rng):
    photographs = natural(rng)
    found, expected = added(rng.normal(0, 15, photographs.shape), photographs)
    for part, values in found.items():
        np.testing.assert_allclose(values, expected[part], rtol=0.2)
    assert min(found["radial"][7], found["corner"], found["horizontal"], found["vertical"]) > 3 > found["radial"][1]


def test_blur_shows(rng):
    photographs = natural(rng)
    blurred = np.mean([np.roll(photographs, (dy, dx), (1, 2)) for dy in (0, 1, 2) for dx in (0, 1, 2)], axis=0)
    found = ratios(blurred, photographs)
    assert found["radial"][7] < 0.3
    assert (np.diff(found["radial"][:5]) < 0).all()


def test_chunks_give_what_the_whole_gives(rng):
    pictures, photographs = natural(rng), natural(rng)
    parts = SpectrumRatios()
    for start, stop in ((0, 1), (1, 6)):
        parts.add_pictures(grey_pictures(pictures[start:stop]))
        parts.add_photographs(grey_pictures(photographs[start:stop]))
    for part, values in ratios(pictures, photographs).items():
        np.testing.assert_allclose(parts.ratios()[part], values)


def test_what_has_no_ratio_is_refused(rng):
    result = SpectrumRatios()
    result.add_pictures(grey_pictures(natural(rng, 1)))
    with pytest.raises(RequestError, match="give both"):
        result.ratios()
    result.add_photographs(grey_pictures(natural(rng, 1, 32, 64)))
    with pytest.raises(RequestError, match="one size"):
        result.ratios()
    with pytest.raises(RequestError, match="one size"):
        result.add_pictures(grey_pictures(natural(rng, 1, 32, 64)))
    with pytest.raises(RequestError, match="at least 32"):
        band_power(np.zeros((1, 31, 64, 3)))
