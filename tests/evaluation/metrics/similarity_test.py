"""Similarity of pictures against closed forms and plain loops."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.levels import GREY
from ecgan_tf.evaluation.metrics.similarity import l1, mean_gradient, psnr, sharpness, sharpness_difference, ssim


@pytest.fixture
def pair(rng):
    """Two uint8 pictures that have something in common."""
    photographs = rng.integers(0, 256, (2, 13, 15, 3))
    images = np.clip(photographs + rng.integers(-60, 61, photographs.shape), 0, 255)
    return images.astype(np.uint8), photographs.astype(np.uint8)


def test_ssim_is_its_equation_in_every_window(pair):
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    for picture, photograph, result in zip(*pair, ssim(*pair)):
        values = []
        for y, x, channel in np.ndindex(13 - 10, 15 - 10, 3):
            a, b = (each[y : y + 11, x : x + 11, channel].astype(float) for each in (picture, photograph))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            variances = (window * (a - mean_a) ** 2).sum() + (window * (b - mean_b) ** 2).sum()
            covariance = (window * (a - mean_a) * (b - mean_b)).sum()
            values.append(
                (2 * mean_a * mean_b + 6.5025)
                * (2 * covariance + 58.5225)
                / ((mean_a**2 + mean_b**2 + 6.5025) * (variances + 58.5225))
            )
        assert result == pytest.approx(np.mean(values))


def test_equal_pictures(pair):
    images, _ = pair
    np.testing.assert_allclose(ssim(images, images), 1.0)
    np.testing.assert_array_equal(psnr(images, images), np.inf)
    np.testing.assert_array_equal(l1(images, images), 0.0)
    np.testing.assert_allclose(sharpness_difference(images, images), 10 * np.log10(255**2 / 1e-4))
    assert sharpness(images, images) == 1.0


def test_a_shift_of_all_levels():
    photographs = np.full((1, 12, 12, 3), 100, np.uint8)
    assert psnr(photographs + 20, photographs) == pytest.approx([20 * np.log10(255 / 20)])
    assert l1(photographs + 20, photographs) == pytest.approx([40 / 255])
    assert ssim(photographs + 20, photographs) == pytest.approx([(2 * 100 * 120 + 6.5025) / (100**2 + 120**2 + 6.5025)])


def test_gradients_of_a_ramp():
    y, x = np.mgrid[:9, :10]
    ramp = np.repeat((3 * x + 4 * y)[None, ..., None], 3, axis=-1).astype(np.uint8)
    assert mean_gradient(ramp) == pytest.approx([5.0])
    assert sharpness(2 * ramp, ramp) == pytest.approx(2.0)
    assert sharpness(np.concatenate([ramp, 2 * ramp]), ramp) == pytest.approx(1.5)


def test_gradients_are_those_of_loops(pair):
    images, _ = pair
    grey = images @ GREY
    steps = [
        np.hypot(grey[0, y, x + 1] - grey[0, y, x], grey[0, y + 1, x] - grey[0, y, x]) for y, x in np.ndindex(12, 14)
    ]
    assert mean_gradient(images)[0] == pytest.approx(np.mean(steps))


def test_sharpness_difference_is_its_equation(pair):
    picture, photograph = (each[0] / 255.0 for each in pair)
    total = 0.0
    for y, x, c in np.ndindex(picture.shape):
        if 0 < y < 12 and 0 < x < 14:
            for dy, dx in ((1, 0), (0, 1)):
                steps = [abs(each[y, x, c] - each[y - dy, x - dx, c]) for each in (picture, photograph)]
                total += abs(steps[0] - steps[1])
    expected = 10 * np.log10(255**2 / (128**2 * total / picture.size))
    assert sharpness_difference(*pair)[0] == pytest.approx(expected)


@pytest.mark.parametrize("measure", [ssim, psnr, l1, sharpness_difference])
def test_an_example_does_not_depend_on_its_batch_mates(measure, pair):
    whole = measure(*pair)
    np.testing.assert_allclose(whole[1:], measure(*(each[1:] for each in pair)))


@pytest.mark.parametrize("measure, side", [(ssim, 10), (sharpness_difference, 2), (sharpness, 1)])
def test_pictures_that_are_too_small_are_refused(measure, side):
    images = np.zeros((1, side, 20, 3), np.uint8)
    with pytest.raises(RequestError, match="pixels each way"):
        measure(images, images)


def test_sharpness_compares_at_one_size_and_not_with_flat_photographs(pair):
    with pytest.raises(RequestError, match="one size"):
        sharpness(pair[0], pair[1][:, :-1])
    assert np.isnan(sharpness(pair[0], np.zeros_like(pair[1])))
