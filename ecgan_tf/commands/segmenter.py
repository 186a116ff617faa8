"""Trains a small segmenter on a data set's training split: a judge, or the label generator of ECGAN's similarity loss.

Example:
    ecgan segmenter --config=ecgan_earth_tiles --output=runs/judge.npz --stride=1 --config.train.seed=1
    ecgan evaluate --model=runs/earth --judge=runs/judge.npz --output=evaluated
    ecgan segmenter --config=ecgan_earth_tiles --output=runs/segmenter.npz
    ecgan train --config=ecgan_earth_tiles --workdir=runs/earth --config.loss.segmenter=runs/segmenter.npz

It sees photographs at the config's size, and stops after --steps; its mIoU on the validation split's photographs is
printed, which is the ceiling of what it can say of pictures. A network that a loss used judges nothing: train two, of
other seeds.
"""

import os

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
OUTPUT = flags.DEFINE_string("output", None, "The .npz to write.")
STEPS = flags.DEFINE_integer("steps", 1000, "Training steps.", lower_bound=1)
STRIDE = flags.DEFINE_enum("stride", "4", ["1", "4"], "Of its labels: 4 for a label generator, 1 for a judge.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 8, "Photographs a step.", lower_bound=1)


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(config=CONFIG.value, output=OUTPUT.value)
    config = cli.read_config(CONFIG)
    console.quiet_tensorflow()
    from ecgan_tf.training.segmenter import train_segmenter

    train_segmenter(config, OUTPUT.value, STEPS.value, BATCH_SIZE.value, int(STRIDE.value))
    path = os.path.abspath(OUTPUT.value)
    console.say(f"use it with --config.loss.segmenter={path}, or to measure with --judge={path}")
