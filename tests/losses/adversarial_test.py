import numpy as np
import pytest

from ecgan_tf.losses.adversarial import (
    ADVERSARIAL,
    hinge_fake_loss,
    hinge_generator_loss,
    hinge_real_loss,
    log_fake_loss,
    log_real_loss,
)


@pytest.fixture
def logits(rng):
    """Two scales of three examples, on both sides of the hinge."""
    return [rng.normal(0, 2, (3, 5, 5, 1)), rng.normal(0, 2, (3, 3, 3, 1))]


def mean_over_patches_and_scales(values):
    return np.mean([value.mean((1, 2, 3)) for value in values], axis=0)


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (hinge_real_loss, lambda d: np.maximum(0, 1 - d)),
        (hinge_fake_loss, lambda d: np.maximum(0, 1 + d)),
        (hinge_generator_loss, lambda d: -d),
        (log_real_loss, lambda d: -np.log(1 / (1 + np.exp(-d)))),
        (log_fake_loss, lambda d: -np.log(1 - 1 / (1 + np.exp(-d)))),
    ],
)
def test_losses_match_numpy(loss, formula, logits):
    expected = mean_over_patches_and_scales([formula(scale) for scale in logits])
    np.testing.assert_allclose(loss(logits), expected, rtol=1e-5)
    assert loss([scale.astype(np.float16) for scale in logits]).dtype == "float32"


@pytest.mark.parametrize(("loss", "value"), [(hinge_real_loss, 1.5), (hinge_fake_loss, -1.5)])
def test_a_margin_of_one_is_enough(loss, value):
    np.testing.assert_array_equal(loss([np.full((2, 3, 3, 1), value)]), np.zeros(2))


@pytest.mark.parametrize("loss", [log_real_loss, log_fake_loss])
def test_the_log_form_does_not_overflow(loss):
    for value in (-1e4, 1e4):
        assert np.isfinite(loss([np.full((1, 2, 2, 1), value, np.float32)])).all()


def test_the_forms_are_found_by_name():
    assert ADVERSARIAL["hinge"] == (hinge_generator_loss, hinge_real_loss, hinge_fake_loss)
    assert ADVERSARIAL["log"] == (log_real_loss, log_real_loss, log_fake_loss)
