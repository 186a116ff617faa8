"""Training steps of models that synthesise after exemplars."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.methods import METHODS
from ecgan_tf.training.gan import GAN


@pytest.fixture
def batch(toy_batch, rng):
    return {
        **toy_batch(2),
        "exemplar": tf.constant(rng.uniform(-1, 1, (2, 32, 32, 3)), tf.float32),
        "exemplar_labels": tf.reverse(toy_batch(2)["labels"], [0]),
        "has_target": tf.constant([1.0, 0.0]),
    }


class Data:
    has_unknown = has_boundaries = True

    class classes:  # noqa: N801
        num_classes = 3


GUIDED = {
    "msca": {
        "model.base_filters": 2,
        "model.attention_slots": (2, 3, 4, 4, 4),
    },
    "ecgan": {"model.use_exemplar": True, "model.base_filters": 2, "loss.contrastive": 0.0},
}


@pytest.mark.parametrize("name", GUIDED)
def test_a_step_moves_every_variable_by_finite_terms(name, batch, tiny_config, take_step, snapshot):
    config = tiny_config(name, **GUIDED[name], **{"loss.style": 1.0, "loss.reconstruction": 1.0})
    keras.utils.set_random_seed(0)
    gan = GAN(config, METHODS[name].generator_arguments(config, Data))
    before = snapshot(gan.generator.trainable_variables), snapshot(gan.discriminator.trainable_variables)
    terms = take_step(gan, batch, config)
    assert all(np.isfinite(value) for value in terms.values()) and terms["L_style"] > 0
    for variables, values in zip((gan.generator.trainable_variables, gan.discriminator.trainable_variables), before):
        still = [v.path for v, value in zip(variables, values) if np.array_equal(v, value)]
        assert not still
