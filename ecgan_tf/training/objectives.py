"""What each model is trained for: the terms of its total, by the paper's symbols, in one place per model."""

import tensorflow as tf

from ecgan_tf.losses.adversarial import ADVERSARIAL
from ecgan_tf.losses.class_pixels import class_pixel_loss
from ecgan_tf.losses.features import feature_matching_loss, perceptual_loss
from ecgan_tf.losses.labels import label_cross_entropy, similarity_loss
from ecgan_tf.losses.local import class_feature_loss, local_loss, pool_by_branch, total_variation
from ecgan_tf.losses.reduction import mean_absolute_difference
from ecgan_tf.training.exemplar_terms import with_exemplar_terms

# What ends the keys of predictions, by the name of the discriminator that judges images a second time.
SUFFIXES = {"image_discriminator": "@image", "source_discriminator": "@source"}
# Of the adversarial terms: symbol, key of the real partner, suffix of the predictions' keys.
FAMILIES = (("e", "edge", ""), ("i", "image", ""), ("u", "image", "@image"), ("s", "image", "@source"))


class PairedObjective:
    """The terms of every model here: pairs of a fake and a real, told apart by discriminators, near in features.

    Args:
        config: the run's.
        pairs: list of (symbol, key of the generator's output, key of the real partner, weight inside the family).
        vgg: from `make_vgg_features`, or None for no perceptual terms.
    """

    discriminator_weight = 1.0

    def __init__(self, config, pairs, vgg=None):
        self.loss = config.loss
        self.pairs = pairs
        self.vgg = vgg
        self.generator_cost, self.real_cost, self.fake_cost = ADVERSARIAL[config.loss.gan_mode]

    def reals(self, batch):
        """What the discriminator should take for real: float (batch, height, width, 3) each."""
        reals = {"image": batch["image"]}
        if any(real == "edge" for _, _, real, _ in self.pairs):
            reals["edge"] = tf.repeat(batch["edges"], 3, axis=-1)
        return reals

    def image_terms(self, batch, outputs, fakes, reals):
        """The adversarial, feature matching, perceptual and L1 terms; arguments and result as `generator_terms`."""
        loss = self.loss
        photographs = self.reals(batch)
        terms = self._adversarial_terms(fakes)
        if loss.feature_matching:
            for symbol, fake, real, weight in self.pairs:
                distance = feature_matching_loss(_features(reals[real]), _features(fakes[fake]))
                terms[f"L_f^{symbol}"] = (loss.feature_matching * weight, distance)
        if self.vgg:
            for symbol, fake, real, weight in self.pairs:
                distance = perceptual_loss(self.vgg(photographs[real]), self.vgg(outputs[fake]))
                terms[f"L_p^{symbol}"] = (loss.perceptual * weight, distance)
        if loss.reconstruction:
            # Not in the paper: colours come within hundreds of steps instead of thousands. Not for the edge, which is
            # black on most pixels: the L1 distance is content with a map that is black on all.
            for symbol, fake, real, weight in self.pairs:
                if real != "edge":
                    distance = mean_absolute_difference(photographs[real], outputs[fake])
                    terms[f"L_1^{symbol}"] = (loss.reconstruction * weight, distance)
        return terms

    def discriminator_terms(self, fakes, reals):
        """The weighted terms of the discriminator's total; arguments as `generator_terms`.

        The real image counts as often as its fakes do: for ECGAN lambda + 1 times for I' and I''.
        """
        terms = {}
        for symbol, real, suffix, pairs in self._families(fakes):
            costs = [weight * self.fake_cost(_logits(fakes[fake])) for fake, weight in pairs]
            weights = sum(weight for _, weight in pairs)
            cost = weights * self.real_cost(_logits(reals[real + suffix])) + sum(costs)
            terms[f"L_D^{symbol}"] = (self.discriminator_weight, cost)
        return terms

    def _adversarial_terms(self, fakes):
        terms = {}
        for symbol, _, _, pairs in self._families(fakes):
            costs = [weight * self.generator_cost(_logits(fakes[fake])) for fake, weight in pairs]
            terms[f"L^{symbol}"] = (self.loss.adversarial, sum(costs))
        return terms

    def _families(self, fakes):
        """Symbol, real partner, suffix and the (key, weight) of the fakes, of every family that was judged."""
        for symbol, real, suffix in FAMILIES:
            pairs = [
                (fake + suffix, weight)
                for _, fake, partner, weight in self.pairs
                if partner == real and fake + suffix in fakes
            ]
            if pairs:
                yield symbol, real, suffix, pairs


