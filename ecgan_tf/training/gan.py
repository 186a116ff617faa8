"""The networks and optimizers of one run, and every variable that a checkpoint holds."""

import keras
import numpy as np
import tensorflow as tf

from ecgan_tf.commands import RequestError
from ecgan_tf.models import make_discriminator, make_generator
from ecgan_tf.models.class_feature_classifier import ClassFeatureClassifier
from ecgan_tf.models.class_pixel_decoder import ClassPixelDecoder
from ecgan_tf.models.contrast_memory import ContrastMemory
from ecgan_tf.models.lggan import check_groups
from ecgan_tf.models.pixel_embedding import PixelEmbedding
from ecgan_tf.training.contrast import SCALES, pooling_of
from ecgan_tf.training.optimizers import make_optimizer

DISCRIMINATOR_OF = {
    "ecgan": "multiscale",
    "lggan": "multiscale",
    "lggan_cross_view": "pair",
    "lggan_plus": "multiscale",
    "msca": "multiscale",
    "spade": "multiscale",
}
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
LGGAN_NAMES = ("lggan", "lggan_cross_view", "lggan_plus")
LOCAL_KEYS = ("num_residual_blocks", "local_fusion", "local_kernel_size", "mask_mode", "fusion", "upsampler")
MODEL_KEYS = {
    "ecgan": (*TRUNK_KEYS, *HEAD_KEYS),
    "spade": TRUNK_KEYS,
    "lggan": (*TRUNK_KEYS, "head_initializer", *LOCAL_KEYS),
    "lggan_cross_view": ("base_filters", "initializer", *(key for key in LOCAL_KEYS if key != "fusion")),
    "lggan_plus": (*TRUNK_KEYS, "head_initializer", *LOCAL_KEYS, "sau_place", "sau_patch"),
    "msca": (*(key for key in TRUNK_KEYS if key != "upsampling"), *MSCA_KEYS),
}


def generator_arguments(config, dataset):
    """What `make_generator` takes for this config and data set: plain values, kept in the run folder.

    Args:
        config: the run's.
        dataset: anything with `classes.num_classes`, `has_unknown`, `has_boundaries`; for local_classes="top_k" also
            `label_counts`.
    """
    arguments = {
        "num_classes": dataset.classes.num_classes,
        "image_size": tuple(config.data.image_size),
        "has_unknown": dataset.has_unknown,
        "has_boundaries": dataset.has_boundaries,
        **{key: config.model[key] for key in MODEL_KEYS[config.model.name]},
    }
    if config.model.name in LGGAN_NAMES:
        arguments["local_groups"] = local_groups(config.model, dataset)
    return arguments


def local_groups(model_config, dataset):
    """The branch of every label, as `LGGANGenerator` takes it: None for one each.

    "top_k": the labels with most pixels get a branch each, in the order of their ids, and all others share one more;
    "first_k": the first labels do, as in the release for ADE20K.
    """
    if model_config.local_classes == "groups":
        groups, num_labels = tuple(model_config.local_groups), dataset.classes.num_classes + dataset.has_unknown
        try:
            check_groups(groups, num_labels)
        except ValueError as error:
            raise RequestError(f"config.model.{error}") from error
        return groups
    if model_config.local_classes == "all":
        return None
    num_classes, top_k = dataset.classes.num_classes, model_config.local_top_k
    if top_k >= num_classes:
        return None
    top = list(range(top_k))
    if model_config.local_classes == "top_k":
        frequent = np.argsort(-dataset.label_counts()[:num_classes], kind="stable")
        top = sorted(frequent[:top_k].tolist())
    return tuple(top.index(label) if label in top else top_k for label in range(num_classes + dataset.has_unknown))


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
        self.discriminators = make_discriminators(config, layout_kwargs)
        self.discriminator = self.discriminators["discriminator"]
        self.heads = make_heads(config, self.generator)
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

    @property
    def generator_variables(self):
        """What the generator's optimizer moves: the generator and the heads that exist in training only."""
        heads = [variable for head in self.heads.values() for variable in head.trainable_variables]
        return self.generator.trainable_variables + heads

    @property
    def discriminator_variables(self):
        """What the discriminator's optimizer moves."""
        return [variable for network in self.discriminators.values() for variable in network.trainable_variables]

    def named_variables(self):
        """Dictionary from name to variable of all that a checkpoint must hold."""
        parts = {
            "generator": self.generator.variables,
            "ema_generator": self.ema_generator.variables,
            **{name: network.variables for name, network in self.discriminators.items()},
            **{name: head.variables for name, head in self.heads.items()},
            "generator_optimizer": self.generator_optimizer.variables,
            "discriminator_optimizer": self.discriminator_optimizer.variables,
        }
        pairs = [(f"{part}/{v.path}", v.value) for part, variables in parts.items() for v in variables]
        named = dict(pairs)
        assert len(named) == len(pairs), "two variables share a name, and a checkpoint would lose one"
        return {**named, "step": self.step}


