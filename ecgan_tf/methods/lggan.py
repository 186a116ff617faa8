"""LGGAN (Tang et al., CVPR 2020; arXiv 1912.12215), its cross-view task, and LGGAN++ (TPAMI 2023; 2203.00047)."""

import dataclasses

import numpy as np

from ecgan_tf.config_keys import Key
from ecgan_tf.data.keys import DIRECTIONS, SOURCE_KEYS
from ecgan_tf.errors import RequestError
from ecgan_tf.losses.local import class_feature_loss, local_loss, pool_by_branch, total_variation
from ecgan_tf.methods.base import Judge, Method, Objective, Pair, open_vgg
from ecgan_tf.methods.spade import TRUNK_KEYS, TrunkMethod
from ecgan_tf.models import make_discriminator
from ecgan_tf.models.heads import ClassFeatureClassifier
from ecgan_tf.models.lggan import LGGANGenerator, LGGANPlusGenerator, check_groups
from ecgan_tf.models.lggan_cross_view import CrossViewGenerator

LOCAL_KEYS = {
    "model.num_residual_blocks": Key(9, "residual blocks of the local generator", least=0, toy=1),
    "model.local_classes": Key(
        "all",
        "a branch for `all` classes, the `top_k` most frequent, the `first_k`, or `groups` that share one",
        ("all", "top_k", "first_k", "groups"),
    ),
    "model.local_top_k": Key(51, "branches of `top_k` and `first_k`; all other classes share one more", above=0),
    "model.local_groups": Key((), "of `groups`: the number of the branch of every class, unknown last; -1 for none"),
    "model.local_fusion": Key("concat", "class images into the local one: a convolution, or `sum`", ("concat", "sum")),
    "model.local_kernel_size": Key(7, "of the class branches; odd", above=0),
    "model.mask_mode": Key(
        "output", "`output`: a pixel is of its class's branch; `input`: the release's", ("output", "input")
    ),
    "model.upsampler": Key("deconv", "what enlarges in the decoders", ("deconv", "nearest_conv")),
    "loss.class_features": Key(1.0, "classification of the branches' features; 0: no classifier", least=0),
    "loss.class_pool": Key(
        "area", "what their sums are divided by: each region's area, or `hw`, the release's", ("area", "hw")
    ),
    "loss.local_l1": Key(1.0, "L1 of every class image to its part of the photograph", least=0),
}
SAU_PATCH = Key(
    "source", "neighbourhoods on the small map, or `upsampled`: on the enlarged one", ("source", "upsampled")
)
LOCAL_CHOICES = ("local_classes", "local_top_k", "local_groups")  # which become one argument, local_groups


class _LocalMethod(Method):
    """What all of LGGAN's tasks share: class branches, and which of them is whose."""

    def check(self, config):
        if config.model.local_kernel_size % 2 == 0:
            yield f"config.model.local_kernel_size is {config.model.local_kernel_size}; it must be odd"

    def terms(self, config):
        loss, has_local = config.loss, config.model.get("fusion") != "global"
        own = {"L_class": loss.class_features, "L_local": loss.local_l1} if has_local else {}
        return {**super().terms(config), **{symbol: weight for symbol, weight in own.items() if weight}}

    def generator_arguments(self, config, dataset):
        """As `Method.generator_arguments`; for local_classes="top_k" the data set also has `label_counts`."""
        arguments = super().generator_arguments(config, dataset)
        kept = {key: value for key, value in arguments.items() if key not in LOCAL_CHOICES}
        return {**kept, "local_groups": local_groups(config.model, dataset)}

    def make_heads(self, config, generator):
        """`class_features`."""
        if not config.loss.class_features or not generator.has_local:
            return {}
        head = ClassFeatureClassifier(config.model.base_filters, generator.num_branches, name="class_features")
        head.build()
        return {"class_features": head}

    def pairs(self, config):
        """The final image I^C, and where they are mixed the global image I^G and the local one I^L."""
        if config.model.get("fusion") in ("global", "local"):
            return [Pair("C", "image")]
        return [Pair("C", "image"), Pair("G", "global_image"), Pair("L", "local_image")]

    def make_objective(self, config, generator, judges, heads):
        return self.objective(
            config, self.pairs(config), judges, generator, open_vgg(config), heads.get("class_features")
        )


class LGGANObjective(Objective):
    """The objective of LGGAN and LGGAN++ for label maps (docs/papers/lggan.md, section 8).

        L_G = L^i + lambda_f (L_f^C + L_f^G + L_f^L) + lambda_p (L_p^C + L_p^G + L_p^L) + lambda_class L_class
            + lambda_local L_local + lambda_1 (L_1^C + L_1^G + L_1^L)
    L^i sums over the final image I^C, the global I^G and the local I^L; one that `fusion` leaves out has no terms.

    Args:
        config, pairs, judges, vgg: as in `Objective`.
        generator: `LGGANGenerator`, for its branches.
        classify: `ClassFeatureClassifier` or None.
    """

    def __init__(self, config, pairs, judges, generator, vgg=None, classify=None):
        super().__init__(config, pairs, judges, vgg, generator.num_classes)
        self.generator = generator
        self.classify = classify

    def generator_terms(self, batch, outputs, judged, step=0):
        """As `Objective.generator_terms`."""
        terms = super().generator_terms(batch, outputs, judged, step)
        branches, count = self.generator.branches_of(batch["labels"]), self.generator.num_branches
        if self.classify:
            pooled, present = pool_by_branch(outputs["local_features"], branches, count, self.loss.class_pool)
            terms["L_class"] = (self.loss.class_features, class_feature_loss(self.classify(pooled), present))
        if self.loss.local_l1 and self.generator.has_local:
            terms["L_local"] = (self.loss.local_l1, local_loss(batch["image"], outputs, branches, count))
        return terms


