"""What each ablation's training step costs, against B1's.

Example:
    ecgan segmenter --config=configs/ablations_earth_tiles.py:B5 --output=runs/segmenter.npz
    python -m benchmarks.ablations --segmenter=runs/segmenter.npz

Prints CPU seconds of a step and their ratio to B1's.
"""

from absl import flags

from ecgan_tf import cli, console

SEGMENTER = flags.DEFINE_string("segmenter", None, "Label generator of B5 to B7, from `ecgan segmenter`.")
REPEATS = flags.DEFINE_integer("repeats", 7, "Steps of each.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(segmenter=SEGMENTER.value)
    console.quiet_tensorflow()
    from ecgan_tf.configs.ablations_earth_tiles import VARIANTS, get_config

    from benchmarks.steps import make_step
    from benchmarks.timing import median_seconds
    from ecgan_tf.training.strategy import make_strategy

    strategy, steps = make_strategy(""), {}
    for variant in VARIANTS:
        config = get_config(variant)
        config.loss.segmenter = SEGMENTER.value
        steps[variant] = make_step(config, strategy)
        console.say(f"made {variant}")
    seconds = median_seconds(steps, REPEATS.value)
    for variant, value in seconds.items():
        console.say(f"{variant}  {value:.3f} CPU seconds a step, {value / seconds['B1']:.2f} of B1's")


if __name__ == "__main__":
    cli.run(main, __doc__)
