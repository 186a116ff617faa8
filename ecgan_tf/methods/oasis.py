"""OASIS (Schonfeld et al., ICLR 2021; arXiv 2012.04781), a baseline whose discriminator segments."""

import tensorflow as tf

from ecgan_tf.config_keys import Key
from ecgan_tf.losses.reduction import per_example_mean
from ecgan_tf.methods.base import Judge, Method, Objective, Pair, open_vgg
from ecgan_tf.methods.spade import SPADE_KEYS, check_noise
from ecgan_tf.models import make_discriminator
from ecgan_tf.models.oasis import OASISGenerator


class OASIS(Method):
    """One picture, judged pixel by pixel by a discriminator with a class for fakes; no term needs the photograph."""

    generator = OASISGenerator
    keys = {
        **SPADE_KEYS,
        "model.noise": Key(
            "classes", "3-D noise, a code of 64 for each class; or `none`, as --no_3dnoise", ("classes", "none")
        ),
        "train.class_codes": Key(
            0.0,
            "share of the training layouts with a code for each class; 0: one for all, as released",
            least=0,
            most=1,
        ),
        "loss.label_mix": Key(10.0, "lambda_LM, of the LabelMix consistency; 5 for Cityscapes", least=0),
        # Shared keys with other defaults: those of the paper.
        "loss.perceptual": Key(0.0, "lambda_p; 10 with the release's --add_vgg_loss; needs vgg_weights", least=0),
        "optimizer.beta_2": Key(0.999, "of both Adams", least=0, most=1),
        "optimizer.constant_fraction": Key(1.0, "of the steps; then both rates fall linearly to 0", least=0, most=1),
        "optimizer.ema_decay": Key(
            0.9999, "of the averaged generator, which is evaluated, synthesises and is exported", least=0, most=1
        ),
    }
    without = (
        "discriminator.num_scales", "discriminator.image", "discriminator.segmentation", "loss.gan_mode",
        "loss.feature_matching",
    )  # fmt: skip

    def stride(self, config):
        return 64

    def check(self, config):
        yield from check_noise(config, self.keys["train.class_codes"].default)
        if config.loss.label_mix and config.train.update_order == "simultaneous":
            yield (
                "config.loss.label_mix mixes pictures that the discriminator sees alone; "
                "config.train.update_order must be 'alternating' or 'discriminator_first'"
            )

    def terms(self, config):
        own = {"L_LM": config.loss.label_mix} if config.loss.label_mix else {}
        return {**super().terms(config), **own}

    def make_judges(self, config, layout):
        network = make_discriminator(
            "oasis", base_filters=config.discriminator.base_filters, initializer=config.model.initializer, **layout
        )
        return [Judge("discriminator", network, {"image": "c"}, matches_features=False, gan_mode="segmentation")]

    def training_latents(self, config, arguments):
        """`mix`, whose signs say which classes of a layout LabelMix takes from the photograph."""
        labels = arguments["num_classes"] + arguments["has_unknown"]
        return {"mix": (labels,)} if config.loss.label_mix else {}

    def pairs(self, config):
        return [Pair("I", "image")]

    def make_objective(self, config, generator, judges, heads):
        return OASISObjective(config, self.pairs(config), judges, open_vgg(config), generator.num_classes)


class OASISObjective(Objective):
    """The objective of OASIS (sections 3.1 and 3.3): the terms of every method, and LabelMix.

        L_LM = mean (D(mix) - (M D(photograph) + (1 - M) D(picture)))^2,  mix = M photograph + (1 - M) picture
    over the logits, where M is 1 on half of a layout's classes, by chance. The release draws them once for a batch.
    """

    def mixtures(self, batch, outputs):
        """What the discriminator sees beside fakes and reals when it moves: dictionary of pictures."""
        if not self.loss.label_mix:
            return {}
        mask = self._mask(batch)
        return {"mix": mask * batch["image"] + (1.0 - mask) * tf.cast(outputs["image"], tf.float32)}

    def discriminator_terms(self, judged, batch):
        """As `Objective.discriminator_terms`."""
        terms = super().discriminator_terms(judged, batch)
        if self.loss.label_mix:
            fakes, reals = judged["discriminator"]
            fake, mix, real = (logits_of(each) for each in (fakes["image"], fakes["mix"], reals["image"]))
            mask = self._mask(batch)
            terms["L_LM"] = (self.loss.label_mix, per_example_mean((mask * real + (1.0 - mask) * fake - mix) ** 2))
        return terms

    @staticmethod
    def _mask(batch):
        taken = tf.gather(batch["mix"], batch["labels"], batch_dims=1)
        return tf.cast(taken > 0, tf.float32)[..., None]


def logits_of(predictions):
    """The logits that `OASISDiscriminator` gives beside the logarithms."""
    ((logits,), _) = predictions[0]
    return logits
