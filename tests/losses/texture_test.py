import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.texture import FILTERS, MAGNITUDE_FLOOR, OPPONENTS, POWER_FLOOR, texture_loss

UNKNOWN = 3


def patterns_of(window):
    """The 15 patterns of an orthonormal 4x4 cosine transform, by its definition, then columns, rows, checks."""
    result = np.zeros((4, 4))
    for a in range(4):
        for b in range(4):
            scale = (np.sqrt(0.5) if a == 0 else 1.0) * (np.sqrt(0.5) if b == 0 else 1.0) / 2
            for i in range(4):
                for j in range(4):
                    wave = np.cos(np.pi * (i + 0.5) * a / 4) * np.cos(np.pi * (j + 0.5) * b / 4)
                    result[a, b] += scale * wave * window[i, j]
    even, odd = window[:, ::2].sum() - window[:, 1::2].sum(), window[::2].sum() - window[1::2].sum()
    checks = sum((-1) ** (i + j) * window[i, j] for i in range(4) for j in range(4))
    return np.array([*result.reshape(-1)[1:], even / 4, odd / 4, checks / 4])


def loop(real, fake, labels, scales):
    """The loss of one example, window by window."""
    total = 0.0
    for scale in range(scales):
        if scale:
            real, fake = (x.reshape(len(x) // 2, 2, x.shape[1] // 2, 2, 3).mean((1, 3)) for x in (real, fake))
            labels = labels[::2, ::2]
        responses = {label: ([], []) for label in range(UNKNOWN)}
        for i in range(len(real) - 3):
            for j in range(real.shape[1] - 3):
                if labels[i + 1, j + 1] < UNKNOWN:
                    for x, kept in zip((real, fake), responses[labels[i + 1, j + 1]]):
                        colours = x[i : i + 4, j : j + 4] @ OPPONENTS.T
                        kept.append(np.concatenate([patterns_of(colours[..., c]) for c in range(3)]))
        known = sum(len(kept) for kept, _ in responses.values())
        for real_kept, fake_kept in responses.values():
            if real_kept:
                statistics = []
                for kept in (real_kept, fake_kept):
                    magnitude = np.sqrt(np.square(kept) + 1e-5).mean(0)
                    power = np.square(kept).mean(0)
                    statistics.append((2 * np.log(magnitude + MAGNITUDE_FLOOR), np.log(power + POWER_FLOOR)))
                distance = np.mean(np.abs(np.subtract(*statistics)))
                total += len(real_kept) / known * distance
    return total / scales


@pytest.mark.parametrize("scales", [1, 2])
def test_the_loss_matches_a_loop(rng, scales):
    real, fake = rng.uniform(-1, 1, (2, 2, 8, 12, 3)).astype(np.float32)
    labels = rng.integers(0, 4, (2, 8, 12)).astype(np.int32)
    labels[1] = 2
    expected = [loop(*example, scales) for example in zip(real, fake, labels)]
    np.testing.assert_allclose(texture_loss(real, fake, labels, UNKNOWN, scales), expected, rtol=1e-4)


def test_filters_see_no_flat_colour_and_each_frequency_once():
    np.testing.assert_allclose(FILTERS.sum((0, 1)), 0, atol=1e-6)
    grey = FILTERS.sum(2)[..., :18].reshape(16, 18)
    np.testing.assert_allclose(np.square(grey).sum(0), np.ones(18), rtol=1e-5)
    np.testing.assert_allclose(grey[:, :15].T @ grey[:, :15], np.eye(15), atol=1e-6)


@pytest.fixture
def grain(rng):
    """A function that draws another grain of a given strength: float32 (1, 64, 64, 3)."""
    return lambda strength: (strength * rng.normal(size=(1, 64, 64, 3))).astype(np.float32)


LABELS = np.zeros((1, 64, 64), np.int32)


def loss(real, fake, labels=LABELS):
    return float(texture_loss(real, fake, labels, UNKNOWN)[0])


def test_where_a_grain_lies_does_not_matter_but_how_much_there_is_does(grain):
    real = grain(0.1)
    assert loss(real, real) == 0
    other, weak, strong, flat = (loss(real, fake) for fake in (grain(0.1), grain(0.05), grain(0.2), 0 * real))
    assert other < 0.3 * min(weak, strong) and max(weak, strong) < flat
    assert weak == pytest.approx(2 * np.log(2), rel=0.25)


def test_a_grid_is_no_grain(grain):
    real = grain(0.1)
    grid = np.broadcast_to(0.1 * (-1.0) ** np.arange(64)[:, None], real.shape).astype(np.float32)
    assert loss(real, grid) > 5 * loss(real, grain(0.1))


def test_lines_on_plain_ground_are_not_the_same_power_all_over(rng, grain):
    def lines():
        return (grain(1.0) * (rng.uniform(size=(1, 64, 64, 1)) < 0.02)).astype(np.float32)

    real = lines()
    grain_of_same_power = grain(real.std())
    assert loss(real, grain_of_same_power) > 2 * loss(real, lines())


def test_every_class_has_a_texture_of_its_own(grain):
    halves = np.repeat(np.arange(2), 32)[None, None].repeat(64, 1).astype(np.int32)
    strength = np.where(halves == 0, 0.02, 0.2)[..., None].astype(np.float32)
    real, as_real, swapped = grain(1.0) * strength, grain(1.0) * strength, grain(1.0) * strength[:, :, ::-1]
    assert loss(real, swapped, halves) > 5 * loss(real, as_real, halves)


def test_unknown_pixels_and_flat_pictures_have_finite_gradients(grain):
    for labels, moved in ((LABELS, True), (LABELS + UNKNOWN, False)):
        fake = tf.zeros((1, 64, 64, 3))
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = texture_loss(grain(0.1), fake + 1e-3 * grain(0.1), labels, UNKNOWN)
        gradient = tape.gradient(value, fake).numpy()
        assert np.all(np.isfinite(gradient)) and bool(np.any(gradient)) == moved
    assert float(value[0]) == 0
