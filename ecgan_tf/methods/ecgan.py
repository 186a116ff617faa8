"""ECGAN (Tang et al., ICLR 2023; arXiv 2003.13898) and ECGAN++ (TPAMI 2023; arXiv 2307.12084)."""

import tensorflow as tf

from ecgan_tf.config_keys import Key
from ecgan_tf.data.keys import EDGE_KEYS
from ecgan_tf.losses.class_pixels import class_pixel_loss
from ecgan_tf.methods.base import Judge, Objective, Pair, open_vgg
from ecgan_tf.methods.label_terms import (
    LABEL_KEYS,
    check_label_terms,
    label_terms,
    missing_label_terms,
    open_label_objective,
)
from ecgan_tf.methods.msca import STYLE_KEYS, check_exemplars, with_style_terms
from ecgan_tf.methods.pixel_contrast import SCALES, PixelContrast, pooling_of
from ecgan_tf.methods.spade import LATENT_KEYS, TRUNK_KEYS, WIDTH_KEYS, TrunkMethod
from ecgan_tf.models.ecgan import ECGANGenerator
from ecgan_tf.models.heads import ClassPixelDecoder, ContrastMemory, PixelEmbedding

NETWORK_KEYS = {
    "model.head_initializer": Key(
        "xavier_0.02", "of G_e, G_i, G_s; `he` departs from the release", ("xavier_0.02", "he")
    ),
    "model.use_edge": Key(True, "the edge generator G_e; without it nothing else of the edge is there"),
    "model.edge_transfer": Key("both", "where G_t gates the image by the edge", ("both", "feature", "image", "none")),
    "model.use_semantic_preserving": Key(True, "G_s; without it the final image is I', clipped"),
    "model.semantic_skip": Key(False, "adds I' before the last tanh of G_s; a departure, see models/ecgan.py"),
    "model.use_exemplar": Key(False, "takes the style of an exemplar, too; not in the paper"),
    "discriminator.separate_edge": Key(False, "a second discriminator for edges; the paper found no use in it"),
}
TERM_KEYS = {
    "loss.final_weight": Key(2.0, "lambda: of the final image I'' against the first image I' and the edge", least=0),
    "loss.class_pixel": Key(1.0, "lambda_pix, class-specific pixel generation; 0: no decoder", least=0),
}
CONTRAST_KEYS = {
    "loss.contrastive": Key(1.0, "lambda_l; 0: no embedding heads", least=0),
    "loss.contrastive_temperature": Key(0.1, "tau; ours, the paper's was not found", above=0),
    "loss.contrastive_samples_per_class": Key(32, "V of the static sampler, per class over the global batch", above=0),
    "loss.contrastive_stride": Key(4, "the embedding grid is 1/stride of the image", above=0),
    "loss.contrastive_purity": Key(
        0.7, "share of a grid cell that must be of its class to be sampled; 0: all cells", least=0, most=1
    ),
    "loss.contrastive_warmup_steps": Key(5000, "linear from 0"),
    "loss.contrastive_memory": Key(0, "region means kept per class from earlier steps; 256 is plenty", least=0),
    "loss.ms_scales": Key(1, "1: ECGAN; 2 to 4: ECGAN++ with that many of the encoder's scales", (1, 2, 3, 4)),
    "loss.ms_pairs": Key("fine_to_coarse", "cross-scale terms", ("fine_to_coarse", "adjacent", "all", "none")),
    "loss.ms_weights": Key((1.0, 0.7, 0.4, 0.1), "of the terms within each scale, finest first"),
    "loss.ms_detach_coarse": Key(False, "no gradient into the coarse side of a cross-scale term"),
}


