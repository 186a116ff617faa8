"""Gradients that are summed over parts of a batch are those of the whole batch."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

import ecgan_tf
from ecgan_tf.config import check_config, load_config
from ecgan_tf.errors import RequestError
from ecgan_tf.runs.checkpoints import load_checkpoint, save_checkpoint
from ecgan_tf.training.accumulation import make_accumulated_step
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.strategy import check_batch

RATE = 0.01


@pytest.fixture(scope="module")
def settings(gan_config):
    """Without what is of a part alone: statistics of a batch, and regions that are sampled from it."""

    def make(**values):
        return gan_config(**{"model.normalization": "instance", "loss.contrastive": 0.0, **values})

    return make


def networks(gan):
    parts = {"generator": gan.generator, **gan.heads, **gan.discriminators}
    return {f"{part}/{v.path}": v for part, network in parts.items() for v in network.variables}


@pytest.fixture(scope="module")
def gans(settings, generator_kwargs, two_replicas):
    """By the number of replicas: a strategy, and a GAN made under it. Both start alike."""

    def make(strategy):
        with strategy.scope():
            keras.utils.set_random_seed(0)
            return strategy, GAN(settings(), {**generator_kwargs, "normalization": "instance"})

    return {1: make(tf.distribute.get_strategy()), 2: make(two_replicas)}


@pytest.fixture
def step_of(gans, take_step, toy_batch):
    """A function of (replicas, config, make_step) to the terms of a first step, and how it moves every variable."""
    start = {name: np.array(variable.numpy()) for name, variable in networks(gans[1][1]).items()}

    def take(replicas, config, make_step):
        (strategy, gan), batch = gans[replicas], toy_batch(4)
        with strategy.scope():  # plain gradient descent, whose moves are the gradients
            gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))
        if replicas > 1:
            examples = tf.data.Dataset.from_tensors(batch).unbatch().batch(4)
            batch = next(iter(strategy.experimental_distribute_dataset(examples)))
        before = gan.step.numpy()
        try:
            terms = take_step(gan, batch, config, strategy, make_step)
            return terms, {name: variable.numpy() - start[name] for name, variable in networks(gan).items()}
        finally:
            for name, variable in networks(gan).items():
                variable.assign(start[name])
            gan.step.assign(before)

    return take


CASES = [("alternating", 1, 2), ("alternating", 1, 4), ("alternating", 2, 2), ("simultaneous", 1, 2)]


@pytest.mark.parametrize(("order", "replicas", "parts"), CASES)
def test_replicas_and_parts_add_up_to_the_whole(settings, step_of, order, replicas, parts):
    config = settings(**{"train.update_order": order, "train.accumulate": parts})
    terms, moves = step_of(1, config, make_train_step)
    summed_terms, summed = step_of(replicas, config, make_accumulated_step)
    assert terms.keys() == summed_terms.keys()
    for name, value in terms.items():
        assert summed_terms[name] == pytest.approx(value, rel=1e-4, abs=1e-5), name
    least = 1e-5 * np.linalg.norm([np.linalg.norm(move) for move in moves.values()])
    moved = {name for name, move in moves.items() if np.linalg.norm(move) > least}
    assert len(moved) > 0.6 * len(moves) and any(name.endswith("/u") for name in moved)
    for name, move in moves.items():  # of a bias before a normalisation the gradient is rounding noise
        bound = 1e-3 * np.linalg.norm(move) if name in moved else least
        assert np.linalg.norm(summed[name] - move) <= bound, name


# All ways to take a batch of 8 on one replica and on two; of several workers tests/training/cluster_test.py has two.
WAYS = [(1, 1), (1, 2), (1, 4), (1, 8), (2, 1), (2, 2), (2, 4)]


@pytest.fixture(scope="module")
def two_steps(gans, settings, take_step, toy_batch, tmp_path_factory):
    """A function of two of the WAYS, one for each of two steps, to what every variable is after both.

    Between the steps all that lives on is a checkpoint.
    """
    start = {name: np.array(variable.numpy()) for name, variable in networks(gans[1][1]).items()}
    batches = [toy_batch(8), toy_batch(8, seed=1)]

    def take(*ways):
        folder = str(tmp_path_factory.mktemp("checkpoints"))
        for step, ((replicas, parts), batch) in enumerate(zip(ways, batches, strict=True), 1):
            strategy, gan = gans[replicas]
            with strategy.scope():
                gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))
            for name, variable in networks(gan).items():
                variable.assign(start[name])
            held = {**networks(gan), "step": gan.step}
            gan.step.assign(0)
            if step > 1:
                load_checkpoint(folder, step - 1, held)
            config = settings(**{"train.accumulate": parts})
            if replicas > 1:
                examples = tf.data.Dataset.from_tensors(batch).unbatch().batch(8)
                batch = next(iter(strategy.experimental_distribute_dataset(examples)))
            take_step(gan, batch, config, strategy, make_accumulated_step if parts > 1 else make_train_step)
            save_checkpoint(folder, step, held, keep=1)
        return start, {name: variable.numpy() for name, variable in networks(gan).items()}

    return take


@pytest.fixture(scope="module")
def whole(two_steps):
    return two_steps((1, 1), (1, 1))[1]


@pytest.mark.slow
@pytest.mark.parametrize(("first", "then"), [*zip(WAYS, [*WAYS[1:], WAYS[0]])], ids=str)
def test_any_way_to_take_a_batch_goes_on_from_any_other(two_steps, whole, first, then):
    """Within 1e-2 of the move of each network over two steps.

    The first step alone is within 1e-3 of each variable's move, see above; the second one sees its rounding through
    normalisations over maps of four cells.
    """
    start, found = two_steps(first, then)
    difference, move = collections.Counter(), collections.Counter()
    for name, before in start.items():
        network = name.split("/")[0]
        difference[network] += float(np.sum((found[name] - whole[name]) ** 2))
        move[network] += float(np.sum((whole[name] - before) ** 2))
    assert {"generator", "discriminator"} <= difference.keys()
    for network, size in move.items():
        assert size > 0 and difference[network] ** 0.5 <= 1e-2 * size**0.5, network


def test_a_training_in_parts_goes_on_bit_for_bit(tmp_path):
    """As graphs, which the steps above are not."""
    settings = {"train.accumulate": 2, "train.global_batch_size": 4, "train.checkpoint_every": 1}
    config = load_config("ecgan_earth_tiles:toy", train__steps=2, **settings)
    newest = tmp_path / "run" / "checkpoints" / "step_00000002.npz"
    found = []
    for _ in range(2):
        ecgan_tf.train(config, str(tmp_path / "run"))
        found.append(dict(np.load(newest)))
        newest.unlink()
    assert found[0].keys() == found[1].keys()
    assert not [name for name, value in found[0].items() if not np.array_equal(value, found[1][name])]


def test_what_cannot_be_done_in_parts_is_refused(settings):
    with pytest.raises(RequestError, match="discriminator_first cannot do"):
        check_config(settings(**{"train.accumulate": 2, "train.update_order": "discriminator_first"}))
    check_batch(8, 2, 4)
    with pytest.raises(
        RequestError, match="8; it must be a multiple of the 2 replicas times config.train.accumulate=3"
    ):
        check_batch(8, 2, 3)
