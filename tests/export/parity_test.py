"""The gates: differences in units of 1/255, the worst layout counting."""

import numpy as np
import pytest

from export.parity import FLAT, GATES, RELATIVE, compare

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
    ("static_int8", 11, 20, True), ("static_int8", 14, 20, False), ("static_int8", 1200, 3, True),
    ("static_int8", 1200, 4, False),
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


@pytest.mark.parametrize("precision", GATES)
def test_pictures_of_little_contrast_are_judged_by_it(precision, rng):
    """A deviation of 3 of 255: the gate in pixels lets a mean picture pass, the one before tanh does not."""
    logits = rng.normal(0.0, 3 / 127.5, (2, 16, 16, 3))
    pictures, nothing = np.tanh(logits), np.zeros_like(logits)
    found = compare(pictures, nothing, precision)
    assert not found["flat"] and found["contrast"] == pytest.approx(3, rel=0.1)
    assert found["relative"] == pytest.approx(1, rel=0.1)
    assert any("relative error" in line for line in found["missed"])
    close = compare(pictures, np.tanh(logits * (1 + 0.9 * RELATIVE[precision])), precision)
    assert close["relative"] == pytest.approx(0.9 * RELATIVE[precision], rel=1e-3)
    assert not any("relative error" in line for line in close["missed"])


def test_pixels_may_be_half_a_level_off(rng):
    pictures = np.tanh(rng.normal(0.0, 10 / 127.5, (2, 16, 16, 3)))
    pixels = np.floor((pictures + 1) * 127.5 + 0.5) / 127.5 - 1
    assert compare(pictures, pixels, "float32", rounded=True)["passed"]
    assert compare(pictures, pixels, "float32")["missed"] == ["relative error 0.029 > 0.010"]


def test_pictures_without_contrast_prove_nothing_and_say_so(rng):
    pictures = np.tanh(rng.normal(0.3, 1 / 127.5, (2, 16, 16, 3)))
    found = compare(pictures, np.full_like(pictures, pictures.mean()), "static_int8")
    assert found["passed"] and found["flat"] and found["contrast"] < FLAT
    assert not compare(PICTURES, spoiled(1200, 90), "int8")["passed"]  # wrong by more than a gate is wrong all the same
