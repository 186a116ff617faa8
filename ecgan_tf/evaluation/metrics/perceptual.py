"""How far pictures are from each other in the feature maps of a network, as LPIPS has it."""

import itertools

import numpy as np

from ecgan_tf.errors import RequestError

SMALLEST_NORM = 1e-10


def feature_distance(features, others, weights=None):
    """Distance of pictures in feature maps (Zhang et al., 2018, eq. 1).

        sum over layers of mean over positions of sum over channels of w (f / |f| - f' / |f'|)^2

    The norms are over the channels of a position. The weights stand before the squares, as in the release: the w of the
    paper's equation, squared. Without weights it is the paper's distance of a network that was not tuned on judgements,
    twice one minus the cosine. It is "LPIPS" only with the network and the weights of the release.

    Ranks the photograph before mild degradation, that before blur and before noise, and all of them before pictures of
    other layouts, even in a network of random weights.

    Args:
        features, others: lists, a layer each, of float (batch, height, width, channels), in pairs of one shape.
        weights: list, a layer each, of a number or of float (channels,), none negative; None for 1.
    Returns:
        float64 (batch,), 0 where they are equal.
    """
    features, others = ([np.asarray(layer, np.float64) for layer in layers] for layers in (features, others))
    weights = [np.float64(1.0)] * len(features) if weights is None else [np.asarray(w, np.float64) for w in weights]
    shapes = [[layer.shape for layer in layers] for layers in (features, others)]
    if shapes[0] != shapes[1] or not features or any(len(shape) != 4 for shape in shapes[0]):
        raise RequestError(
            f"feature maps of the shapes {shapes[0]} against {shapes[1]}; give (batch, height, width, channels) a "
            "layer, of the same layers."
        )
    if len(weights) != len(features) or any(
        weight.shape not in ((), layer.shape[-1:]) or not (weight >= 0.0).all()
        for weight, layer in zip(weights, features)
    ):
        raise RequestError(
            f"weights of the shapes {[weight.shape for weight in weights]} for layers of "
            f"{[shape[-1] for shape in shapes[0]]} channels; give one number a layer or a channel, none negative."
        )
    return sum(
        (weight * np.square(_unit(layer) - _unit(other))).sum(axis=-1).mean(axis=(1, 2))
        for layer, other, weight in zip(features, others, weights)
    )


def _unit(features):
    return features / (np.linalg.norm(features, axis=-1, keepdims=True) + SMALLEST_NORM)


def diversity(outputs, weights=None):
    """Mean `feature_distance` of all pairs of outputs for the same layouts (as Zhu et al., 2017, do with LPIPS).

    A deterministic generator has 0.

    Args:
        outputs: list, an output of the layouts each, of lists of feature maps as in `feature_distance`; at least 2.
        weights: as in `feature_distance`.
    Returns:
        float64 (batch,).
    """
    if len(outputs) < 2:
        raise RequestError(f"the diversity of {len(outputs)} outputs; give at least 2 for each layout.")
    return np.mean([feature_distance(a, b, weights) for a, b in itertools.combinations(outputs, 2)], axis=0)
