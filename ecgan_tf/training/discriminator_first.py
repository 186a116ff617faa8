"""The order of LGGAN's cross-view release, as pix2pix: one forward pass, D moves, then G does."""

import tensorflow as tf


def discriminator_first(step, batch):
    """The discriminators move on the fakes; then the generator does, judged on the same fakes by what they are now.

    Args:
        step: `TrainStep`.
        batch: of the replica.
    Returns:
        as its other orders.
    """
    gan = step.gan
    with tf.GradientTape(watch_accessed_variables=False) as of_generator:
        of_generator.watch(step._values(gan.generator_variables))
        outputs = step._generate(batch)
        with of_generator.stop_recording():
            discriminator_terms = _move_discriminators(step, batch, outputs)
        judged = step._judge(batch, outputs)
        total, terms = step._generator_loss(batch, outputs, judged)
        scaled = step._scale(gan.generator_optimizer, total)
    step._apply(gan.generator_optimizer, gan.generator_variables, of_generator, scaled)
    return {**terms, **discriminator_terms}


def _move_discriminators(step, batch, outputs):
    gan = step.gan
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(step._values(gan.discriminator_variables))
        total, terms = step._discriminator_loss(step._judge(batch, outputs))
        scaled = step._scale(gan.discriminator_optimizer, total)
    step._apply(gan.discriminator_optimizer, gan.discriminator_variables, tape, scaled)
    return terms
