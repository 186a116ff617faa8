"""Trains a config in a run folder: data, networks and run are opened, and the loop goes on to the last step."""

import os

import keras
import ml_collections

from ecgan_tf.atomic_files import remove_partials
from ecgan_tf.config import check_config
from ecgan_tf.console import progress_bar, say
from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import layouts_to_keep
from ecgan_tf.evaluation.networks.opening import NAMED_JUDGES
from ecgan_tf.methods.base import NAMED_VGG
from ecgan_tf.models.segmenter import predict_exemplars
from ecgan_tf.outputs import plan_folder
from ecgan_tf.runs.folder import RunFolder, model_description
from ecgan_tf.runs.lock import locked
from ecgan_tf.training.dry_run import describe
from ecgan_tf.training.evaluations import make_measures
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.initial import begin, check_begin
from ecgan_tf.training.latents import with_latents
from ecgan_tf.training.loop import training_loop
from ecgan_tf.training.strategy import check_batch, check_cluster, make_strategy
from ecgan_tf.training.terms import say_missing_terms, with_missing_terms


def train(
    config: ml_collections.ConfigDict, workdir: str, rollback_to: int | None = None, dry_run: bool = False
) -> None:
    """Trains or continues a run.

    Args:
        config: from `load_config` or a file of configs/.
        workdir: the run folder; one that was interrupted goes on, bit for bit as if it had not been.
        rollback_to: step of a checkpoint that the run goes back to, from where its learning rates may be others.
        dry_run: ends before anything is written: the request, its data and its networks are checked, and what it would
            be is said.
    Raises:
        RequestError: where the config, the data or the folder do not go together, before anything is written.
    """
    check_config(config)
    check_cluster()
    config = with_absolute_paths(config)
    train_data, validation_data = (open_dataset(config.data, split) for split in ("train", "validation"))
    for data in (train_data, validation_data):
        predict_exemplars(data, config.data.get("exemplar_segmenter", ""))
    run, model = RunFolder(workdir), model_description(config, train_data)
    config = with_missing_terms(config, run.terms_to_miss)
    run.check(config, model, rollback_to)
    if not run.steps:
        check_begin(config)
    for data in (train_data, validation_data):
        with_latents(data, config, model["arguments"])
        data.check(config.data.check_examples, progress_bar(f"reading the {data.split} split"))
    measures = make_measures(config, validation_data)
    strategy = make_strategy(config.train.devices)
    check_batch(config.train.global_batch_size, strategy)
    keras.utils.set_random_seed(config.train.seed)
    if dry_run:
        describe(config, model, run, train_data, validation_data, strategy)
        return
    plan_folder(run.path, "workdir")
    with locked(run.path):
        run.check(config, model, rollback_to)  # what another process did in the meantime counts
        pieces, steps, line = run.schedule(config)
        remove_partials(run.path)
        say(
            f"{train_data.words} to train on, {len(validation_data)} to look at; "
            f"{strategy.num_replicas_in_sync} replica(s) on {', '.join(strategy.extended.worker_devices)}"
        )
        say_missing_terms(config)
        if rollback_to is not None:
            run.roll_back(rollback_to)
        if line:
            say(line)
            run.keep_schedule(pieces, steps)
        # They set int8's ranges, which one odd code for a whole layout would make too wide: it has many codes.
        examples = layouts_to_keep(train_data, 32, class_codes=1.0)
        run.start(config, model, layouts_to_keep(validation_data, 8), examples)
        with strategy.scope():
            gan = GAN(config, model["arguments"], pieces)
            if not run.steps:
                begin(gan, config, examples, train_data.classes)
        training_loop(gan, strategy, train_data, validation_data, run, config, measures)
        say_missing_terms(config)


PATHS = (
    "data.dir",
    "data.exemplar_segmenter",
    "data.selection",
    "loss.distill_from",
    "loss.segmenter",
    "loss.vgg_weights",
    "train.exemplar_weights",
    "train.init_from",
    "train.judge",
)


def with_absolute_paths(config):
    """The config with its paths as they are from here, so that a run goes on from whatever folder it is started in."""
    config = ml_collections.ConfigDict(config.to_dict()).lock()
    names = (*NAMED_VGG, *NAMED_JUDGES)
    for key in PATHS:
        section, name = key.split(".")
        path = config[section].get(name)
        if path and path not in names:
            config[section][name] = os.path.abspath(os.path.expanduser(path))
    return config
