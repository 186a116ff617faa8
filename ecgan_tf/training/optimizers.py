"""Adam with two time scales and a rate that is constant, then falls linearly to zero, in one or more pieces."""

import keras
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


def make_optimizer(rate, optimizer_config, pieces, precision, name):
    """Adam for one network; under mixed_float16 with a loss scale of its own.

    Args:
        rate: learning rate of the constant part.
        optimizer_config: config.optimizer.
        pieces: of the schedule, see `ecgan_tf.runs.schedule`.
        precision: config.train.precision.
    """
    schedule = PiecewiseLinear(rate, pieces)
    adam = keras.optimizers.Adam(
        schedule, beta_1=optimizer_config.beta_1, beta_2=optimizer_config.beta_2, epsilon=1e-8, name=name
    )
    if precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(adam, name=f"{name}_loss_scale")
    return adam


def learning_rate(optimizer):
    """The rate of the step to come, as a float."""
    return float(getattr(optimizer, "inner_optimizer", optimizer).learning_rate)
