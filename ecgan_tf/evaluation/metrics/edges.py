"""Are a picture's edges where the photograph's are? The F-score of boundaries, with a tolerance in pixels."""

import cv2
import numpy as np

from ecgan_tf.data.edges import canny_edges
from ecgan_tf.errors import RequestError
from ecgan_tf.pixels import to_uint8

SHARE_OF_DIAGONAL = 0.0075  # the tolerance of the Berkeley benchmark that came of Martin et al. (2004)


class EdgeAgreement:
    """Precision, recall and F-score of edges against the photograph's (Martin et al., 2004).

    An edge pixel is right if one of the photograph's lies within the tolerance of it, and one of the photograph's is
    found if one of the edges lies within the tolerance. By dilation with a disc, not by the paper's one-to-one match,
    so a thick line costs no precision. Counts are summed over pictures before they are divided.

    Ranks the photograph before mild degradation, that before blur and before noise, and all of them before pictures of
    other layouts. Blur against noise is a matter of their strengths.

    Args:
        tolerance: in pixels; None for 0.75% of the picture's diagonal, rounded, at least 1.
    """

    def __init__(self, tolerance=None):
        self.tolerance = tolerance
        self.right = self.edges = self.found = self.wanted = 0

    def add(self, edges, photograph_edges):
        """Takes a batch in: bool (batch, height, width), of `edges_of_pictures` or `edges_of_maps`, twice."""
        edges, wanted = np.asarray(edges), np.asarray(photograph_edges)
        if edges.shape != wanted.shape or edges.ndim != 3 or edges.dtype != bool or wanted.dtype != bool:
            raise RequestError(
                f"edges of {edges.dtype} {edges.shape} against {wanted.dtype} {wanted.shape}; "
                "give bool (batch, height, width), twice of one shape."
            )
        tolerance = default_tolerance(*edges.shape[1:]) if self.tolerance is None else self.tolerance
        for mine, theirs in zip(edges, wanted):
            self.right += int((mine & _dilate(theirs, tolerance)).sum())
            self.found += int((theirs & _dilate(mine, tolerance)).sum())
        self.edges += int(edges.sum())
        self.wanted += int(wanted.sum())

    def precision(self):
        """Share of the edge pixels that are right; NaN where there is none."""
        return self.right / self.edges if self.edges else float("nan")

    def recall(self):
        """Share of the photographs' edge pixels that are found; NaN where there is none."""
        return self.found / self.wanted if self.wanted else float("nan")

    def f_score(self):
        """2 P R / (P + R); 0 where one side alone has no edge, NaN where both have none."""
        if not self.edges and not self.wanted:
            return float("nan")
        if not self.right or not self.found:
            return 0.0
        return 2.0 * self.precision() * self.recall() / (self.precision() + self.recall())


def default_tolerance(height, width):
    """0.75% of the diagonal in pixels, rounded, at least 1: 1 at 64x64, 4 at 256x512."""
    return max(1, round(SHARE_OF_DIAGONAL * float(np.hypot(height, width))))


def edges_of_pictures(images):
    """The project's Canny edges of pictures or photographs (`ecgan_tf.data.edges`): bool (batch, height, width).

    Args:
        images: uint8, or float in [-1, 1], (batch, height, width, 3).
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3:
        raise RequestError(f"pictures of shape {images.shape}; give (batch, height, width, 3).")
    pixels = images if images.dtype == np.uint8 else to_uint8(images)
    return np.stack([canny_edges(image) > 0 for image in pixels])


def edges_of_maps(edge_maps):
    """The edges of generated edge maps, where they are above the middle of their range.

    Args:
        edge_maps: float in [-1, 1], (batch, height, width, channels); channels are averaged.
    Returns:
        bool (batch, height, width).
    """
    edge_maps = np.asarray(edge_maps)
    if edge_maps.ndim != 4 or edge_maps.dtype.kind != "f":
        raise RequestError(
            f"edge maps of {edge_maps.dtype} {edge_maps.shape}; give floats in [-1, 1], (batch, height, width, 1 or 3)."
        )
    return edge_maps.mean(axis=-1) > 0.0


def _dilate(edges, tolerance):
    reach = np.arange(-tolerance, tolerance + 1)
    disc = np.square(reach)[:, None] + np.square(reach) <= tolerance**2
    return cv2.dilate(edges.astype(np.uint8), disc.astype(np.uint8)) > 0
