"""LGGAN's class branches over the number of classes: the plain loop, the dense and the look-up form.

Example:
    OMP_NUM_THREADS=1 python -m benchmarks.class_branches
    OMP_NUM_THREADS=1 python -m benchmarks.class_branches --train_step

Prints CPU time and peak memory of the branches and their fusion, forward alone and with gradients; with --train_step
the peak memory of a whole training step of LGGAN. Every row is measured in a process of its own.
"""

import resource
import subprocess
import sys

from absl import flags

from ecgan_tf import cli, console

SIZE = flags.DEFINE_integer("size", 128, "Height and width.")
FILTERS = flags.DEFINE_integer("filters", 64, "Channels of the features; of --train_step the base filters.")
KERNEL_SIZE = flags.DEFINE_integer("kernel_size", 7, "Of the class branches.")
CLASSES = flags.DEFINE_list("classes", ["12", "35", "150"], "Numbers of classes.")
FORMS = flags.DEFINE_list(
    "forms", ["plain", "dense", "lookup"], "plain: the release's loop over the classes, masked at the input."
)
REPEATS = flags.DEFINE_integer("repeats", 3, "Rounds; the median counts.")
TRAIN_STEP = flags.DEFINE_bool("train_step", False, "Measures a training step instead.")
ROW = flags.DEFINE_string("row", "", "Internal: the form and the number of classes of one row.")


def main(argv):
    cli.no_arguments(argv)
    if ROW.value:
        form, count = ROW.value.split(":")
        (measure_step if form == "step" else measure_branches)(form, int(count))
        return
    forms = ["step"] if TRAIN_STEP.value else FORMS.value
    what = "a training step" if TRAIN_STEP.value else f"{KERNEL_SIZE.value}x{KERNEL_SIZE.value} class branches"
    console.say(f"{what} at {SIZE.value}x{SIZE.value}, {FILTERS.value} filters, batch 1")
    console.say("classes   form     CPU seconds   with gradient   peak MB above start")
    for count in CLASSES.value:
        for form in forms:
            command = [sys.executable, "-m", "benchmarks.class_branches", *sys.argv[1:], f"--row={form}:{count}"]
            console.say(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.rstrip())


def measure_branches(form, count):
    """One row: time of the forward pass and with gradients, and the peak memory of both."""
    console.quiet_tensorflow()
    import tensorflow as tf

    from benchmarks.timing import median_seconds
    from ecgan_tf.layers.class_branches import ClassBranches

    mode = {"mask_mode": "input"} if form == "plain" else {"form": form}
    layer = ClassBranches(count, KERNEL_SIZE.value, **mode)
    layer.build((1, SIZE.value, SIZE.value, FILTERS.value))
    features = tf.random.normal((1, SIZE.value, SIZE.value, FILTERS.value))
    labels = tf.random.uniform((1, SIZE.value // 8, SIZE.value // 8), 0, count, tf.int32)
    labels = tf.repeat(tf.repeat(labels, 8, axis=1), 8, axis=2)

    def forward():
        return layer(features, branches=labels)["local_image"]

    def gradient():
        with tf.GradientTape() as tape:
            tape.watch(features)
            total = tf.reduce_sum(layer(features, branches=labels, training=True)["local_image"])
        return tape.gradient(total, [features, layer.kernel.value])

    start = peak_megabytes()
    functions = {
        "forward": tf.function(forward, autograph=False),
        "gradient": tf.function(gradient, autograph=False),
    }
    seconds = median_seconds(functions, REPEATS.value)
    memory = peak_megabytes() - start
    console.say(f"{count:7d}   {form:6s}   {seconds['forward']:11.2f}   {seconds['gradient']:13.2f}   {memory:19.0f}")


def measure_step(form, count):
    """One row: the second step of a training, whose first one is traced."""
    console.quiet_tensorflow()
    import types

    import tensorflow as tf

    from ecgan_tf.config import base_config
    from ecgan_tf.methods import METHODS
    from ecgan_tf.training.gan import GAN
    from ecgan_tf.training.step import make_train_step

    config = base_config("lggan")
    changes = {"model.base_filters": FILTERS.value, "data.image_size": (SIZE.value, SIZE.value),
               "loss.perceptual": 0.0, "train.global_batch_size": 1}  # fmt: skip
    config.update_from_flattened_dict(changes)
    classes = types.SimpleNamespace(num_classes=count)
    data = types.SimpleNamespace(classes=classes, has_unknown=False, has_boundaries=False)
    gan = GAN(config, METHODS["lggan"].generator_arguments(config, data))
    strategy = tf.distribute.get_strategy()
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    step = make_train_step(gan, objective, config, strategy)
    labels = tf.random.uniform((1, SIZE.value // 8, SIZE.value // 8), 0, count, tf.int32)
    batch = {
        "labels": tf.repeat(tf.repeat(labels, 8, axis=1), 8, axis=2),
        "image": tf.random.uniform((1, SIZE.value, SIZE.value, 3), -1.0, 1.0),
    }
    from benchmarks.timing import median_seconds

    start = peak_megabytes()
    seconds = median_seconds({"step": lambda: step(batch)}, 1)["step"]
    console.say(f"{count:7d}   {form:6s}   {'':11s}   {seconds:13.2f}   {peak_megabytes() - start:19.0f}")


def peak_megabytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    cli.run(main, __doc__)
