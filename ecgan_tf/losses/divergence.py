"""How far a code's distribution is from the one that it is drawn from afterwards."""

import tensorflow as tf


def kl_divergence(mean, log_variance):
    """The divergence of N(mean, exp(log_variance)) from N(0, 1), added up over the code (Park et al., 2019, section 3).

        1/2 sum (mean^2 + exp(log_variance) - 1 - log_variance)
    SPADE's release adds it up over a card's examples as well, 4 of them at its batches of 32 on 8; here it is per
    example, and its mean over the batch counts.

    Args:
        mean, log_variance: float (batch, size).
    Returns:
        float32 (batch,), 0 or more.
    """
    mean, log_variance = (tf.cast(each, tf.float32) for each in (mean, log_variance))
    return 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_variance) - 1.0 - log_variance, axis=-1)
