"""One GAN for all tests of training, since making one takes seconds; each test finds it as it was made."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.training.gan import GAN
from ecgan_tf.training.step import make_train_step


@pytest.fixture(scope="session")
def gan_config(tiny_config):
    """With every term that needs no file. The warm-up is short, so that L_c counts from the first step."""

    def make(**values):
        return tiny_config(**{"loss.reconstruction": 5.0, "loss.contrastive_warmup_steps": 2, **values})

    return make


@pytest.fixture(scope="session")
def generator_kwargs():
    return {
        "num_classes": 3,
        "image_size": (32, 32),
        "has_unknown": True,
        "has_boundaries": True,
        "base_filters": 8,
        "spade_hidden_filters": 8,
        "initializer": "he",
        "head_initializer": "he",
    }


@pytest.fixture(scope="session")
def new_gan(gan_config, generator_kwargs):
    keras.utils.set_random_seed(0)
    gan = GAN(gan_config(), generator_kwargs)
    return gan, dict(vars(gan)), values_of(gan)


@pytest.fixture(scope="session")
def reset(new_gan):
    """Gives the GAN as it was made, its optimizers included."""

    def reset():
        gan, attributes, values = new_gan
        vars(gan).update(attributes)
        for name, variable in gan.named_variables().items():
            variable.assign(values[name])
        return gan

    return reset


@pytest.fixture
def gan(reset):
    return reset()


@pytest.fixture(scope="session")
def take_step():
    """One train step, eagerly: tracing it takes longer than a few eager ones. Returns the terms as floats."""

    def take(gan, batch, config, strategy=None, make_step=make_train_step):
        objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
        tf.config.run_functions_eagerly(True)
        try:
            step = make_step(gan, objective, config, strategy or tf.distribute.get_strategy())
            return {name: float(value) for name, value in step(batch).items()}
        finally:
            tf.config.run_functions_eagerly(False)

    return take


@pytest.fixture(scope="session")
def values():
    return values_of


def values_of(gan):
    """Dictionary from name to the present value of every variable of a GAN."""
    return {name: np.array(variable.numpy()) for name, variable in gan.named_variables().items()}
