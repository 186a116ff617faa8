"""What a classifier sees in pictures and in their photographs, as the cross-view papers measure it."""

import numpy as np

from ecgan_tf.errors import RequestError

SMALLEST = 1e-12  # of a probability below a logarithm
CONFIDENT = 0.5  # of a photograph's largest probability, from which on the papers' second column counts it


def top_k_agreement(probabilities, wanted, k, confident=0.0):
    """The share of pictures of which the class of the photograph is among the k likeliest (Regmi & Borji, 2018).

    Args:
        probabilities, wanted: of the pictures and of their photographs, float (batch, classes).
        k: 1 or more.
        confident: only photographs count whose likeliest class has more than this.
    Returns:
        float in [0, 1]; NaN where no photograph counts.
    """
    probabilities, wanted = _checked(probabilities, wanted)
    if not 1 <= k <= probabilities.shape[1]:
        raise RequestError(f"the {k} likeliest of {probabilities.shape[1]} classes; give 1 to that many.")
    counts = wanted.max(axis=1) > confident
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    hits = (likeliest == wanted.argmax(axis=1)[:, None]).any(axis=1)
    return float(hits[counts].mean()) if counts.any() else float("nan")


def kl_divergence(probabilities, wanted):
    """Mean Kullback-Leibler divergence of what is seen in a picture from what is seen in its photograph, in nats.

        mean over pairs of sum over classes of p log(p / q),   p the photograph's, q the picture's

    Args:
        probabilities, wanted: as in `top_k_agreement`.
    Returns:
        float, 0 where the classifier sees no difference.
    """
    probabilities, wanted = (np.maximum(each, SMALLEST) for each in _checked(probabilities, wanted))
    return float((wanted * np.log(wanted / probabilities)).sum(axis=1).mean())


def _checked(probabilities, wanted):
    probabilities, wanted = (np.asarray(each, np.float64) for each in (probabilities, wanted))
    if probabilities.ndim != 2 or probabilities.shape != wanted.shape or not probabilities.size:
        raise RequestError(
            f"probabilities of shape {probabilities.shape} against {wanted.shape}; give (pictures, classes) of both."
        )
    return probabilities, wanted
