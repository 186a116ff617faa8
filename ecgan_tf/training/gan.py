"""The networks and optimizers of one run, and every variable that a checkpoint holds."""

import keras
import tensorflow as tf

from ecgan_tf.layers.layout import neighbourhoods_pay
from ecgan_tf.layers.recomputed import recompute
from ecgan_tf.methods import method_of
from ecgan_tf.runs.schedule import planned
from ecgan_tf.training.optimizers import make_optimizer


class GAN:
    """Generator, its moving average, discriminator(s), training-only heads, optimizers and step counter.

    Made inside `strategy.scope()`.

    Args:
        config: the run's.
        arguments: of the generator, from `Method.generator_arguments`.
        pieces: of the learning rates' schedule, see `ecgan_tf.runs.schedule`; None: the config's plan.
    Attributes:
        method: `Method` of the config.
        judges: list of `Judge`, the main discriminator's first.
    """

    def __init__(self, config, arguments, pieces=None):
        keras.config.set_dtype_policy(config.train.precision)
        name = config.model.name
        self.method = method_of(name)
        self.generator = self.method.make_generator(name, **arguments)
        self.ema_generator = self.method.make_generator(name, **arguments)
        layout = {key: arguments[key] for key in ("num_classes", "has_unknown", "has_boundaries")}
        self.judges = self.method.make_judges(config, layout)
        self.discriminators = {judge.name: judge.network for judge in self.judges}
        self.discriminator = self.judges[0].network
        self.heads = self.method.make_heads(config, self.generator)
        form, pay = config.train.layout_form, neighbourhoods_pay(config.train.jit_compile)
        pay &= config.train.update_order != "simultaneous"  # whose tape cannot go back through their branches
        for network in (self.generator, self.ema_generator, *self.discriminators.values(), *self.heads.values()):
            if hasattr(network, "by_neighbourhoods"):
                network.by_neighbourhoods = form == "neighbourhoods" or (form == "auto" and pay)
        recompute({"generator": self.generator}, config.train.recompute)
        for average, variable in zip(self.ema_generator.variables, self.generator.variables):
            average.assign(variable)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        pieces = pieces or planned(config.train.steps, config.optimizer.constant_fraction)
        self.generator_optimizer, self.discriminator_optimizer = (
            make_optimizer(rate, config.optimizer, pieces, config.train.precision, optimizer_name)
            for rate, optimizer_name in (
                (config.optimizer.generator_lr, "generator_adam"),
                (config.optimizer.discriminator_lr, "discriminator_adam"),
            )
        )
        self.generator_optimizer.build(self.generator_variables)
        self.discriminator_optimizer.build(self.discriminator_variables)

    @property
    def generator_variables(self):
        """What the generator's optimizer moves: the generator and the heads that exist in training only."""
        heads = [variable for head in self.heads.values() for variable in head.trainable_variables]
        return self.generator.trainable_variables + heads

    @property
    def discriminator_variables(self):
        """What the discriminator's optimizer moves."""
        return [variable for network in self.discriminators.values() for variable in network.trainable_variables]

    def named_variables(self):
        """Dictionary from name to variable of all that a checkpoint must hold."""
        parts = {
            "generator": self.generator.variables,
            "ema_generator": self.ema_generator.variables,
            **{name: network.variables for name, network in self.discriminators.items()},
            **{name: head.variables for name, head in self.heads.items()},
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        pairs = [(f"{part}/{v.path}", v.value) for part, variables in parts.items() for v in variables]
        named = dict(pairs)
        assert len(named) == len(pairs), "two variables share a name, and a checkpoint would lose one"
        return {**named, "step": self.step}
