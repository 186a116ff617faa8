"""How long a training step takes by the config, in the two orders of updates.

Example:
    python -m benchmarks.train_step --config=configs/ecgan_earth_tiles.py --config.data.image_size="(64, 64)"

Prints CPU seconds of a step in each order, and their ratio.
"""

import ml_collections
from absl import flags
from ml_collections import config_flags

from ecgan_tf import commands

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/.", lock_config=True)
REPEATS = flags.DEFINE_integer("repeats", 9, "Steps of each kind.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(config=CONFIG.value)
    commands.quiet_tensorflow()
    from benchmarks.timing import median_seconds

    steps = {order: make_step(commands.read_config(CONFIG), order) for order in ("alternating", "simultaneous")}
    seconds = median_seconds(steps, REPEATS.value)
    for order, value in seconds.items():
        commands.say(f"{order:13s} {value:.3f} CPU seconds a step")
    commands.say(f"simultaneous / alternating: {seconds['simultaneous'] / seconds['alternating']:.2f}")


def make_step(config, order):
    """A function that takes one training step of a fresh GAN, on one batch."""
    from ecgan_tf.data import open_dataset
    from ecgan_tf.data.pipeline import training_batches
    from ecgan_tf.training.gan import GAN, generator_arguments
    from ecgan_tf.training.loop import make_objective
    from ecgan_tf.training.step import make_train_step
    from ecgan_tf.training.strategy import make_strategy

    config = ml_collections.ConfigDict(config.to_dict())
    config.train.update_order = order
    data = open_dataset(config.data, "train")
    strategy = make_strategy(config.train.devices)
    with strategy.scope():
        gan = GAN(config, generator_arguments(config, data))
    train_step = make_train_step(gan, make_objective(gan, config, data.classes.num_classes), config, strategy)
    batches = training_batches(data, config.data, config.train.global_batch_size, 0, 0, 1)
    batch = next(iter(strategy.experimental_distribute_dataset(batches)))
    return lambda: {name: float(value) for name, value in train_step(batch).items()}


if __name__ == "__main__":
    commands.run(main, __doc__)
