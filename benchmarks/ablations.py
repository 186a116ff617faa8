"""What each ablation's training step costs, against B1's.

Example:
    python -m ecgan_tf.train_segmenter --config=configs/ablations_earth_tiles.py:B5 --output=runs/segmenter.npz
    python -m benchmarks.ablations --segmenter=runs/segmenter.npz

Prints CPU seconds of a step and their ratio to B1's.
"""

from absl import flags

from ecgan_tf import commands

SEGMENTER = flags.DEFINE_string("segmenter", None, "Label generator of B5 to B7, from ecgan_tf.train_segmenter.")
REPEATS = flags.DEFINE_integer("repeats", 7, "Steps of each.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(segmenter=SEGMENTER.value)
    commands.quiet_tensorflow()
    from benchmarks.steps import make_step
    from benchmarks.timing import median_seconds
    from configs.ablations_earth_tiles import VARIANTS, get_config
    from ecgan_tf.training.strategy import make_strategy

    strategy, steps = make_strategy(""), {}
    for variant in VARIANTS:
        config = get_config(variant)
        config.loss.segmenter = SEGMENTER.value
        steps[variant] = make_step(config, strategy)
        commands.say(f"made {variant}")
    seconds = median_seconds(steps, REPEATS.value)
    for variant, value in seconds.items():
        commands.say(f"{variant}  {value:.3f} CPU seconds a step, {value / seconds['B1']:.2f} of B1's")


if __name__ == "__main__":
    commands.run(main, __doc__)
