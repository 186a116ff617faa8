"""Training steps to be timed."""

from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import training_batches
from ecgan_tf.training.gan import GAN, generator_arguments
from ecgan_tf.training.loop import make_objective
from ecgan_tf.training.step import make_train_step


def make_step(config, strategy):
    """A function that takes one training step of a fresh GAN, on one batch.

    Args:
        config: the run's.
        strategy: the one of all GANs in this process, from `make_strategy`.
    """
    data = open_dataset(config.data, "train")
    with strategy.scope():
        gan = GAN(config, generator_arguments(config, data))
    train_step = make_train_step(gan, make_objective(gan, config, data.classes.num_classes), config, strategy)
    batches = training_batches(data, config.data, config.train.global_batch_size, 0, 0, 1)
    batch = next(iter(strategy.experimental_distribute_dataset(batches)))
    return lambda: {name: float(value) for name, value in train_step(batch).items()}