class ECGANObjective(PairedObjective):
    """The objective of ECGAN and ECGAN++ (spec/ecgan.md, section 5.7).

        L_G = lambda_c (L^e + L^i) + lambda_s L_s + lambda_l L_c
            + lambda_f (L_f^e + L_f^I' + lambda L_f^I'') + lambda_p (L_p^e + L_p^I' + lambda L_p^I'')
            + lambda_pix L_pix
    A part that is switched off has no terms. SPADE and MSCA are the same with one image alone; what exemplars change
    is in `exemplar_terms`.

    Args:
        config: the run's.
        num_classes: N.
        vgg: from `make_vgg_features`, or None for no perceptual terms.
        label_logits: G_l, a function of images to logits, or None for no similarity term.
        contrast: `PixelContrast` or None.
        paint_classes: `ClassPixelDecoder` or None.
    """

    def __init__(self, config, num_classes, vgg=None, label_logits=None, contrast=None, paint_classes=None):
        is_ecgan = config.model.name == "ecgan"
        pairs = [("I'", "image" if config.model.name == "msca" else "initial_image", "image", 1.0)]
        if is_ecgan and config.model.use_edge and config.data.edge_source != "none":
            pairs.insert(0, ("e", "edge", "edge", 1.0))
        if is_ecgan and config.model.use_semantic_preserving:
            pairs.append(("I''", "image", "image", config.loss.final_weight))
        super().__init__(config, pairs, vgg)
        self.num_classes = num_classes
        self.label_logits = label_logits
        self.contrast = contrast
        self.paint_classes = paint_classes

    def generator_terms(self, batch, outputs, fakes, reals, step=0):
        """The weighted terms of the generator's total.

        Args:
            batch: dictionary of a training batch.
            outputs: of the generator.
            fakes, reals: dictionaries from the pairs' keys to the discriminator's predictions.
            step: int64 scalar.
        Returns:
            dictionary from symbol to (weight, float32 (batch,) or scalar).
        """
        loss = self.loss
        terms = self.image_terms(batch, outputs, fakes, reals)
        if self.label_logits:
            terms.update(self._label_terms(batch["labels"], outputs["image"]))
        if self.contrast:
            warmup = tf.minimum(tf.cast(step + 1, tf.float32) / max(loss.contrastive_warmup_steps, 1), 1.0)
            terms["L_c"] = (loss.contrastive * warmup, self.contrast(outputs["scales"], batch["labels"], step))
        if self.paint_classes:
            painted = self.paint_classes(outputs["features"])
            distance = class_pixel_loss(batch["image"], painted, batch["labels"], self.num_classes)
            terms["L_pix"] = (loss.class_pixel, distance)
        if "has_target" in batch:
            terms = with_exemplar_terms(terms, batch, outputs, loss, self.num_classes, self.vgg)
        return terms

    def _label_terms(self, labels, image):
        """L_s, or the plain cross-entropy that it is compared with, on a grid that its matrices leave room for."""
        logits = self.label_logits(image)
        stride = max(logits.shape[1] // self.loss.similarity_rows, 1)
        step = stride * (labels.shape[1] // logits.shape[1])
        probabilities = tf.nn.avg_pool2d(tf.nn.softmax(tf.cast(logits, tf.float32)), stride, stride, "VALID")
        logits = tf.math.log(tf.maximum(probabilities, 1e-12))  # whose softmax is the pooled probabilities again
        labels = labels[:, ::step, ::step][:, : logits.shape[1], : logits.shape[2]]
        terms = {}
        if self.loss.label_loss in ("similarity", "both"):
            terms["L_s"] = (self.loss.similarity, similarity_loss(logits, labels))
        if self.loss.label_loss in ("cross_entropy", "both"):
            terms["L_ce"] = (self.loss.similarity, label_cross_entropy(logits, labels))
        return terms


class LGGANObjective(PairedObjective):
    """The objective of LGGAN and LGGAN++ for label maps (spec/lggan.md, section 8).

        L_G = L^i + lambda_f (L_f^C + L_f^G + L_f^L) + lambda_p (L_p^C + L_p^G + L_p^L) + lambda_class L_class
            + lambda_local L_local + lambda_1 (L_1^C + L_1^G + L_1^L)
    L^i sums over the final image I^C, the global I^G and the local I^L; one that `fusion` leaves out has no terms.

    Args:
        config: the run's.
        generator: `LGGANGenerator`, for its branches.
        vgg: from `make_vgg_features`, or None for no perceptual terms.
        classify: `ClassFeatureClassifier` or None.
    """

    def __init__(self, config, generator, vgg=None, classify=None):
        pairs = [("C", "image", "image", 1.0)]
        if generator.has_global and generator.has_local:
            pairs += [("G", "global_image", "image", 1.0), ("L", "local_image", "image", 1.0)]
        super().__init__(config, pairs, vgg)
        self.generator = generator
        self.classify = classify

    def generator_terms(self, batch, outputs, fakes, reals, step=0):
        """The weighted terms of the generator's total; arguments and result as `ECGANObjective.generator_terms`."""
        terms = self.image_terms(batch, outputs, fakes, reals)
        branches, count = self.generator.branches_of(batch["labels"]), self.generator.num_branches
        if self.classify:
            pooled, present = pool_by_branch(outputs["local_features"], branches, count, self.loss.class_pool)
            terms["L_class"] = (self.loss.class_features, class_feature_loss(self.classify(pooled), present))
        if self.loss.local_l1 and self.generator.has_local:
            terms["L_local"] = (self.loss.local_l1, local_loss(batch["image"], outputs, branches, count))
        return terms


class CrossViewObjective(LGGANObjective):
    """The objective of LGGAN's cross-view task (spec/lggan.md, section 8).

        L_G = L^i + L^s + lambda_p (L_p^C + ...) + lambda_1 (L_1^C + ...) + lambda_local L_local
            + lambda_tv (L_tv^C + L_tv^G + L_tv^L)
    L^i is of the discriminator that sees the layout, L^s of the one that sees the other view. The discriminators' total
    is halved, as in the release.
    """

    discriminator_weight = 0.5

    def generator_terms(self, batch, outputs, fakes, reals, step=0):
        """As `LGGANObjective.generator_terms`."""
        terms = super().generator_terms(batch, outputs, fakes, reals, step)
        if self.loss.total_variation:
            for symbol, fake, _, weight in self.pairs:
                terms[f"L_tv^{symbol}"] = (self.loss.total_variation * weight, total_variation(outputs[fake]))
        return terms


OBJECTIVES = {
    "ecgan": ECGANObjective,
    "msca": ECGANObjective,
    "spade": ECGANObjective,
    "lggan": LGGANObjective,
    "lggan_cross_view": CrossViewObjective,
    "lggan_plus": LGGANObjective,
}


def _logits(predictions):
    return [logits for _, logits in predictions]


def _features(predictions):
    return [features for features, _ in predictions]
