"""Adam with two time scales and a rate that is constant, then falls linearly to zero."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("ecgan_tf")
class ConstantThenLinear(keras.optimizers.schedules.LearningRateSchedule):
    """`rate` for the first `constant_steps`, then a line that reaches 0 at `steps`."""

    def __init__(self, rate, constant_steps, steps):
        super().__init__()
        self.rate = rate
        self.constant_steps = constant_steps
        self.steps = steps

    def __call__(self, step):
        left = (self.steps - ops.cast(step, "float32")) / max(self.steps - self.constant_steps, 1)
        return self.rate * ops.clip(left, 0.0, 1.0)

    def get_config(self):
        return {"rate": self.rate, "constant_steps": self.constant_steps, "steps": self.steps}


def make_optimizer(rate, optimizer_config, steps, precision, name):
    """Adam for one network; under mixed_float16 with a loss scale of its own.

    Args:
        rate: learning rate of the constant part.
        optimizer_config: config.optimizer.
        steps: at which the rate reaches 0.
        precision: config.train.precision.
    """
    schedule = ConstantThenLinear(rate, int(steps * optimizer_config.constant_fraction), steps)
    adam = keras.optimizers.Adam(
        schedule, beta_1=optimizer_config.beta_1, beta_2=optimizer_config.beta_2, epsilon=1e-8, name=name
    )
    if precision == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(adam, name=f"{name}_loss_scale")
    return adam


def learning_rate(optimizer):
    """The rate of the step to come, as a float."""
    return float(getattr(optimizer, "inner_optimizer", optimizer).learning_rate)
