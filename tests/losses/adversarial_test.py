import numpy as np
import pytest

from ecgan_tf.losses.adversarial import hinge_fake_loss, hinge_generator_loss, hinge_real_loss


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
    ],
)
def test_losses_match_numpy(loss, formula, logits):
    expected = mean_over_patches_and_scales([formula(scale) for scale in logits])
    np.testing.assert_allclose(loss(logits), expected, rtol=1e-5)
    assert loss([scale.astype(np.float16) for scale in logits]).dtype == "float32"


@pytest.mark.parametrize(("loss", "value"), [(hinge_real_loss, 1.5), (hinge_fake_loss, -1.5)])
def test_a_margin_of_one_is_enough(loss, value):
    np.testing.assert_array_equal(loss([np.full((2, 3, 3, 1), value)]), np.zeros(2))
