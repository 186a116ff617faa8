"""The networks and optimizers of one run, and every variable that a checkpoint holds."""

import keras
import tensorflow as tf

from ecgan_tf.models import make_discriminator, make_generator
from ecgan_tf.models.class_pixel_decoder import ClassPixelDecoder
from ecgan_tf.models.contrast_memory import ContrastMemory
from ecgan_tf.models.pixel_embedding import PixelEmbedding
from ecgan_tf.training.contrast import SCALES, pooling_of
from ecgan_tf.training.optimizers import make_optimizer

DISCRIMINATOR_OF = {"ecgan": "multiscale", "msca": "multiscale", "spade": "multiscale"}
# Keys of config.model that are arguments of the generator, beside what the data set gives.
TRUNK_KEYS = (
    "base_filters",
    "spade_hidden_filters",
    "upsampling",
    "normalization",
    "initializer",
)
HEAD_KEYS = (
    "head_initializer",
    "use_edge",
    "edge_transfer",
    "use_semantic_preserving",
    "semantic_skip",
    "use_exemplar",
)
MSCA_KEYS = ("attention", "attention_slots", "use_mask", "use_global", "exemplar_label", "attention_sharpness")
MODEL_KEYS = {
    "ecgan": (*TRUNK_KEYS, *HEAD_KEYS),
    "msca": (*(key for key in TRUNK_KEYS if key != "upsampling"), *MSCA_KEYS),
    "spade": TRUNK_KEYS,
}


def generator_arguments(config, dataset):
    """What `make_generator` takes for this config and data set: plain values, kept in the run folder.

    Args:
        config: the run's.
        dataset: anything with `classes.num_classes`, `has_unknown`, `has_boundaries`.
    """
    return {
        "num_classes": dataset.classes.num_classes,
        "image_size": tuple(config.data.image_size),
        "has_unknown": dataset.has_unknown,
        "has_boundaries": dataset.has_boundaries,
        **{key: config.model[key] for key in MODEL_KEYS[config.model.name]},
    }


def model_description(config, dataset):
    """What model.json holds: all that is needed to open the generator and to read layouts for it."""
    return {
        "name": config.model.name,
        "arguments": generator_arguments(config, dataset),
        "classes": dataset.classes.to_dict(),
    }


class GAN:
    """Generator, its moving average, discriminator(s), training-only heads, optimizers and step counter.

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
        self.discriminator, self.edge_discriminator = self._make_discriminators(config, layout_kwargs)
        self.heads = make_heads(config, generator_kwargs["num_classes"])
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
        self.discriminator_optimizer.build(self.discriminator_variables)

    @staticmethod
    def _make_discriminators(config, layout_kwargs):
        """One for images and edges alike, or one for each (config.discriminator.separate_edge)."""
        arguments = {
            **layout_kwargs,
            "base_filters": config.discriminator.base_filters,
            "num_scales": config.discriminator.num_scales,
            "initializer": config.model.initializer,
        }
        kind = DISCRIMINATOR_OF[config.model.name]
        both = make_discriminator(kind, **arguments)
        return both, make_discriminator(kind, **arguments) if config.discriminator.separate_edge else None

    @property
    def generator_variables(self):
        """What the generator's optimizer moves: the generator and the heads that exist in training only."""
        heads = [variable for head in self.heads.values() for variable in head.trainable_variables]
        return self.generator.trainable_variables + heads

    @property
    def discriminator_variables(self):
        """What the discriminator's optimizer moves."""
        edge = self.edge_discriminator.trainable_variables if self.edge_discriminator else []
        return self.discriminator.trainable_variables + edge

    def named_variables(self):
        """Dictionary from name to variable of all that a checkpoint must hold."""
        parts = {
            "generator": self.generator.variables,
            "ema_generator": self.ema_generator.variables,
            "discriminator": self.discriminator.variables,
            "edge_discriminator": self.edge_discriminator.variables if self.edge_discriminator else [],
            **{name: head.variables for name, head in self.heads.items()},
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        named = {f"{part}/{v.path}": v.value for part, variables in parts.items() for v in variables}
        return {**named, "step": self.step}


def make_heads(config, num_classes):
    """The networks that exist in training only, by name: `embedding_<scale>`, `memory`, `class_pixels`.

    Args:
        config: the run's.
        num_classes: N.
    Returns:
        dictionary of built models; a part that is switched off is absent.
    """
    loss, heads = config.loss, {}
    if loss.contrastive:
        for scale in SCALES[loss.ms_scales]:
            stride = pooling_of(scale, loss.contrastive_stride)
            filters = config.model.base_filters * 2 ** (scale - 1)
            heads[f"embedding_{scale}"] = PixelEmbedding(filters, stride=stride, name=f"embedding_{scale}")
        if loss.contrastive_memory:
            heads["memory"] = ContrastMemory(
                SCALES[loss.ms_scales], num_classes, loss.contrastive_memory, name="memory"
            )
    if loss.class_pixel:
        heads["class_pixels"] = ClassPixelDecoder(config.model.base_filters, name="class_pixels")
    for head in heads.values():
        head.build()
    return heads
