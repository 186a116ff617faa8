"""How near a picture is to its photograph, pixel by pixel: SSIM, PSNR, L1, and how sharp it is against photographs."""

import cv2
import numpy as np

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.levels import to_grey, to_level_pairs

WINDOW, SIGMA, K1, K2, RANGE = 11, 1.5, 0.01, 0.03, 255.0  # of SSIM, by its paper
SMALLEST_ERROR = 1e-4  # where the sharpness difference of the cross-view papers stops to grow


def ssim(images, photographs):
    """Structural similarity (Wang et al., 2004, eq. 13), the mean over red, green and blue and over positions.

    Gaussian window of 11x11 and sigma 1.5, whose weights sum to 1, K1 = 0.01, K2 = 0.03, levels 0..255, and only
    windows that lie inside of the picture ("valid"). The release of the cross-view papers takes the luma alone and
    windows that reach over the border, torchmetrics windows over a reflected border; their numbers are not these.

    Ranks the photograph before mild degradation, that before blur, and blur before pictures of other layouts. Noise
    comes after mild degradation, and on smooth photographs even after pictures of other layouts.

    Args:
        images, photographs: as in `to_levels`, of one shape, at least 11 pixels high and wide.
    Returns:
        float64 (batch,) in [-1, 1], 1 where they are equal.
    """
    images, photographs = to_level_pairs(images, photographs)
    if min(images.shape[1:3]) < WINDOW:
        raise RequestError(f"SSIM of pictures of {images.shape[1:3]}; its window takes {WINDOW} pixels each way.")
    return np.array([_ssim(image, photograph) for image, photograph in zip(images, photographs)])


def _ssim(x, y):
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variances = _window_mean(x * x) - mean_x**2 + _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    luminance = (2.0 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (luminance * (2.0 * covariance + c2) / (variances + c2)).mean()


def _window_mean(x):
    kernel, half = cv2.getGaussianKernel(WINDOW, SIGMA, cv2.CV_64F), WINDOW // 2
    return cv2.sepFilter2D(x, cv2.CV_64F, kernel, kernel)[half:-half, half:-half]


def psnr(images, photographs):
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / mean squared difference of levels); infinite where equal.

    Taken over all pixels and channels of a picture. The release of the cross-view papers scales a picture in [0, 1] by
    128 and takes 255 for the peak, so its numbers lie 20 log10(255 / 128) = 5.99 dB above these.

    Ranks the photograph before mild degradation, that before blur and before noise, and all of them before pictures of
    other layouts. It favours blur over grain that is seen as little.

    Args:
        images, photographs: as in `to_levels`, of one shape.
    Returns:
        float64 (batch,).
    """
    images, photographs = to_level_pairs(images, photographs)
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(RANGE**2 / np.square(images - photographs).mean(axis=(1, 2, 3)))


def l1(images, photographs):
    """Mean absolute difference on the scale of [-1, 1] (Isola et al., 2017, eq. 3), so in [0, 2].

    Ranks as `psnr` does.

    Args:
        images, photographs: as in `to_levels`, of one shape.
    Returns:
        float64 (batch,).
    """
    images, photographs = to_level_pairs(images, photographs)
    return np.abs(images - photographs).mean(axis=(1, 2, 3)) / 127.5


def mean_gradient(images, what="pictures"):
    """Mean gradient magnitude of the grey picture: of sqrt(dx^2 + dy^2), levels a pixel.

    dx and dy are the differences to the pixel at the right and to the one below; the last column and the last row,
    which have none, are left out. A measure of our own.

    Args:
        images: as in `to_levels`, at least 2 pixels high and wide.
    Returns:
        float64 (batch,).
    """
    grey = to_grey(images, what)
    if min(grey.shape[1:]) < 2:
        raise RequestError(f"gradients of {what} of {grey.shape[1:]}; give at least 2 pixels each way.")
    right, below = np.diff(grey, axis=2)[:, :-1], np.diff(grey, axis=1)[:, :, :-1]
    return np.hypot(right, below).mean(axis=(1, 2))


def sharpness(images, photographs):
    """Mean `mean_gradient` of the pictures over that of the photographs: 1 as sharp, below blurred, above noisy.

    A measure of our own; the photographs need not be those of the pictures, but must be of their size. Its distance to
    1, as abs(log(ratio)), ranks other photographs before mildly degraded ones, those before blurred ones, and other
    photographs before noisy ones. Pictures of other layouts are as sharp as any: those it does not rank.

    Returns:
        float; NaN where the photographs are all flat.
    """
    if np.shape(images)[1:] != np.shape(photographs)[1:]:
        raise RequestError(
            f"sharpness of pictures of shape {np.shape(images)[1:]} by photographs of {np.shape(photographs)[1:]}; "
            "gradients compare at one size only."
        )
    of_photographs = mean_gradient(photographs, "photographs").mean()
    return float(mean_gradient(images).mean() / of_photographs) if of_photographs else float("nan")


def sharpness_difference(images, photographs):
    """Sharpness difference in dB, as the cross-view papers print it (Mathieu et al., 2016; Regmi & Borji, 2018).

        10 log10(255^2 / (128^2 / N * sum(abs(|dx I| - |dx I'|) + abs(|dy I| - |dy I'|))))

    Larger is better. Pictures are in [0, 1]; dx and dy are the differences to the pixel at the left and to the one
    above, summed over all channels and all pixels but those at the border, and N counts the border's, too. So does the
    release behind the tables; the paper's equation has the absolute value around both directions together, and no 128.
    Equal pictures have 10 log10(255^2 / 1e-4) = 88.1.

    Ranks the photograph before mild degradation, and that before blur, before noise and before pictures of other
    layouts. Noise comes last of all: it adds gradients everywhere, where blur only loses those that there were.

    Args:
        images, photographs: as in `to_levels`, of one shape, at least 3 pixels high and wide.
    Returns:
        float64 (batch,).
    """
    images, photographs = to_level_pairs(images, photographs)
    if min(images.shape[1:3]) < 3:
        raise RequestError(
            f"sharpness differences of pictures of {images.shape[1:3]}; give at least 3 pixels each way."
        )
    total = sum(
        np.abs(_steps(images, axis) - _steps(photographs, axis)).sum(axis=(1, 2, 3)) for axis in (1, 2)
    ) / np.prod(images.shape[1:])
    return 10.0 * np.log10(RANGE**2 / np.maximum(128.0**2 * total, SMALLEST_ERROR))


def _steps(images, axis):
    """Absolute differences to the pixel before, on the scale of [0, 1], of all pixels but those at the border."""
    before = images[:, :-2, 1:-1] if axis == 1 else images[:, 1:-1, :-2]
    return np.abs(images[:, 1:-1, 1:-1] - before) / 255.0
