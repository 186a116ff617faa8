"""One SPADE layer by neighbourhoods and cell by cell, over the share of distinct neighbourhoods: which is faster where?

Example:
    python -m benchmarks.neighbourhoods --size=64 --filters=256

Prints, for layouts from one class to noise, the shares of distinct 3x3 and 5x5 windows, the estimated work that
`ecgan_tf.layers.spade` compares with MOST_WORK, and CPU time by neighbourhoods over that of cells, forward alone and
with gradients. Both are forced; what a network takes is the better one.
"""

from functools import partial

from absl import flags

from ecgan_tf import cli, console

SIZE = flags.DEFINE_integer("size", 64, "Height and width.")
FILTERS = flags.DEFINE_integer("filters", 256, "Of what is modulated.")
LABELS = flags.DEFINE_integer("labels", 12, "Label ids.")
SEEDS_SHOWN = (1, 4, 16, 64, 256, 1024, 4096)  # regions in a layout: nearest of so many random points


def main(argv):
    cli.no_arguments(argv)
    console.quiet_tensorflow()
    import numpy as np
    import tensorflow as tf

    from benchmarks.timing import median_seconds
    from ecgan_tf.layers import spade
    from ecgan_tf.layers.layout import Layout

    size, filters = SIZE.value, FILTERS.value
    layer = spade.SPADE(LABELS.value)
    layer.build((1, size, size, filters))
    x = tf.random.normal((1, size, size, filters))
    weights = [variable.value for variable in layer.trainable_variables]

    def functions(most_work):
        """Forward, and forward and backward, traced under a constant that forces one branch."""

        def forward(labels):
            return layer(x, layout=Layout(labels, LABELS.value, by_neighbourhoods=True))

        def gradients(labels):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(forward(labels))
            return tape.gradient(loss, weights)

        compiled = [tf.function(function, autograph=False) for function in (forward, gradients)]
        kept, spade.MOST_WORK = spade.MOST_WORK, most_work
        for function in compiled:
            function.get_concrete_function(tf.TensorSpec((1, size, size), tf.int32))
        spade.MOST_WORK = kept
        return compiled

    by_neighbourhoods, by_cells = functions(float("inf")), functions(-1.0)
    console.say(f"by neighbourhoods / by cells at {size}x{size}, {filters} filters, {LABELS.value} label ids")
    console.say("regions    3x3    5x5   work   forward   with gradients")
    rows, columns = np.mgrid[:size, :size]
    for count in SEEDS_SHOWN:
        rng = np.random.default_rng(0)
        points = rng.uniform(0, size, (count, 2))
        distances = [(rows - row) ** 2 + (columns - column) ** 2 for row, column in points]
        labels = rng.integers(0, LABELS.value, count)[np.argmin(distances, axis=0)]
        labels = tf.constant(labels[None], tf.int32)
        near = Layout(labels, LABELS.value).cells.windows(3)
        wide = near.windows(3)
        ratios = []
        for fast, slow in zip(by_neighbourhoods, by_cells):
            seconds = median_seconds({"fast": partial(fast, labels), "slow": partial(slow, labels)}, 7)
            ratios.append(seconds["fast"] / seconds["slow"])
        work = near.share + spade.COST_OF_WIDE * wide.share
        shares = f"{float(near.share):6.3f} {float(wide.share):6.3f} {float(work):6.3f}"
        console.say(f"{count:7d} {shares}   {ratios[0]:7.2f}   {ratios[1]:14.2f}")


if __name__ == "__main__":
    cli.run(main, __doc__)
