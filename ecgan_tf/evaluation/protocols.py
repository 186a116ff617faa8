"""A number's name carries its protocol: what was measured, with which network, at which size, on which pictures."""

import dataclasses
import math
import re
from typing import Any

from ecgan_tf.errors import RequestError

# Whether the measure is taken in the features or by the predictions of a network.
METRICS = {
    "fid": True,
    "fd": True,
    "kid": True,
    "kd": True,
    "miou": True,
    "fwiou": True,
    "accuracy_valid": True,
    "accuracy_all": True,
    "perceptual": True,
    "diversity": True,
    "top1": True,
    "top5": True,
    "kl": True,
    "ssim": False,
    "psnr": False,
    "l1": False,
    "sharpness": False,
    "sharpness_difference": False,
    "spectrum": False,
    "edge_f": False,
    "edge_map_f": False,
    "colour_error": False,
}
INCEPTION = "inception2015"
HIGHER_IS_BETTER = (
    "miou", "fwiou", "accuracy_valid", "accuracy_all", "ssim", "psnr", "sharpness_difference", "edge_f", "edge_map_f",
    "top1", "top5",
)  # fmt: skip
BEST_AT_ONE = ("sharpness",)
GENERAL = {"fid": "fd", "kid": "kd"}  # what they are called in the features of any other network


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How a number was measured; two numbers compare if all of it is equal, see `check_comparable`.

    Attributes:
        metric: of `METRICS`.
        network: short name of the network whose features or predictions were taken, None without one.
        network_hash: of its weights, so that two networks of one name are told apart; None without one.
        size: height and width of the pictures that were measured; one number stands for both.
        split: of the data set, such as "val"; it ends in a letter, since the count follows it in the name.
        count: of the pictures.
    """

    metric: str
    network: str | None
    network_hash: str | None
    size: tuple[int, int]
    split: str
    count: int

    def __post_init__(self) -> None:
        name_of(self.metric, self.network, self.size, self.split)
        size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        object.__setattr__(self, "size", size)  # a list, where it comes from JSON
        if self.split[-1].isdigit():
            raise RequestError(f"{self.metric}: split {self.split!r} ends in a digit, and a count follows; rename it.")
        if (self.network is None) != (not self.network_hash):
            raise RequestError(
                f"{self.metric}: network {self.network!r} with hash {self.network_hash!r}; give both, or neither."
            )
        if not isinstance(self.count, int) or self.count < 1:
            raise RequestError(f"{self.metric}: over {self.count!r} pictures; give how many there were, at least 1.")

    @property
    def name(self) -> str:
        """Such as fid_inception2015_256_val500."""
        return name_of(self.metric, self.network, self.size, f"{self.split}{self.count}")

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the attributes, and the name."""
        return {"name": self.name, **dataclasses.asdict(self), "size": list(self.size)}


def name_of(metric: str, network: str | None, size: int | tuple[int, int], split: str) -> str:
    """A number's name: fid_inception2015_256_val500, miou_own_64_val101, ssim_256x512_val500.

    Args:
        metric: of `METRICS`; "fid" and "kid" in the features of Inception (2015) alone, else "fd" and "kd".
        network: lower-case letters and digits, or None for a metric without one.
        size: height and width, or one number for both.
        split: lower-case letters and digits: which pictures, and how many of them.
    """
    if metric not in METRICS:
        raise RequestError(f"no such metric: {metric!r}. Known metrics: {', '.join(METRICS)}.")
    if METRICS[metric] != (network is not None):
        remedy = "name the network" if METRICS[metric] else "it takes no network; give None"
        raise RequestError(f"{metric} with network {network!r}; {remedy}.")
    if metric in GENERAL and network != INCEPTION:
        raise RequestError(
            f"{metric} in the features of {network!r}; that name is kept for {INCEPTION!r}, use {GENERAL[metric]!r}."
        )
    for what, word in (("network", network), ("split", split)):
        if word is not None and not re.fullmatch("[a-z0-9]+", word):
            raise RequestError(f"{what} {word!r} in a number's name; give lower-case letters and digits alone.")
    height, width = (size, size) if isinstance(size, int) else size
    if not all(isinstance(side, int) and side > 0 for side in (height, width)):
        raise RequestError(f"size {size!r} in a number's name; give height and width in pixels.")
    sides = str(height) if height == width else f"{height}x{width}"
    return "_".join([metric, *([network] if network else []), sides, split])


def score_of(metric: str, value: float) -> float:
    """How good a number is, lower is better: of ratios the distance of their logarithm to 0."""
    if metric in BEST_AT_ONE:
        return abs(math.log(value)) if value > 0 else math.inf
    return -value if metric in HIGHER_IS_BETTER else value


def check_comparable(first: Protocol, second: Protocol) -> None:
    """Refuses, with a `RequestError` that says what differs, to compare numbers of different protocols."""
    differences = [
        f"{field.name} {getattr(first, field.name)!r} against {getattr(second, field.name)!r}"
        for field in dataclasses.fields(Protocol)
        if getattr(first, field.name) != getattr(second, field.name)
    ]
    if differences:
        raise RequestError(
            f"{first.name} does not compare with {second.name}: {', '.join(differences)}; measure both alike."
        )