def make_discriminators(config, layout_kwargs):
    """The discriminators, by the name of their part of a checkpoint.

    `discriminator` judges pairs of layout and image, or edge map; `edge_discriminator`, where edges are judged apart
    (config.discriminator.separate_edge), takes those over; `image_discriminator` (config.discriminator.image) judges
    images without their layouts; `source_discriminator`, in cross-view translation, sees the other view instead.

    Args:
        config: the run's.
        layout_kwargs: num_classes, has_unknown and has_boundaries.
    Returns:
        dictionary of built models.
    """
    kind = DISCRIMINATOR_OF[config.model.name]
    arguments = {"base_filters": config.discriminator.base_filters, "initializer": config.model.initializer}
    if kind == "pair":
        arguments.update({key: layout_kwargs[key] for key in ("num_classes", "has_unknown")})
        return {
            "discriminator": make_discriminator(kind, **arguments),
            "source_discriminator": make_discriminator(kind, "source", condition="source", **arguments),
        }
    arguments.update(layout_kwargs, num_scales=config.discriminator.num_scales)
    discriminators = {"discriminator": make_discriminator(kind, **arguments)}
    if config.discriminator.separate_edge:
        discriminators["edge_discriminator"] = make_discriminator(kind, "edge", **arguments)
    if config.discriminator.image:
        discriminators["image_discriminator"] = make_discriminator(kind, "image", is_conditional=False, **arguments)
    return discriminators


def make_heads(config, generator):
    """The networks that exist in training only, by name; a part that is switched off is absent.

    Args:
        config: the run's.
        generator: whose outputs the heads read.
    Returns:
        dictionary of built models.
    """
    heads = (lggan_heads if config.model.name in LGGAN_NAMES else ecgan_heads)(config, generator)
    for head in heads.values():
        head.build()
    return heads


def ecgan_heads(config, generator):
    """`embedding_<scale>`, `memory` and `class_pixels`."""
    loss, heads = config.loss, {}
    if loss.contrastive:
        for scale in SCALES[loss.ms_scales]:
            stride = pooling_of(scale, loss.contrastive_stride)
            filters = config.model.base_filters * 2 ** (scale - 1)
            heads[f"embedding_{scale}"] = PixelEmbedding(filters, stride=stride, name=f"embedding_{scale}")
        if loss.contrastive_memory:
            heads["memory"] = ContrastMemory(
                SCALES[loss.ms_scales], generator.num_classes, loss.contrastive_memory, name="memory"
            )
    if loss.class_pixel:
        heads["class_pixels"] = ClassPixelDecoder(config.model.base_filters, name="class_pixels")
    return heads


def lggan_heads(config, generator):
    """`class_features`."""
    if not config.loss.class_features or not generator.has_local:
        return {}
    filters, branches = config.model.base_filters, generator.num_branches
    return {"class_features": ClassFeatureClassifier(filters, branches, name="class_features")}
