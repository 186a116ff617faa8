"""Training steps to be timed."""

from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import training_batches
from ecgan_tf.training.gan import GAN, generator_arguments
from ecgan_tf.training.loop import make_objective
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.strategy import make_strategy


def make_step(config):
    """A function that takes one training step of a fresh GAN, on one batch."""
    data = open_dataset(config.data, "train")
    strategy = make_strategy(config.train.devices)
    with strategy.scope():
        gan = GAN(config, generator_arguments(config, data))
    train_step = make_train_step(gan, make_objective(gan, config, data.classes.num_classes), config, strategy)
    batches = training_batches(data, config.data, config.train.global_batch_size, 0, 0, 1)
    batch = next(iter(strategy.experimental_distribute_dataset(batches)))
    return lambda: {name: float(value) for name, value in train_step(batch).items()}
