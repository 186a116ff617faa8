"""SPADE (Park et al., CVPR 2019; arXiv 1903.07291), the baseline of all papers here, whose trunk they build on."""

import tensorflow as tf

from ecgan_tf.config_keys import Key
from ecgan_tf.methods.base import Method, Pair
from ecgan_tf.models.image_encoder import ImageEncoder
from ecgan_tf.models.spade import WIDEST, SPADEGenerator, stride_of

SPADE_KEYS = {
    "model.spade_hidden_filters": Key(128, "hidden filters of each modulation; 128 if published", above=0, toy=8),
    "model.normalization": Key(
        "batch", "what SPADE modulates: `batch`, synchronised over the replicas, or `instance`", ("batch", "instance")
    ),
}
TRUNK_KEYS = {
    **SPADE_KEYS,
    "model.upsampling": Key(
        "normal",
        "`normal`: the trunk starts at 1/32 of the image; `more`: at 1/64 (Cityscapes); `most`: at 1/128",
        ("normal", "more", "most"),
    ),
    "model.enlarging": Key(
        "nearest",
        "between the trunk's blocks; `bilinear` has no grid, and departs from the releases",
        ("nearest", "bilinear"),
    ),
    "model.noise": Key(
        "none",
        "`fixed`: a map of noise at each of the trunk's sizes, by which pixels of a region differ",
        ("none", "fixed"),
    ),
}
# Of generators that are the trunk and heads alone.
WIDTH_KEYS = {
    "model.widest": Key(
        WIDEST, "most filters of the trunk, in C: 16 as published; 4 has a seventh of the weights", above=0
    ),
}
# Of generators that give many pictures of one layout.
LATENT_KEYS = {
    "model.noise": Key(
        "none",
        "`fixed`: a map of noise at each of the trunk's sizes, by which pixels of a region differ; `classes`: an "
        "input, the 3-D noise of OASIS, a code of 64 for each class",
        ("none", "fixed", "classes"),
    ),
    "model.use_vae": Key(
        False, "an input z of 256 for the picture as a whole, in training by an encoder of the photograph"
    ),
    "train.class_codes": Key(
        0.5,
        "share of the training layouts of noise=classes with a code for each class, as --resample draws; the others "
        "have one for all, as OASIS",
        least=0,
        most=1,
    ),
    "loss.kl": Key(0.05, "of the VAE's codes from N(0, 1)", least=0),
}


def check_noise(config, class_codes):
    """Yields what does not go with 3-D noise, or needs it; `class_codes` is the default of that key."""
    if config.model.get("noise") != "classes" and config.train.get("class_codes", class_codes) != class_codes:
        yield f"config.train.class_codes is {config.train.class_codes}, which only config.model.noise=classes reads"
    if config.model.get("noise") == "classes" and config.train.layout_form == "neighbourhoods":
        yield (
            "config.train.layout_form is 'neighbourhoods', but with config.model.noise 'classes' no two layouts have "
            "the same neighbourhoods; leave it at 'auto'"
        )


class TrunkMethod(Method):
    """A method whose generator has SPADE's trunk."""

    def stride(self, config):
        return stride_of(config.model.upsampling)

    def check(self, config):
        yield from check_noise(config, LATENT_KEYS["train.class_codes"].default)
        default = LATENT_KEYS["loss.kl"].default
        if not config.model.get("use_vae") and config.loss.get("kl", default) != default:
            yield f"config.loss.kl is {config.loss.kl}, but no term reads it; set config.model.use_vae=True"

    def terms(self, config):
        own = {"L_KL": config.loss.kl} if config.model.get("use_vae") and config.loss.kl else {}
        return {**super().terms(config), **own}

    def make_heads(self, config, generator):
        """`image_encoder`, of a VAE."""
        if not config.model.get("use_vae"):
            return {}
        encoder = ImageEncoder(
            generator.image_size, config.model.base_filters, config.model.initializer, name="image_encoder"
        )
        encoder.build()
        return {"image_encoder": encoder}

    def generator_inputs(self, batch, heads):
        """With a VAE z becomes mean + z * deviation of the photograph's code, which L_KL is taken from."""
        if "image_encoder" not in heads:
            return batch
        mean, log_variance = heads["image_encoder"](batch["image"], training=True)
        z = mean + tf.exp(0.5 * log_variance) * batch["z"]
        return {**batch, "z": z, "z_mean": mean, "z_log_variance": log_variance}


class SPADEBaseline(TrunkMethod):
    """The paper's objective: hinge, feature matching, perceptual loss (section 3.2), and no term of the others."""

    generator = SPADEGenerator
    keys = {**TRUNK_KEYS, **WIDTH_KEYS, **LATENT_KEYS}

    def pairs(self, config):
        return [Pair("I", "image")]
