"""Some training steps of an experiment, taken so that two ways of taking them can be compared."""

import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from ecgan_tf.config import keys_of, load_config
from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import training_batches
from ecgan_tf.doctor.children import note
from ecgan_tf.methods import method_of
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.latents import with_latents
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.strategy import check_batch
from ecgan_tf.training.terms import with_missing_terms

RATE = 0.01  # of plain gradient descent, by whose moves gradients are seen
SEED = 0


class Trial:
    """A GAN with fresh weights, always the same, and the first batches of its data.

    Args:
        experiment: name of a config whose data are at hand.
        strategy: of `make_strategy`.
        steps: how many batches there are.
        descent: whether both networks move by plain gradient descent, in place of the config's optimizers.
        values: of the config, by key; those of other methods are left out.
    """

    def __init__(self, experiment, strategy, steps=1, descent=True, **values):
        self.where = ", ".join(strategy.extended.worker_devices)
        note(f"making the networks on {self.where}")
        settings = {"train.seed": SEED, "train.accumulate": 1, "allow_missing_terms": True}
        self.settings = ", ".join(f"{key}={value}" for key, value in values.items()) or "the config's settings"
        config = load_config(experiment, **settings)
        if experiment.endswith("toy"):
            config.train.global_batch_size = 8  # of two tiny layouts, normalisation amplifies rounding
        known = keys_of(config.model.name)
        config.update_from_flattened_dict({key: value for key, value in values.items() if key in known})
        self.config = with_missing_terms(config)
        size = self.config.train.global_batch_size
        check_batch(size, strategy.num_replicas_in_sync)
        data = open_dataset(self.config.data, "train")
        arguments = method_of(self.config.model.name).generator_arguments(self.config, data)
        with_latents(data, self.config, arguments)
        keras.utils.set_random_seed(SEED)
        with strategy.scope():
            self.gan = GAN(self.config, arguments)
            if descent:
                self._descend()
        gan = self.gan
        self.objective = gan.method.make_objective(self.config, gan.generator, gan.judges, gan.heads)
        self.variables = gan.named_variables()
        self.start = self.values()
        self._step = make_train_step(gan, self.objective, self.config, strategy)
        batches = training_batches(data, self.config.data, size, SEED, 0, steps)
        self.batches = list(strategy.experimental_distribute_dataset(batches))

    def _descend(self):
        gan = self.gan
        gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))
        gan.generator_optimizer.build(gan.generator_variables)
        gan.discriminator_optimizer.build(gan.discriminator_variables)

    def values(self):
        """Every variable's present value, by name."""
        return {name: np.array(variable.numpy()) for name, variable in self.variables.items()}

    def take(self):
        """Takes a step by each batch.

        Returns:
            the terms of each step, dictionaries of floats; and the seconds of the median step, the first left out,
            which makes the graph.
        """
        terms, seconds = [], []
        for step, batch in enumerate(self.batches, 1):
            note(f"taking step {step} on {self.where} with {self.settings}")
            began = time.monotonic()
            terms.append({name: float(value) for name, value in self._step(batch).items()})
            seconds.append(time.monotonic() - began)
        return terms, round(statistics.median(seconds[1:] or seconds), 4)

    def again(self):
        """Gives every variable the value that it began with."""
        for name, variable in self.variables.items():
            variable.assign(self.start[name])


def apart(one, other, start):
    """How far two ways of moving are apart, by network: the norm of the difference over that of the move.

    Args:
        one, other, start: of `Trial.values`, of GANs whose variables stand in the same order.
    """
    difference, move = {}, {}
    for name, mine, theirs, before in zip(one, one.values(), other.values(), start.values(), strict=True):
        network = name.split("/")[0]
        if network in ("step", "ema_generator") or network.endswith("_optimizer"):
            continue
        difference[network] = difference.get(network, 0.0) + np.sum((np.float64(mine) - theirs) ** 2)
        move[network] = move.get(network, 0.0) + np.sum((np.float64(mine) - before) ** 2)
    return {name: float(np.sqrt(difference[name] / move[name])) for name in move if move[name]}


def terms_apart(one, other):
    """The largest difference of a term, of its size where that is above 1."""
    return max(abs(one[name] - other[name]) / max(1.0, abs(other[name])) for name in one)


def devices(kind="GPU"):
    """Names of the GPUs, or of CPUs."""
    return [device.name.split("physical_device:")[-1] for device in tf.config.list_physical_devices(kind)]