class CrossViewObjective(LGGANObjective):
    """The objective of LGGAN's cross-view task (docs/papers/lggan.md, section 8).

        L_G = L^i + L^s + lambda_p (L_p^C + ...) + lambda_1 (L_1^C + ...) + lambda_local L_local
            + lambda_tv (L_tv^C + L_tv^G + L_tv^L)
    L^i is of the discriminator that sees the layout, L^s of the one that sees the other view. The discriminators' total
    is halved, as in the release.
    """

    discriminator_weight = 0.5

    def generator_terms(self, batch, outputs, judged, step=0):
        """As `Objective.generator_terms`."""
        terms = super().generator_terms(batch, outputs, judged, step)
        if self.loss.total_variation:
            for pair in self.pairs:
                variation = total_variation(outputs[pair.fake])
                terms[f"L_tv^{pair.symbol}"] = (self.loss.total_variation * pair.weight, variation)
        return terms


class LGGAN(_LocalMethod, TrunkMethod):
    """A global image by SPADE's trunk and a local one class by class, mixed by learnt weight maps."""

    generator = LGGANGenerator
    objective = LGGANObjective
    keys = {
        **TRUNK_KEYS,
        "model.head_initializer": Key(
            "xavier_0.02", "of the class branches; `he` departs from the release", ("xavier_0.02", "he")
        ),
        "model.fusion": Key(
            "weight",
            "of local and global image: learnt maps; `mean`, or `global` or `local` alone",
            ("weight", "mean", "global", "local"),
        ),
        **LOCAL_KEYS,
    }


class LGGANPlus(LGGAN):
    """LGGAN with semantic-aware upsampling after the encoder and in the decoders."""

    generator = LGGANPlusGenerator
    keys = {
        **LGGAN.keys,
        "model.sau_place": Key("both", "where semantic-aware upsampling is", ("encoder", "decoders", "both", "none")),
        "model.sau_patch": SAU_PATCH,
    }

    def check(self, config):
        yield from super().check(config)
        place = config.model.sau_place
        if config.model.fusion == "global" and place in ("decoders", "both"):
            yield f"config.model.sau_place is {place!r}, but with config.model.fusion 'global' there are no decoders"
        if place == "none" and config.model.sau_patch != SAU_PATCH.default:
            yield f"config.model.sau_patch is {config.model.sau_patch!r}, but config.model.sau_place 'none' reads none"


class LGGANCrossView(_LocalMethod):
    """A photograph of one view and the label map of another in, the photograph of the other view out."""

    generator = CrossViewGenerator
    objective = CrossViewObjective
    keys = {
        **LOCAL_KEYS,
        "model.local_fusion": dataclasses.replace(LOCAL_KEYS["model.local_fusion"], default="sum"),  # as released
        "model.upsampler": Key(
            "deconv", "what enlarges in the decoders; `sau`: LGGAN++", ("deconv", "nearest_conv", "sau")
        ),
        "model.sau_patch": SAU_PATCH,
        **SOURCE_KEYS,
        "loss.total_variation": Key(0.0, "of every image, summed over its pixels", least=0),
    }
    without = ("discriminator.num_scales", "discriminator.image", "discriminator.segmentation")

    def check(self, config):
        yield from super().check(config)
        if config.model.upsampler != "sau" and config.model.sau_patch != SAU_PATCH.default:
            yield (
                f"config.model.sau_patch is {config.model.sau_patch!r}, but config.model.upsampler "
                f"{config.model.upsampler!r} does not read it; 'sau' does"
            )
        if config.data.name == "folder" and config.data.direction != DIRECTIONS[0]:
            yield f"config.data.direction is {config.data.direction!r}; in a folder sources/ is the view that is given"

    def terms(self, config):
        variation = {"L_tv": config.loss.total_variation} if config.loss.total_variation else {}
        return {**super().terms(config), **variation}

    def stride(self, config):
        return 4

    def make_judges(self, config, layout):
        """Two of pix2pix's discriminators: one sees the layout, the other, which has no features to match, the view."""
        arguments = {"base_filters": config.discriminator.base_filters, "initializer": config.model.initializer,
                     **{key: layout[key] for key in ("num_classes", "has_unknown")}}  # fmt: skip
        main = make_discriminator("pair", **arguments)
        source = make_discriminator("pair", "source", condition="source", **arguments)
        return [
            Judge("discriminator", main, {"image": "i"}),
            Judge("source_discriminator", source, {"image": "s"}, matches_features=False),
        ]


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
