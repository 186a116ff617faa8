"""The adversarial loss, averaged over patches and over the discriminator's scales, in three forms.

ECGAN's paper writes the log form; its release and every SPADE-family baseline train with the hinge (Lim & Ye, 2017).
A discriminator that segments has a form of its own, the cross-entropy of OASIS (Schonfeld et al., 2021).
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


def log_real_loss(logits):
    """The log form: mean -log sigmoid(D). Arguments as `hinge_real_loss`."""
    return _mean_over_scales(per_example_mean(ops.softplus(-ops.cast(scale, "float32"))) for scale in logits)


def log_fake_loss(logits):
    """The log form: mean -log(1 - sigmoid(D)). Arguments as `hinge_real_loss`."""
    return _mean_over_scales(per_example_mean(ops.softplus(ops.cast(scale, "float32"))) for scale in logits)


def label_loss(logits):
    """What a real image costs a discriminator that segments, and a fake its generator: -mean alpha_c log p_c.

    Args:
        logits: list over the scales of (batch, height, width, 2), see `SegmentationDiscriminator`.
    Returns:
        float32 (batch,).
    """
    return _mean_over_scales(-per_example_mean(scale[..., 0]) for scale in logits)


def fake_loss(logits):
    """What a fake costs a discriminator that segments: -mean log p_fake. Arguments as `label_loss`."""
    return _mean_over_scales(-per_example_mean(scale[..., 1]) for scale in logits)


def _mean_over_scales(losses):
    losses = list(losses)
    return sum(losses) / len(losses)


# By the name in configs: what fakes cost the generator, then what reals and fakes cost the discriminator. In the log
# form the generator maximises log D, the form that does not saturate (Goodfellow et al., 2014).
ADVERSARIAL = {
    "hinge": (hinge_generator_loss, hinge_real_loss, hinge_fake_loss),
    "log": (log_real_loss, log_real_loss, log_fake_loss),
    "segmentation": (label_loss, label_loss, fake_loss),  # of that discriminator alone, no choice of a config
}