class ECGAN(TrunkMethod):
    """Edge, first and final image; L_s by a label generator; contrastive learning over several layouts and scales."""

    generator = ECGANGenerator
    keys = {
        **TRUNK_KEYS,
        **WIDTH_KEYS,
        **LATENT_KEYS,
        **NETWORK_KEYS,
        **EDGE_KEYS,
        **STYLE_KEYS,
        **LABEL_KEYS,
        **TERM_KEYS,
        **CONTRAST_KEYS,
    }
    switches = {"edge": "config.model.use_edge=True"}

    def check(self, config):
        loss, (height, width) = config.loss, config.data.image_size
        yield from super().check(config)
        yield from check_exemplars(config, config.model.use_exemplar)
        if config.discriminator.separate_edge and not config.model.use_edge:
            yield "config.discriminator.separate_edge judges edges; set config.model.use_edge=True, which gives them"
        if loss.contrastive and (height % loss.contrastive_stride or width % loss.contrastive_stride):
            yield (
                f"config.loss.contrastive_stride {loss.contrastive_stride} must divide config.data.image_size "
                f"{(height, width)}"
            )
        if 0 < loss.contrastive_memory < config.train.global_batch_size:
            yield (
                f"config.loss.contrastive_memory is {loss.contrastive_memory}; it must be 0 or hold a batch, "
                f"{config.train.global_batch_size} or more"
            )
        weights = tuple(loss.ms_weights)
        if len(weights) < loss.ms_scales or min(weights) <= 0:
            yield f"config.loss.ms_weights is {weights}; it must have a weight above 0 for each of loss.ms_scales"
        yield from check_label_terms(loss)

    # ---- terms

    def terms(self, config):
        loss = config.loss
        own = {
            **label_terms(loss),
            "L_c": loss.contrastive,
            "L_pix": loss.class_pixel,
            "L_style": loss.style if config.model.use_exemplar else 0.0,
        }
        return {**super().terms(config), **{symbol: weight for symbol, weight in own.items() if weight}}

    def missing_terms(self, config):
        return {**super().missing_terms(config), **missing_label_terms(config.loss)}

    # ---- networks

    def make_judges(self, config, layout):
        """The main discriminator judges images and edges alike, unless edges have one of their own."""
        main, *others = super().make_judges(config, layout)
        if not config.discriminator.separate_edge:
            return [main, *others]
        edge = Judge("edge_discriminator", self._multiscale(config, layout, "edge"), {"edge": "e"})
        return [Judge(main.name, main.network, {"image": "i"}), edge, *others]

    def make_heads(self, config, generator):
        """`embedding_<scale>`, `memory`, `class_pixels` and a VAE's encoder; what is switched off is absent."""
        loss, heads = config.loss, {}
        if loss.contrastive:
            for scale in SCALES[loss.ms_scales]:
                stride = pooling_of(scale, loss.contrastive_stride)
                filters = generator.scale_filters(scale)
                heads[f"embedding_{scale}"] = PixelEmbedding(filters, stride=stride, name=f"embedding_{scale}")
            if loss.contrastive_memory:
                heads["memory"] = ContrastMemory(
                    SCALES[loss.ms_scales], generator.num_classes, loss.contrastive_memory, name="memory"
                )
        if loss.class_pixel:
            heads["class_pixels"] = ClassPixelDecoder(generator.feature_filters, name="class_pixels")
        for head in heads.values():
            head.build()
        return {**super().make_heads(config, generator), **heads}

    # ---- what they are trained for

    def pairs(self, config):
        pairs = [Pair("I'", "initial_image")]
        if config.model.use_edge and config.data.edge_source != "none":
            pairs.insert(0, Pair("e", "edge", "edge"))
        if config.model.use_semantic_preserving:
            pairs.append(Pair("I''", "image", weight=config.loss.final_weight))
        return pairs

    def make_objective(self, config, generator, judges, heads):
        loss, num_classes = config.loss, generator.num_classes
        vgg, label_objective, contrast = open_vgg(config), open_label_objective(config, num_classes), None
        if loss.contrastive:
            embeddings = {scale: heads[f"embedding_{scale}"] for scale in SCALES[loss.ms_scales]}
            contrast = PixelContrast(embeddings, loss, num_classes, config.train.seed, heads.get("memory"))
        return ECGANObjective(
            config,
            self.pairs(config),
            judges,
            num_classes,
            vgg,
            label_objective,
            contrast,
            heads.get("class_pixels"),
        )


class ECGANObjective(Objective):
    """The objective of ECGAN and ECGAN++ (docs/papers/ecgan.md, section 5.7).

        L_G = lambda_c (L^e + L^i) + lambda_s L_s + lambda_l L_c
            + lambda_f (L_f^e + L_f^I' + lambda L_f^I'') + lambda_p (L_p^e + L_p^I' + lambda L_p^I'')
            + lambda_pix L_pix
    A part that is switched off has no terms; what exemplars change is in `with_style_terms`.

    Args:
        config, pairs, judges: as in `Objective`.
        num_classes: N.
        vgg: `PerceptualNetwork`, or None for no perceptual terms.
        label_objective: `LabelObjective`, or None for no similarity term.
        contrast: `PixelContrast` or None.
        class_pixels: `ClassPixelDecoder` or None.
    """

    def __init__(
        self, config, pairs, judges, num_classes, vgg=None, label_objective=None, contrast=None, class_pixels=None
    ):  # fmt: skip
        super().__init__(config, pairs, judges, vgg, num_classes)
        self.label_objective = label_objective
        self.contrast = contrast
        self.class_pixels = class_pixels

    def generator_terms(self, batch, outputs, judged, step=0):
        """As `Objective.generator_terms`."""
        loss = self.loss
        terms = super().generator_terms(batch, outputs, judged, step)
        if self.label_objective:
            terms.update(self.label_objective(batch["labels"], outputs["image"]))
        if self.contrast:
            warmup = tf.minimum(tf.cast(step + 1, tf.float32) / max(loss.contrastive_warmup_steps, 1), 1.0)
            terms["L_c"] = (loss.contrastive * warmup, self.contrast(outputs["scales"], batch["labels"], step))
        if self.class_pixels:
            image = self.class_pixels(outputs["features"])
            distance = class_pixel_loss(batch["image"], image, batch["labels"], self.num_classes)
            terms["L_pix"] = (loss.class_pixel, distance)
        if "has_target" in batch:
            terms = with_style_terms(terms, batch, outputs, loss, self.num_classes, self.vgg)
        return terms


def use_multi_scale_contrast(config):
    """Turns a config of ECGAN into one of ECGAN++: the generator is the same, what it is trained for is not."""
    config.loss.ms_scales = 3
    return config
