"""How long a training step takes by the config, in the two orders of updates.

Example:
    python -m benchmarks.train_step --config=configs/ecgan_earth_tiles.py --config.data.image_size="(64, 64)"

Prints CPU seconds of a step in each order, and their ratio.
"""

import ml_collections
from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/.", lock_config=True)
REPEATS = flags.DEFINE_integer("repeats", 9, "Steps of each kind.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(config=CONFIG.value)
    console.quiet_tensorflow()
    from benchmarks.steps import make_step
    from benchmarks.timing import median_seconds
    from ecgan_tf.training.strategy import make_strategy

    strategy, steps = make_strategy(CONFIG.value.train.devices), {}
    for order in ("alternating", "simultaneous"):
        config = ml_collections.ConfigDict(cli.read_config(CONFIG).to_dict())
        config.train.update_order = order
        steps[order] = make_step(config, strategy)
    seconds = median_seconds(steps, REPEATS.value)
    for order, value in seconds.items():
        console.say(f"{order:13s} {value:.3f} CPU seconds a step")
    console.say(f"simultaneous / alternating: {seconds['simultaneous'] / seconds['alternating']:.2f}")


if __name__ == "__main__":
    cli.run(main, __doc__)
