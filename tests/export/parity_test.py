"""The gates: differences in units of 1/255, the worst layout counting."""

import numpy as np
import pytest

from export.parity import GATES, compare

PICTURES = np.zeros((2, 20, 20, 3), np.float32)  # 1200 values each


def spoiled(count, levels):
    """The pictures with `count` values of the second one `levels` too bright."""
    other = PICTURES.copy()
    other[1].reshape(-1)[:count] = levels / 127.5
    return other


@pytest.mark.parametrize(("precision", "count", "levels", "passed"), [
    ("float32", 1, 0, True), ("float32", 1, 1, True), ("float32", 1, 2, False),
    ("float16", 1, 4, True), ("float16", 1, 5, False),
    ("dynamic_int8", 1, 90, True), ("dynamic_int8", 3, 90, False), ("dynamic_int8", 1200, 8, True),
    ("int8", 11, 60, True), ("int8", 14, 60, False), ("int8", 1200, 7, True), ("int8", 1200, 9, False),
])  # fmt: skip
def test_each_precision_has_its_gate(precision, count, levels, passed):
    result = compare(PICTURES, spoiled(count, levels), precision)
    assert result["passed"] is passed, result
    assert bool(result["missed"]) is not passed


def test_the_measures_are_those_of_numpy(rng):
    expected, actual = (rng.integers(0, 256, (3, 8, 8, 3)) / 127.5 - 1 for _ in range(2))
    measured = compare(expected, actual, "float32")["difference"]
    distance = np.abs(np.rint((expected - actual) * 127.5)).reshape(3, -1)
    assert measured["largest"] == distance.max()
    assert measured["mean"] == pytest.approx(distance.mean())
    assert measured["p99"] == pytest.approx(max(np.percentile(row, 99) for row in distance))
    assert measured["p99_9"] == pytest.approx(max(np.percentile(row, 99.9) for row in distance))
    assert measured["psnr"] == pytest.approx(
        min(20 * np.log10(255) - 10 * np.log10((row**2).mean()) for row in distance)
    )


@pytest.mark.parametrize("precision", GATES)
def test_nan_never_passes(precision):
    other = PICTURES.copy()
    other[0, 0, 0, 0] = np.nan
    assert compare(PICTURES, PICTURES, precision)["passed"]
    assert not compare(PICTURES, other, precision)["passed"]
