"""How far a set of pictures is from a set of photographs, by the features of both: Frechet and kernel distance."""

from typing import NamedTuple

import numpy as np

from ecgan_tf.errors import RequestError


class FeatureStatistics:
    """Mean and covariance of features that come in chunks.

    The covariance is kept as a factor F with F^T F = the sum of the centred outer products: chunks are stacked, each
    with one row for the distance of its mean (Chan, Golub & LeVeque, 1983), and a QR decomposition shortens the stack.
    Nothing is squared, so small directions keep their digits, and fewer examples than dimensions cost only their rows.
    """

    def __init__(self):
        self.count = 0
        self.mean = None
        self._rows = None

    def add(self, features):
        """Takes a chunk in: float (examples, dimensions)."""
        features = check_features(features)
        if self.mean is None:
            self.mean, self._rows = np.zeros(features.shape[1]), np.zeros((0, features.shape[1]))
        if features.shape[1] != len(self.mean):
            raise RequestError(f"features of {features.shape[1]} dimensions after some of {len(self.mean)}.")
        mean, added, together = features.mean(axis=0), len(features), self.count + len(features)
        between = np.sqrt(self.count * added / together) * (mean - self.mean)
        stack = [self._rows, features - mean] + ([between[None]] if self.count else [])
        self._rows = np.concatenate(stack)
        self.mean = self.mean + (mean - self.mean) * added / together
        self.count = together
        if len(self._rows) > 2 * len(self.mean):
            self._rows = np.linalg.qr(self._rows, mode="r")

    def factor(self):
        """float64 (at most dimensions, dimensions), F with F^T F = the covariance, of divisor count - 1."""
        if self.count < 2:
            raise RequestError(f"the covariance of {self.count} examples; a Frechet distance needs at least 2 a side.")
        if len(self._rows) > len(self.mean):
            self._rows = np.linalg.qr(self._rows, mode="r")
        return self._rows / np.sqrt(self.count - 1)

    def distance(self, other):
        """Frechet distance to another `FeatureStatistics`; see `frechet_distance`."""
        first, second = self.factor(), other.factor()
        if len(self.mean) != len(other.mean):
            raise RequestError(f"features of {len(self.mean)} dimensions against some of {len(other.mean)}.")
        root = np.linalg.svd(first @ second.T, compute_uv=False).sum()
        traces = np.square(first).sum() + np.square(second).sum()
        return float(np.square(self.mean - other.mean).sum() + traces - 2.0 * root)


def frechet_distance(features, others):
    """Frechet distance of two sets of features, each taken as a normal distribution (Heusel et al., 2017, eq. 6).

        |m - m'|^2 + Tr(C + C' - 2 (C C')^(1/2))

    With C = F^T F and C' = G^T G the trace of the root is the sum of the singular values of F G^T, which needs no root
    of a matrix: it is exact where examples are fewer than dimensions and C has no inverse. Covariances have the divisor
    n - 1. The distance of few examples is biased upwards, so only sets of equal counts compare; `halves` of the
    photographs give the noise floor. It is "FID" only on the features of the Inception network of the paper.

    Ranks other photographs before mildly degraded, before blurred and before noisy ones. How those stand to each other
    is a matter of the network, the more so where examples are fewer than dimensions. Photographs of other layouts are
    as good as any to it: it knows nothing of which picture belongs to which layout.

    Args:
        features, others: float (examples, dimensions), at least 2 examples each.
    Returns:
        float, 0 for equal sets.
    """
    statistics = FeatureStatistics(), FeatureStatistics()
    for each, chunk in zip(statistics, (features, others)):
        each.add(chunk)
    return statistics[0].distance(statistics[1])


class KernelDistance(NamedTuple):
    """Of `kernel_distance`: mean and standard deviation over the subsets, and how many examples a subset had.

    `clipped` says that this is less than was asked for, since the smaller set has no more.
    """

    mean: float
    standard_deviation: float
    subset_size: int
    clipped: bool


def kernel_distance(features, others, subsets=100, subset_size=1000, seed=0):
    """Kernel distance: unbiased squared MMD of the kernel (x.y / dimensions + 1)^3 (Binkowski et al., 2018).

    Its mean does not depend on the number of examples, and is around 0 where both sets are of one distribution, below
    it half of the time. Subsets are drawn without replacement, from both sets. Where a set is no larger than a subset,
    every subset is the whole of it: the standard deviation then says nothing of that set's own chance, and is 0 where
    both are whole. It is "KID" only on the features of the Inception network of the papers.

    Ranks other photographs before mildly degraded ones, and those before blurred and before noisy ones; of other
    layouts it knows as little as `frechet_distance`.

    Args:
        features, others: float (examples, dimensions), at least 2 examples each.
        subsets: how many are drawn.
        subset_size: examples in each, clipped to the smaller set; the result says so.
        seed: of the drawing.
    Returns:
        `KernelDistance`.
    """
    features, others = check_features(features), check_features(others)
    if features.shape[1] != others.shape[1]:
        raise RequestError(f"features of {features.shape[1]} dimensions against some of {others.shape[1]}.")
    size = min(subset_size, len(features), len(others))
    if size < 2 or subsets < 1:
        raise RequestError(f"{subsets} subsets of {size} examples; a kernel distance needs 1 of 2 at least.")
    rng = np.random.default_rng(seed)
    drawn = [
        squared_mmd(features[rng.choice(len(features), size, False)], others[rng.choice(len(others), size, False)])
        for _ in range(subsets)
    ]
    return KernelDistance(float(np.mean(drawn)), float(np.std(drawn)), size, size < subset_size)


def squared_mmd(features, others):
    """Unbiased squared maximum mean discrepancy of the cubic kernel (Gretton et al., 2012, eq. 3).

    Args:
        features: float64 (examples, dimensions).
        others: float64 (examples, dimensions), of as many or other examples.
    """
    within = [_cubic_kernel(x, x) for x in (features, others)]
    means = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in within]
    return sum(means) - 2.0 * _cubic_kernel(features, others).mean()


def _cubic_kernel(features, others):
    return (features @ others.T / features.shape[1] + 1.0) ** 3


def halves(features, seed=0):
    """Two random halves of the features of photographs, whose distance is the noise floor: real against real.

    A half has half of the examples, so the floor of a Frechet distance lies above that of the whole set.

    Returns:
        (examples // 2, dimensions) and the rest.
    """
    features = check_features(features)
    order = np.random.default_rng(seed).permutation(len(features))
    return features[order[: len(features) // 2]], features[order[len(features) // 2 :]]


def check_features(features):
    """Features as float64 (examples, dimensions), finite."""
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or not features.size:
        raise RequestError(f"features of shape {features.shape}; give (examples, dimensions), none of them 0.")
    if not np.isfinite(features).all():
        raise RequestError("features that are not finite; was the network given what it takes?")
    return features
