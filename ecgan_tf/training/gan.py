"""The networks and optimizers of one run, and every variable that a checkpoint holds."""

import keras
import tensorflow as tf

from ecgan_tf.models import make_discriminator, make_generator
from ecgan_tf.models.pixel_embedding import PixelEmbedding
from ecgan_tf.training.optimizers import make_optimizer

DISCRIMINATOR_OF = {"ecgan": "multiscale"}


def generator_arguments(config, dataset):
    """What `make_generator` takes for this config and data set: plain values, kept in the run folder.

    Args:
        config: the run's.
        dataset: anything with `classes.num_classes`, `has_unknown`, `has_boundaries`.
    """
    model = config.model
    return {
        "num_classes": dataset.classes.num_classes,
        "image_size": tuple(config.data.image_size),
        "has_unknown": dataset.has_unknown,
        "has_boundaries": dataset.has_boundaries,
        "base_filters": model.base_filters,
        "spade_hidden_filters": model.spade_hidden_filters,
        "upsampling": model.upsampling,
        "normalization": model.normalization,
        "initializer": model.initializer,
        "head_initializer": model.head_initializer,
        "semantic_skip": model.semantic_skip,
    }


def model_description(config, dataset):
    """What model.json holds: all that is needed to open the generator and to read layouts for it."""
    return {
        "name": config.model.name,
        "arguments": generator_arguments(config, dataset),
        "classes": dataset.classes.to_dict(),
    }


class GAN:
    """Generator, its moving average, discriminator, training-only heads, optimizers and step counter.

    Made inside `strategy.scope()`.

    Args:
        config: the run's.
        generator_kwargs: from `generator_arguments`.
    """

    def __init__(self, config, generator_kwargs):
        keras.config.set_dtype_policy(config.train.precision)
        name = config.model.name
        self.generator = make_generator(name, **generator_kwargs)
        self.ema_generator = make_generator(name, **generator_kwargs)
        layout_kwargs = {key: generator_kwargs[key] for key in ("num_classes", "has_unknown", "has_boundaries")}
        self.discriminator = make_discriminator(
            DISCRIMINATOR_OF[name],
            **layout_kwargs,
            base_filters=config.discriminator.base_filters,
            num_scales=config.discriminator.num_scales,
            initializer=config.model.initializer,
        )
        self.embedding = None
        if config.loss.contrastive:
            self.embedding = PixelEmbedding(
                config.model.base_filters, stride=config.loss.contrastive_stride, name="embedding"
            )
            self.embedding.build()
        for average, variable in zip(self.ema_generator.variables, self.generator.variables):
            average.assign(variable)
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.generator_optimizer, self.discriminator_optimizer = (
            make_optimizer(rate, config.optimizer, config.train.steps, config.train.precision, optimizer_name)
            for rate, optimizer_name in (
                (config.optimizer.generator_lr, "generator_adam"),
                (config.optimizer.discriminator_lr, "discriminator_adam"),
            )
        )
        self.generator_optimizer.build(self.generator_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)

    @property
    def generator_variables(self):
        """What the generator's optimizer moves: the generator and the heads that exist in training only."""
        heads = self.embedding.trainable_variables if self.embedding else []
        return self.generator.trainable_variables + heads

    def named_variables(self):
        """Dictionary from name to variable of all that a checkpoint must hold."""
        parts = {
            "generator": self.generator.variables,
            "ema_generator": self.ema_generator.variables,
            "discriminator": self.discriminator.variables,
            "embedding": self.embedding.variables if self.embedding else [],
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        named = {f"{part}/{v.path}": v.value for part, variables in parts.items() for v in variables}
        return {**named, "step": self.step}
