"""The gates: differences in units of 1/255, over all pixels of all layouts."""

import numpy as np
import pytest

from export.proof import compare

PICTURES = np.zeros((2, 4, 4, 3), np.float32)


@pytest.mark.parametrize(("levels", "precision", "passed"), [
    (0, "float32", True), (1, "float32", True), (2, "float32", False), (4, "float16", True), (5, "float16", False),
])  # fmt: skip
def test_one_pixel_decides(levels, precision, passed):
    other = PICTURES.copy()
    other[1, 2, 3, 0] = levels / 127.5
    result = compare(PICTURES, other, precision)
    assert result["largest_difference"] == levels
    assert result["mean_difference"] == pytest.approx(levels / PICTURES.size)
    assert result["passed"] is passed


def test_nan_never_passes():
    other = PICTURES.copy()
    other[0, 0, 0, 0] = np.nan
    assert not compare(PICTURES, other, "float16")["passed"]
