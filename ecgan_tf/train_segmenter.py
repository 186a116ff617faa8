"""Trains a small segmenter on a data set's training split: the label generator of ECGAN's similarity loss.

Example:
    python -m ecgan_tf.train_segmenter --config=configs/ecgan_earth_tiles.py --output=runs/segmenter.npz
    python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=runs/earth \
        --config.loss.segmenter=runs/segmenter.npz

It sees photographs at the config's size, and stops after --steps; the mIoU on the validation split is printed.
"""

import os

import numpy as np
from absl import flags
from ml_collections import config_flags

from ecgan_tf import commands
from ecgan_tf.commands import RequestError, say

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, for its data set.", lock_config=True)
OUTPUT = flags.DEFINE_string("output", None, "The .npz to write.")
STEPS = flags.DEFINE_integer("steps", 1000, "Training steps.", lower_bound=1)
BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Photographs a step.", lower_bound=1)


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(config=CONFIG.value, output=OUTPUT.value)
    config = commands.read_config(CONFIG)
    if not OUTPUT.value.endswith(".npz"):
        raise RequestError(f"--output={OUTPUT.value}: the file must end in .npz.")

    from ecgan_tf.config import check_config
    from ecgan_tf.data import open_dataset

    check_config(config)
    train_data, validation_data = (open_dataset(config.data, split) for split in ("train", "validation"))

    commands.quiet_tensorflow()
    import keras

    from ecgan_tf.files import atomic_path
    from ecgan_tf.models.segmenter import Segmenter
    from ecgan_tf.training.label_generator import segmenter_arrays

    keras.utils.set_random_seed(config.train.seed)
    segmenter = Segmenter(train_data.classes.num_classes, name="segmenter")
    segmenter.build()
    train(segmenter, train_data, config)
    accuracy, mean_iou = score(segmenter, validation_data, config)
    with atomic_path(OUTPUT.value) as temporary:
        np.savez(temporary, **segmenter_arrays(segmenter))
    say(f"{OUTPUT.value}: pixel accuracy {accuracy:.3f}, mIoU {mean_iou:.3f} on {len(validation_data)} photographs")
    say(f"use it with --config.loss.segmenter={os.path.abspath(OUTPUT.value)}")


def train(segmenter, data, config):
    """Cross-entropy with Adam and a cosine schedule; unknown pixels do not count."""
    import keras
    import tensorflow as tf

    from ecgan_tf.data.pipeline import training_batches
    from ecgan_tf.losses.labels import label_cross_entropy

    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, STEPS.value))
    optimizer.build(segmenter.trainable_variables)

    @tf.function(autograph=False)
    def step(batch):
        with tf.GradientTape() as tape:
            logits = segmenter(batch["image"], training=True)
            loss = tf.reduce_mean(label_cross_entropy(logits, batch["labels"][:, ::4, ::4]))
        values = [variable.value for variable in segmenter.trainable_variables]
        optimizer.apply(tape.gradient(loss, values), segmenter.trainable_variables)
        return loss

    batches = training_batches(data, config.data, BATCH_SIZE.value, config.train.seed, 0, STEPS.value)
    for done, batch in enumerate(batches, start=1):
        loss = step(batch)
        if done % 100 == 0 or done == STEPS.value:
            say(f"step {done}/{STEPS.value} | cross-entropy {float(loss):.3f}")


def score(segmenter, data, config):
    """Pixel accuracy and mIoU on a split, at a quarter of the image's size."""
    from ecgan_tf.data.pipeline import validation_batches

    num_classes = segmenter.num_classes
    confusion = np.zeros((num_classes, num_classes), np.int64)
    for batch in validation_batches(data, config.data, BATCH_SIZE.value):
        labels = batch["labels"].numpy()[:, ::4, ::4]
        predicted = np.argmax(segmenter(batch["image"]), axis=-1)
        known = labels < num_classes
        np.add.at(confusion, (labels[known], predicted[known]), 1)
    hits = np.diag(confusion)
    union = confusion.sum(axis=0) + confusion.sum(axis=1) - hits
    return hits.sum() / confusion.sum(), (hits[union > 0] / union[union > 0]).mean()


if __name__ == "__main__":
    commands.run(main, __doc__)
