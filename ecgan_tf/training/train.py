"""Trains a config in a run folder: data, networks and run are opened, and the loop goes on to the last step."""

import keras
import ml_collections

from ecgan_tf.config import check_config
from ecgan_tf.console import progress_bar, say
from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import layouts_to_keep
from ecgan_tf.runs.folder import RunFolder, model_description
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.loop import training_loop
from ecgan_tf.training.strategy import check_batch, make_strategy


def train(config: ml_collections.ConfigDict, workdir: str) -> None:
    """Trains or continues a run.

    Args:
        config: from `load_config` or a file of configs/.
        workdir: the run folder; one that was interrupted goes on, bit for bit as if it had not been.
    Raises:
        RequestError: where the config, the data or the folder do not go together, before anything is written.
    """
    check_config(config)
    train_data, validation_data = (open_dataset(config.data, split) for split in ("train", "validation"))
    for data in (train_data, validation_data):
        data.check(config.data.check_examples, progress_bar(f"reading the {data.split} split"))
    strategy = make_strategy(config.train.devices)
    check_batch(config.train.global_batch_size, strategy)
    keras.utils.set_random_seed(config.train.seed)
    say(
        f"{len(train_data)} photographs to train on, {len(validation_data)} to look at; "
        f"{strategy.num_replicas_in_sync} replica(s) on {', '.join(strategy.extended.worker_devices)}"
    )
    run, model = RunFolder(workdir), model_description(config, train_data)
    run.start(config, model, layouts_to_keep(validation_data, 8), layouts_to_keep(train_data, 32))
    with strategy.scope():
        gan = GAN(config, model["arguments"])
    training_loop(gan, strategy, train_data, validation_data, run, config)
