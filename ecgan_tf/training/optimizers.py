"""Adam with two time scales and a rate that is constant, then falls linearly to zero, in one or more pieces."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.runs.schedule import share_at


@keras.saving.register_keras_serializable("ecgan_tf")
class PiecewiseLinear(keras.optimizers.schedules.LearningRateSchedule):
    """`rate` times the share of it that `pieces` give a step, see `ecgan_tf.runs.schedule`."""

    def __init__(self, rate, pieces):
        super().__init__()
        self.rate = rate
        self.pieces = [tuple(piece) for piece in pieces]

    def __call__(self, step):
        step = ops.cast(step, "float32")
        return self.rate * share_at(step, self.pieces, clip=ops.clip, where=ops.where)

    def get_config(self):
        return {"rate": self.rate, "pieces": self.pieces}


@keras.saving.register_keras_serializable("ecgan_tf")
class AdamWithoutMomentum(keras.optimizers.Adam):
    """Adam whose beta_1 is 0, as of every SPADE-like release: the first moment is the gradient, and is not stored."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, beta_1=0.0, **{key: value for key, value in kwargs.items() if key != "beta_1"})

    def build(self, var_list):
        if not self.built:
            keras.optimizers.Optimizer.build(self, var_list)
            self._velocities = self.add_optimizer_variables(var_list, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        gradient, rate = (ops.cast(each, variable.dtype) for each in (gradient, learning_rate))
        velocity = self._velocities[self._get_variable_index(variable)]
        self.assign_add(velocity, (ops.square(gradient) - velocity) * (1.0 - self.beta_2))
        power = ops.power(ops.cast(self.beta_2, variable.dtype), ops.cast(self.iterations + 1, variable.dtype))
        rate = rate * ops.sqrt(1.0 - power)
        self.assign_sub(variable, rate * gradient / (ops.sqrt(velocity) + self.epsilon))


def make_optimizer(rate, optimizer_config, pieces, precision, name):
    """Adam for one network; under mixed_float16 with a loss scale of its own.

    Args:
        rate: learning rate of the constant part.
        optimizer_config: config.optimizer.
        pieces: of the schedule, see `ecgan_tf.runs.schedule`.
        precision: config.train.precision.
    """
    schedule = PiecewiseLinear(rate, pieces)
    arguments = {"beta_2": optimizer_config.beta_2, "epsilon": 1e-8, "name": name}
    if optimizer_config.beta_1:
        adam = keras.optimizers.Adam(schedule, beta_1=optimizer_config.beta_1, **arguments)
    else:
        adam = AdamWithoutMomentum(schedule, **arguments)
    if precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(adam, name=f"{name}_loss_scale")
    return adam


def move(optimizer, gradients, variables):
    """Applies a replica's gradients, which the optimizer adds up over all replicas.

    Keras asks the first replica of a process whether its own are finite, and takes the answer for all of them: so a
    loss scale that is too large for one replica is made known to all before.
    """
    context = tf.distribute.get_replica_context()
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer) and context.num_replicas_in_sync > 1:
        overflows = 1.0 - tf.cast(optimizer.check_finite(gradients), tf.float32)
        somewhere = context.all_reduce(tf.distribute.ReduceOp.SUM, overflows) > 0
        spoilt = tf.where(somewhere, float("nan"), 0.0)  # all leave out what one must leave out
        gradients = [g if g is None else tf.convert_to_tensor(g) + tf.cast(spoilt, g.dtype) for g in gradients]
    optimizer.apply(gradients, variables)


def learning_rate(optimizer):
    """The rate of the step to come, as a float."""
    return float(getattr(optimizer, "inner_optimizer", optimizer).learning_rate)


def loss_scale(optimizer):
    """What the loss of the step to come is multiplied by, as a float; None without a loss scale."""
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return float(optimizer.dynamic_scale.numpy()) if scaled else None


def steps_left_out(optimizer, step):
    """How many of the steps so far did not move the weights, since a gradient overflowed; None without a loss scale."""
    return None if loss_scale(optimizer) is None else step - int(optimizer.iterations.numpy())
