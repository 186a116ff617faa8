"""The two forms of `LabelConv2D`, dense and look-up, over the number of labels: which is faster where?

Example:
    python -m benchmarks.label_conv

Prints CPU time of the look-up form over that of the dense one, forward alone and with the kernel's gradient.
"""

from absl import flags

from ecgan_tf import cli, console

SIZE = flags.DEFINE_integer("size", 64, "Height and width.")
FILTERS = flags.DEFINE_integer("filters", 128, "Output channels.")


def main(argv):
    cli.no_arguments(argv)
    console.quiet_tensorflow()
    import tensorflow as tf

    from benchmarks.timing import median_seconds
    from ecgan_tf.layers.label_conv import LabelConv2D
    from ecgan_tf.layers.layout import Layout

    def forward_of(form, count):
        layer = LabelConv2D(FILTERS.value, count, form=form)
        layer.build()
        labels = tf.random.uniform((4, SIZE.value // 8, SIZE.value // 8), 0, count, tf.int32)
        labels = tf.repeat(tf.repeat(labels, 8, axis=1), 8, axis=2)

        def forward():
            return layer(layout=Layout(labels, count))

        def gradient():
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(forward())
            return tape.gradient(loss, layer.kernel.value)

        return tf.function(forward, autograph=False), tf.function(gradient, autograph=False)

    console.say(f"look-up time / dense time at {SIZE.value}x{SIZE.value}, {FILTERS.value} filters, batch 4")
    console.say("labels   forward   with gradient")
    for count in (12, 35, 64, 96, 151, 183):
        dense, lookup = forward_of("dense", count), forward_of("lookup", count)
        ratios = []
        for index in (0, 1):
            seconds = median_seconds({"dense": dense[index], "lookup": lookup[index]})
            ratios.append(seconds["lookup"] / seconds["dense"])
        console.say(f"{count:6d}   {ratios[0]:7.2f}   {ratios[1]:13.2f}")


if __name__ == "__main__":
    cli.run(main, __doc__)
