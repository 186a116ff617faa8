import numpy as np

from ecgan_tf.methods import METHODS
from ecgan_tf.training.gan import GAN


def test_names_are_unique_and_complete(gan):
    parts = (gan.generator, gan.ema_generator, gan.discriminator, *gan.heads.values(),
             gan.generator_optimizer, gan.discriminator_optimizer)  # fmt: skip
    expected = [variable.value for part in parts for variable in part.variables] + [gan.step]
    named = gan.named_variables()
    assert len(named) == len(expected)
    assert {id(variable) for variable in named.values()} == {id(variable) for variable in expected}


def test_two_discriminators_of_one_kind_share_no_name(gan_config, generator_kwargs):
    gan = GAN(gan_config(**{"discriminator.separate_edge": True, "discriminator.image": True}), generator_kwargs)
    trained = sum(len(network.trainable_variables) for network in gan.discriminators.values())
    state = [name for name in gan.named_variables() if name.startswith("discriminator_optimizer/")]
    assert len(gan.discriminators) == 3 and len(state) == 1 + trained


def test_the_optimizers_keep_a_state_for_every_trainable_variable(gan):
    heads = [variable for head in gan.heads.values() for variable in head.trainable_variables]
    pairs = (
        (gan.generator_optimizer, gan.generator.trainable_variables + heads),
        (gan.discriminator_optimizer, gan.discriminator.trainable_variables),
    )
    for optimizer, variables in pairs:
        assert len(optimizer.variables) == 1 + len(variables)  # iterations; beta_1 is 0: the second moment of each


def test_the_average_starts_at_the_generator(gan, snapshot):
    average, generator = snapshot(gan.ema_generator.variables), snapshot(gan.generator.variables)
    for copy, value in zip(average, generator, strict=True):
        np.testing.assert_array_equal(copy, value)
    assert gan.ema_generator is not gan.generator


def test_the_rates_are_those_of_the_config(gan, gan_config):
    config = gan_config().optimizer
    rates = [float(optimizer.learning_rate) for optimizer in (gan.generator_optimizer, gan.discriminator_optimizer)]
    np.testing.assert_allclose(rates, [config.generator_lr, config.discriminator_lr], rtol=1e-6)


class Classes:
    num_classes = 5


class Dataset:
    classes, has_unknown, has_boundaries = Classes(), True, False


def test_generator_arguments_come_from_config_and_data(tiny_config):
    values = {
        "upsampling": "more",
        "widest": 4,
        "normalization": "instance",
        "semantic_skip": True,
        "head_initializer": "xavier_0.02",
        "use_edge": False,
        "edge_transfer": "image",
        "use_semantic_preserving": False,
        "use_exemplar": True,
        "use_vae": True,
    }
    config = tiny_config(**{f"model.{key}": value for key, value in values.items()}, **{"data.image_size": (64, 128)})
    assert METHODS["ecgan"].generator_arguments(config, Dataset()) == {
        "num_classes": 5, "image_size": (64, 128), "has_unknown": True, "has_boundaries": False,
        "base_filters": 8, "spade_hidden_filters": 8, "initializer": "he", "enlarging": "nearest",
        "noise": "none", **values,
    }  # fmt: skip
