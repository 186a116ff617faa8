"""Batches larger than the memory: a step whose gradients are summed over parts of the batch, one after another."""

import functools

import tensorflow as tf

from ecgan_tf.layers.spectral_conv import fixed_power_iterations
from ecgan_tf.training.optimizers import move
from ecgan_tf.training.step import TrainStep, compiled, end_step


def make_accumulated_step(gan, objective, config, strategy):
    """As `make_train_step`, for `config.train.accumulate` parts of each replica's batch.

    The gradients are those of the whole batch, with these departures: batch statistics, class weights, sampled regions
    and mixtures are of a part, on all replicas; moving statistics move, and the contrast's memory is written, once a
    part. Power iterations are made by the first part of a pass alone, as by a whole batch.
    """
    parts = config.train.accumulate
    step = TrainStep(gan, objective, parts * strategy.num_replicas_in_sync)
    halves = HALVES[config.train.update_order]
    phases = [Phase(half, moves, step, gan, strategy, config) for half, moves in halves]
    cut = functools.partial(part_of, parts=parts)
    finish = compiled(lambda batch: end_step(gan, config, strategy, batch, cut), config)

    def train_step(batch):
        terms = {}
        for phase in phases:
            terms |= phase(batch)
        finish(batch)
        return terms

    return train_step


class Phase:
    """Gradients of one or both optimizers, summed over the parts of a batch, and then their move.

    Args:
        half: function of a `TrainStep` and a batch to terms and, by optimizer's name, gradients.
        moves: names of the optimizers.
        step: `TrainStep` whose losses are shares of the whole batch's.
        gan, strategy, config: that the step is of.
    """

    def __init__(self, half, moves, step, gan, strategy, config):
        self.half, self.step, self.strategy, self.parts = half, step, strategy, config.train.accumulate
        self.optimizers = {
            name: (getattr(gan, f"{name}_optimizer"), getattr(gan, f"{name}_variables")) for name in moves
        }
        with strategy.scope():  # of each replica its own: they are added up where the optimizer applies them
            self.sums = {
                name: [
                    tf.Variable(
                        tf.zeros(variable.shape),
                        trainable=False,
                        synchronization=tf.VariableSynchronization.ON_READ,
                        aggregation=tf.VariableAggregation.SUM,
                    )
                    for variable in variables
                ]
                for name, (_, variables) in self.optimizers.items()
            }
        self._first, self._other = (compiled(self._part(moves), config) for moves in (True, False))
        self._apply = compiled(lambda: strategy.run(self._move), config)

    def __call__(self, batch):
        found = [(self._other if part else self._first)(batch, tf.constant(part)) for part in range(self.parts)]
        self._apply()
        return {name: tf.add_n([terms[name] for terms in found]) / self.parts for name in found[0]}

    def _part(self, moves_power_iterations):
        def of_replica(batch, part):
            with fixed_power_iterations(not moves_power_iterations):
                terms, gradients = self.half(self.step, part_of(batch, part, self.parts))
            for name, sums in self.sums.items():
                for total, gradient in zip(sums, gradients[name]):
                    if gradient is not None:
                        total.assign_add(tf.cast(tf.convert_to_tensor(gradient), tf.float32))
            return terms

        def of_all(batch, part):
            per_replica = self.strategy.run(of_replica, args=(batch, part))
            return {name: self.strategy.reduce("mean", value, axis=None) for name, value in per_replica.items()}

        return of_all

    def _move(self):
        for name, (optimizer, variables) in self.optimizers.items():
            gradients = [tf.identity(total) for total in self.sums[name]]
            move(optimizer, gradients, variables)
            with tf.control_dependencies(gradients):
                for total in self.sums[name]:
                    total.assign(tf.zeros_like(total))


def part_of(batch, part, parts):
    """The examples of one part of a replica's batch, of a known number."""

    def cut(tensor):
        size = tensor.shape[0] // parts
        return tf.ensure_shape(tensor[part * size : (part + 1) * size], (size, *tensor.shape[1:]))

    return tf.nest.map_structure(cut, batch)


def _generator_half(step, batch):
    terms, gradients = step.generator_gradients(batch)
    return terms, {"generator": gradients}


def _discriminator_half(step, batch):
    _, outputs = step.generate(batch)
    terms, gradients = step.discriminator_gradients(batch, outputs)
    return terms, {"discriminator": gradients}


def _both_halves(step, batch):
    terms, of_generator, of_discriminator = step.gradients_of_both(batch)
    return terms, {"generator": of_generator, "discriminator": of_discriminator}


# By the order of updates: what is computed of a part, and which optimizers it moves in the end.
HALVES = {
    "alternating": ((_generator_half, ("generator",)), (_discriminator_half, ("discriminator",))),
    "simultaneous": ((_both_halves, ("generator", "discriminator")),),
}
