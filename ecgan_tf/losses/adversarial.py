"""The hinge form of the adversarial loss (Lim & Ye, 2017), averaged over patches and over the discriminator's scales.

ECGAN's paper writes the log form; its release and every SPADE-family baseline train with the hinge.
"""

from keras import ops

from ecgan_tf.losses.reduction import per_example_mean


def hinge_real_loss(logits):
    """What real images cost the discriminator: mean max(0, 1 - D).

    Args:
        logits: list over the scales of (batch, rows, columns, 1).
    Returns:
        float32 (batch,).
    """
    return _mean_over_scales(per_example_mean(ops.relu(1.0 - ops.cast(scale, "float32"))) for scale in logits)


def hinge_fake_loss(logits):
    """What fake images cost the discriminator: mean max(0, 1 + D). Arguments as `hinge_real_loss`."""
    return _mean_over_scales(per_example_mean(ops.relu(1.0 + ops.cast(scale, "float32"))) for scale in logits)


def hinge_generator_loss(logits):
    """What fake images cost the generator: -mean D. Arguments as `hinge_real_loss`."""
    return _mean_over_scales(-per_example_mean(scale) for scale in logits)


def _mean_over_scales(losses):
    losses = list(losses)
    return sum(losses) / len(losses)
