"""Training steps to be timed."""

from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import training_batches
from ecgan_tf.methods import METHODS
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.latents import with_latents
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.terms import with_missing_terms


def make_step(config, strategy):
    """A function that takes one training step of a fresh GAN, on one batch.

    Args:
        config: the run's.
        strategy: the one of all GANs in this process, from `make_strategy`.
    """
    config, data = with_missing_terms(config), open_dataset(config.data, "train")
    arguments = METHODS[config.model.name].generator_arguments(config, data)
    with_latents(data, config, arguments)
    with strategy.scope():
        gan = GAN(config, arguments)
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    train_step = make_train_step(gan, objective, config, strategy)
    batches = training_batches(data, config.data, config.train.global_batch_size, 0, 0, 1)
    batch = next(iter(strategy.experimental_distribute_dataset(batches)))
    return lambda: {name: float(value) for name, value in train_step(batch).items()}
