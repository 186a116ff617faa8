"""Distances between features of two images: of the discriminator's layers, and of a frozen VGG's."""

from keras import ops

from ecgan_tf.losses.reduction import mean_absolute_difference

# Of relu1_1 .. relu5_1 of VGG-19 (docs/papers/ecgan.md 5.3, the weights of pix2pixHD).
VGG_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


def feature_matching_loss(real_features, fake_features):
    """Mean L1 distance of the discriminator's features, summed over the layers, averaged over the scales.

    Args:
        real_features, fake_features: list over the scales of lists over the layers of (batch, rows, columns, filters).
            No gradient reaches the real ones.
    Returns:
        float32 (batch,).
    """
    distances = [
        mean_absolute_difference(fake, ops.stop_gradient(real))
        for real_scale, fake_scale in zip(real_features, fake_features)
        for real, fake in zip(real_scale, fake_scale)
    ]
    return sum(distances) / len(real_features)


def perceptual_loss(real_features, fake_features, weights=VGG_WEIGHTS):
    """Weighted L1 distance of a frozen network's features (Johnson et al., 2016, as in pix2pixHD).

    Args:
        real_features, fake_features: lists of as many features as there are weights, (batch, rows, columns, filters).
            No gradient reaches the real ones.
        weights: of the features.
    Returns:
        float32 (batch,).
    """
    return sum(
        weight * mean_absolute_difference(fake, ops.stop_gradient(real))
        for weight, real, fake in zip(weights, real_features, fake_features)
    )
