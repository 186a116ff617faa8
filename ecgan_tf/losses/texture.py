"""How much of every frequency the regions of an image have, wherever in them it is: what a texture is made of."""

import numpy as np
from keras import ops

# Grey, red against blue, green against both: photographs have little fine detail in the last two.
OPPONENTS = np.array([[1 / 3, 1 / 3, 1 / 3], [1 / 2, 0, -1 / 2], [-1 / 4, 1 / 2, -1 / 4]])
# A grey level of 255 is 8e-3. What is below is flat, and the logarithm must not tell degrees of it.
MAGNITUDE_FLOOR = 5e-3
POWER_FLOOR = 1e-4


def frequency_filters(size=4):
    """The patterns of the cosine transform but for the constant one, and those that alternate, in each opponent colour.

    The steepest cosine has its peak at 3/8 of a cycle a pixel. A grid of two pixels, which a network makes easily, is
    at 1/2, so columns, rows and checks that alternate are patterns of their own.

    Args:
        size: of a pattern, even.
    Returns:
        kernel, float32 (size, size, 3, 3 * (size^2 + 2)): the colour is the slower index of its filters.
    """
    k = np.arange(size)
    cosines = np.cos(np.pi * (k[None] + 0.5) * k[:, None] / size)
    cosines /= np.linalg.norm(cosines, axis=1, keepdims=True)
    patterns = np.einsum("ai,bj->ijab", cosines, cosines).reshape(size, size, size * size)[:, :, 1:]
    signs = (-1.0) ** k / size
    alternating = [np.outer(np.ones(size), signs), np.outer(signs, np.ones(size)), size * np.outer(signs, signs)]
    patterns = np.concatenate([patterns, np.stack(alternating, axis=-1)], axis=-1)
    kernel = np.einsum("ijk,oc->ijcok", patterns, OPPONENTS)
    return kernel.reshape(size, size, 3, -1).astype(np.float32)


FILTERS = frequency_filters()
SCALES = 3
SMALLEST_SIDE = 4 * 2 ** (SCALES - 1)  # of an image, in pixels


def texture_loss(image, generated, labels, num_classes, scales=SCALES):
    """Distance of the statistics of textures, class by class, from whole pixels to `4 * 2^(scales - 1)` of them.

        L_t = mean_s sum_i a_i mean_k ( |log P_ik - log P'_ik| + 2 |log M_ik - log M'_ik| ) / 2
    where P_ik is the mean square and M_ik the mean magnitude of what filter k gives over the pixels of class i, and a_i
    the share of the class in the known pixels. No pixel is compared with the one in its place, so the generator need
    not know where a leaf is to be punished for leaving leaves out; and a photograph whose road is plain but for its
    lines has much P and little M, which grain over all of the road has not. After the wavelet statistics of Portilla &
    Simoncelli (IJCV 2000); in no paper here.

    Args:
        image, generated: float (batch, height, width, 3) in [-1, 1], sides at least 4 * 2^(scales - 1). No gradient
            reaches `image`.
        labels: int32 (batch, height, width); ids of `num_classes` and above are left out.
        scales: how often: at full size, then at half the size of the one before.
    Returns:
        float32 (batch,), 0 where every pixel is unknown.
    """
    images = [ops.cast(ops.stop_gradient(image), "float32"), ops.cast(generated, "float32")]
    total = 0.0
    for scale in range(scales):
        if scale:
            images = [ops.average_pool(x, 2) for x in images]
        step, (rows, columns) = 2**scale, (side - 3 for side in images[0].shape[1:3])
        centres = labels[:, ::step, ::step][:, 1 : 1 + rows, 1 : 1 + columns]  # of the filters' windows
        masks = ops.one_hot(centres, num_classes, dtype="float32")
        areas = ops.sum(masks, axis=(1, 2))
        real, fake = (_log_statistics(x, masks, areas) for x in images)
        of_class = ops.mean(ops.absolute(real - fake), axis=-1)
        total += ops.sum(of_class * areas, axis=1) / ops.maximum(ops.sum(areas, axis=1), 1.0)
    return total / scales


def _log_statistics(x, masks, areas):
    """2 log M and log P of every class and filter, float32 (batch, N, 2 * filters)."""
    response = ops.conv(x, FILTERS, padding="valid")
    power = ops.square(response)
    both = ops.concatenate([ops.sqrt(power + 1e-5), power], axis=-1)
    means = ops.einsum("bhwn,bhwk->bnk", masks, both) / ops.maximum(areas, 1.0)[..., None]
    magnitude, power = ops.split(means, 2, axis=-1)
    return ops.concatenate([2.0 * ops.log(magnitude + MAGNITUDE_FLOOR), ops.log(power + POWER_FLOOR)], axis=-1)
