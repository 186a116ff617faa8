"""Trains a config in a run folder: data, networks and run are opened, and the loop goes on to the last step."""

import contextlib
import os
from collections.abc import Sequence

import keras
import ml_collections
import tensorflow as tf

from ecgan_tf.atomic_files import remove_partials
from ecgan_tf.config import check_config
from ecgan_tf.config_keys import flatten
from ecgan_tf.console import progress_bar, say, speak_as
from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import layouts_to_keep
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.opening import NAMED_JUDGES
from ecgan_tf.methods.base import NAMED_VGG
from ecgan_tf.models.segmenter import predict_exemplars
from ecgan_tf.outputs import plan_folder
from ecgan_tf.runs.folder import RunFolder, model_description, plain
from ecgan_tf.runs.lock import locked
from ecgan_tf.training.cluster import Cluster, chief_may, find_cluster, readable_losses, tell
from ecgan_tf.training.dry_run import describe
from ecgan_tf.training.evaluations import make_measures
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.initial import begin, check_begin
from ecgan_tf.training.latents import with_latents
from ecgan_tf.training.loop import training_loop
from ecgan_tf.training.profiles import Profile
from ecgan_tf.training.strategy import check_batch, check_xla, make_strategy
from ecgan_tf.training.terms import say_missing_terms, with_missing_terms


def train(
    config: ml_collections.ConfigDict,
    workdir: str,
    rollback_to: int | None = None,
    dry_run: bool = False,
    task: int | None = None,
    profile_steps: Sequence[int] | None = None,
) -> None:
    """Trains or continues a run.

    Args:
        config: from `load_config` or a file of configs/.
        workdir: the run folder; one that was interrupted goes on, bit for bit as if it had not been.
        rollback_to: step of a checkpoint that the run goes back to, from where its learning rates may be others.
        dry_run: ends before anything is written: the request, its data and its networks are checked, and what it would
            be is said.
        task: which worker of `config.train.cluster` this process is; the first one alone writes.
        profile_steps: first and last step of a TensorFlow profile of the chief, written into the run's tensorboard/.
    Raises:
        RequestError: where the config, the data, the folder or the workers do not go together, before anything is
            written; or where another worker ends.
    """
    check_config(config)
    cluster = find_cluster(config.train.cluster, task)
    speak_as(cluster.words if cluster else "")
    workers = len(cluster.workers) if cluster else 1
    told = Cluster() if dry_run else cluster  # a dry run asks nobody
    if config.train.deterministic:
        keras.utils.set_random_seed(config.train.seed)  # without a seed random operators would be refused
        tf.config.experimental.enable_op_determinism()
    # Several before anything starts TensorFlow's runtime, after which they cannot be named.
    strategy = make_strategy(config.train.devices, told) if told else None
    config = with_absolute_paths(config)
    train_data, validation_data = (open_dataset(config.data, split) for split in ("train", "validation"))
    for data in (train_data, validation_data):
        predict_exemplars(data, config.data.get("exemplar_segmenter", ""))
    run, model = RunFolder(workdir), model_description(config, train_data)
    config = with_missing_terms(config, run.terms_to_miss)

    def check():
        run.check(config, model, rollback_to)
        if not run.steps:
            check_begin(config)

    with readable_losses(cluster, AGAIN):
        chief_may(strategy, told, check)
    for data in (train_data, validation_data):
        with_latents(data, config, model["arguments"])
        data.check(config.data.check_examples, progress_bar(f"reading the {data.split} split"))
    measures = make_measures(config, validation_data)
    strategy = strategy or make_strategy(config.train.devices)
    profile = Profile(run.file("tensorboard"), profile_steps, config.train.steps)
    profile = profile if cluster.is_chief else Profile()
    replicas = strategy.num_replicas_in_sync * (1 if told else workers)
    check_batch(config.train.global_batch_size, replicas, config.train.accumulate)
    check_xla(config.train.jit_compile, replicas)
    keras.utils.set_random_seed(config.train.seed)
    if dry_run:
        describe(config, model, run, train_data, validation_data, strategy, replicas)
        return
    # They set int8's ranges, which one odd code for a whole layout would make too wide: it has many codes.
    examples = layouts_to_keep(train_data, 32, class_codes=1.0)
    with contextlib.ExitStack() as held, readable_losses(cluster, AGAIN):

        def prepare():
            plan_folder(run.path, "workdir")
            held.enter_context(locked(run.path))
            run.check(config, model, rollback_to)  # what another process did in the meantime counts
            return begin_in(run, config, rollback_to)

        pieces, config = agree(strategy, cluster, chief_may(strategy, cluster, prepare), config)
        say(
            f"{train_data.words} to train on, {len(validation_data)} to look at; "
            f"{strategy.num_replicas_in_sync} replica(s) on {', '.join(strategy.extended.worker_devices)}"
            f"{' of this worker' if cluster else ''}"
        )
        say_missing_terms(config)
        if cluster.is_chief:
            run.start(config, model, layouts_to_keep(validation_data, 8), examples)
        with strategy.scope():
            gan = GAN(config, model["arguments"], pieces)
        if cluster.is_chief and not run.steps:  # outside of the scope, in which all workers make variables together
            begin(gan, config, examples, train_data.classes)
        training_loop(gan, strategy, train_data, validation_data, run, config, measures, cluster, profile)
        say_missing_terms(config)


AGAIN = "Unless another worker says why, start the same command on all of them: it goes on from the last checkpoint."
OF_A_WORKER = ("data.dir", "data.cache_gb", "train.cluster", "missing_terms")  # what may differ from the chief's


def begin_in(run, config, rollback_to):
    """Makes the locked folder of a run ready to begin or go on; returns the pieces of its schedule."""
    pieces, steps, line = run.schedule(config)
    remove_partials(run.path)
    if rollback_to is not None:
        run.roll_back(rollback_to)
    if line:
        say(line)
        run.keep_schedule(pieces, steps)
    return pieces


def agree(strategy, cluster, pieces, config):
    """The chief's schedule and the config of this worker, which must be the chief's.

    Raises:
        RequestError: with the keys that differ.
    """
    if not cluster:
        return pieces, config
    told = tell(strategy, cluster, {"pieces": pieces, "config": plain(config)})
    chiefs, own = flatten(told["config"]), flatten(plain(config))
    differ = [k for k in sorted({*chiefs, *own}) if chiefs.get(k) != own.get(k) and k not in OF_A_WORKER]
    if differ:
        shown = ", ".join(f"config.{key} is {own.get(key)!r}, the chief's {chiefs.get(key)!r}" for key in differ)
        raise RequestError(f"{cluster.words} was started with other settings than the chief: {shown}.")
    config = ml_collections.ConfigDict(config.to_dict())
    config.missing_terms = tuple(told["config"]["missing_terms"])
    return [tuple(piece) for piece in told["pieces"]], config.lock()


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
