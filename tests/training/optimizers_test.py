import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.runs.schedule import planned
from ecgan_tf.training.optimizers import PiecewiseLinear, learning_rate, make_optimizer, move


@pytest.mark.parametrize(("step", "rate"), [(0, 0.4), (6, 0.4), (7, 0.3), (8, 0.2), (9, 0.1), (10, 0.0), (11, 0.0)])
def test_the_rate_is_constant_then_falls_to_zero(step, rate):
    assert float(PiecewiseLinear(0.4, [(0, 6, 10, 1.0)])(step)) == pytest.approx(rate, abs=1e-7)


@pytest.mark.parametrize(("constant_steps", "rates"), [(0, [1.0, 0.5, 0.0]), (2, [1.0, 1.0, 0.0])])
def test_nothing_or_everything_constant(constant_steps, rates):
    schedule = PiecewiseLinear(1.0, [(0, constant_steps, 2, 1.0)])
    assert [float(schedule(step)) for step in range(3)] == rates


def test_a_schedule_is_rebuilt_from_its_config():
    config = PiecewiseLinear(0.4, [(0, 6, 10, 1.0)]).get_config()
    assert PiecewiseLinear.from_config(config).get_config() == config


@pytest.fixture
def optimizer_config(tiny_config):
    values = {"beta_1": 0.25, "beta_2": 0.75, "constant_fraction": 0.25}
    return tiny_config(**{f"optimizer.{key}": value for key, value in values.items()}).optimizer


def test_adam_is_set_up_by_the_config(optimizer_config):
    adam = make_optimizer(0.4, optimizer_config, planned(20, optimizer_config.constant_fraction), "float32", "adam")
    assert (adam.beta_1, adam.beta_2, adam.name) == (0.25, 0.75, "adam")
    assert learning_rate(adam) == pytest.approx(0.4)
    adam.build([keras.Variable(0.0)])
    adam.iterations.assign(10)  # of 20; constant for the first 5
    assert learning_rate(adam) == pytest.approx(0.4 * 10 / 15)


@pytest.mark.parametrize(("precision", "scales"), [("mixed_float16", True), ("mixed_bfloat16", False)])
def test_only_float16_scales_its_loss(optimizer_config, precision, scales):
    optimizer = make_optimizer(
        0.4, optimizer_config, planned(20, optimizer_config.constant_fraction), precision, "adam"
    )
    optimizer.build([keras.Variable(0.0)])
    assert (float(optimizer.scale_loss(1.0)) > 1) == scales
    assert learning_rate(optimizer) == pytest.approx(0.4)


def test_adam_without_momentum_is_adam(tiny_config, rng):
    config = tiny_config(**{"optimizer.beta_1": 0.0, "optimizer.beta_2": 0.9}).optimizer
    ours = make_optimizer(0.1, config, planned(20, 0.5), "float32", "ours")
    keras_own = keras.optimizers.Adam(PiecewiseLinear(0.1, planned(20, 0.5)), 0.0, 0.9, epsilon=1e-8)
    variables = [keras.Variable(np.ones((3, 2), "float32"), name=name) for name in ("ours", "keras_own")]
    for _ in range(4):
        gradient = rng.normal(size=(3, 2)).astype("float32")
        for optimizer, variable in zip((ours, keras_own), variables):
            optimizer.apply([gradient], [variable])
    np.testing.assert_allclose(variables[0], variables[1], rtol=1e-6)
    assert len(ours.variables) == len(keras_own.variables) - 1  # which is the first moment


def test_adam_without_momentum_is_rebuilt_from_its_config(tiny_config):
    config = tiny_config(**{"optimizer.beta_1": 0.0}).optimizer
    adam = make_optimizer(0.1, config, planned(20, 0.5), "float32", "adam")
    assert adam.__class__.from_config(adam.get_config()).get_config() == adam.get_config()


@pytest.mark.parametrize("spoilt", [(), (0,), (1,), (0, 1)])
def test_what_one_replica_must_leave_out_all_leave_out(spoilt, two_replicas):
    """Keras asks the first replica alone: an overflow on the other one would spoil the weights of both."""
    with two_replicas.scope():
        weight = keras.Variable(1.0)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.5), initial_scale=8.0)
        optimizer.build([weight])

    def step():
        replica = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.int32)
        overflows = tf.reduce_any([replica == each for each in spoilt]) if spoilt else False
        move(optimizer, [tf.where(overflows, np.float32("inf"), 8.0)], [weight])

    tf.function(lambda: two_replicas.run(step), autograph=False)()
    assert float(optimizer.dynamic_scale.numpy()) == (4.0 if spoilt else 8.0)
    assert float(weight.numpy()) == (1.0 if spoilt else 0.0)  # 1 - 0.5 * (1 + 1)
