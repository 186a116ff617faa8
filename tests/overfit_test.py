"""Spec, section 12: a network that learns can synthesise eight photographs by heart."""

import json

import pytest

from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import layouts_to_keep
from ecgan_tf.runs.folder import RunFolder, model_description
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.loop import training_loop
from ecgan_tf.training.strategy import make_strategy


@pytest.mark.slow
def test_eight_photographs_are_learnt_by_heart(tiny_config, tmp_path):
    config = tiny_config(**{
        "data.limit": 8, "data.flip": False, "loss.reconstruction": 10.0, "loss.contrastive": 0.0,
        "loss.class_pixel": 0.0, "loss.label_loss": "none", "train.update_order": "simultaneous",
        "optimizer.generator_lr": 1e-3, "optimizer.discriminator_lr": 1e-3, "train.steps": 400,
        "train.global_batch_size": 8, "train.log_every": 50, "train.devices": "CPU:0",
    })  # fmt: skip
    data, validation = open_dataset(config.data, "train"), open_dataset(config.data, "validation")
    run = RunFolder(tmp_path)
    model = model_description(config, data)
    run.start(config, model, layouts_to_keep(validation, 8))
    strategy = make_strategy("CPU:0")
    with strategy.scope():
        gan = GAN(config, model["arguments"])
    training_loop(gan, strategy, data, validation, run, config)
    last = json.loads(run_lines(run)[-1])
    assert last["L_1^I''"] < 0.1


def run_lines(run):
    with open(run.file("metrics.jsonl"), encoding="utf-8") as file:
        return file.read().splitlines()
