"""What each model is trained for: the terms of its total, by the paper's symbols, in one place per model."""

import tensorflow as tf

from ecgan_tf.losses.adversarial import ADVERSARIAL
from ecgan_tf.losses.class_pixels import class_pixel_loss
from ecgan_tf.losses.features import feature_matching_loss, perceptual_loss
from ecgan_tf.losses.labels import label_cross_entropy, similarity_loss
from ecgan_tf.losses.reduction import mean_absolute_difference
from ecgan_tf.training.exemplar_terms import with_exemplar_terms


class ECGANObjective:
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
        self.loss = loss = config.loss
        self.num_classes = num_classes
        self.vgg = vgg
        self.label_logits = label_logits
        self.contrast = contrast
        self.paint_classes = paint_classes
        self.generator_cost, self.real_cost, self.fake_cost = ADVERSARIAL[loss.gan_mode]
        is_ecgan = config.model.name == "ecgan"
        # symbol, key of the generator's output, key of the real partner, weight inside the family
        self.pairs = [("I'", "image" if config.model.name == "msca" else "initial_image", "image", 1.0)]
        if is_ecgan and config.model.use_edge and config.data.edge_source != "none":
            self.pairs.insert(0, ("e", "edge", "edge", 1.0))
        if is_ecgan and config.model.use_semantic_preserving:
            self.pairs.append(("I''", "image", "image", loss.final_weight))

    def reals(self, batch):
        """What the discriminator should take for real: float (batch, height, width, 3) each."""
        reals = {"image": batch["image"]}
        if any(real == "edge" for _, _, real, _ in self.pairs):
            reals["edge"] = tf.repeat(batch["edges"], 3, axis=-1)
        return reals

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

    def discriminator_terms(self, fakes, reals):
        """The weighted terms of the discriminator's total; arguments as `generator_terms`.

        The real image counts as often as its fakes do, lambda + 1 times for I' and I''.
        """
        terms = {}
        for name, real in (("L_D^e", "edge"), ("L_D^i", "image")):
            pairs = [(fake, weight) for _, fake, partner, weight in self.pairs if partner == real]
            if pairs:
                costs = [weight * self.fake_cost(_logits(fakes[fake])) for fake, weight in pairs]
                weights = sum(weight for _, weight in pairs)
                terms[name] = (1.0, weights * self.real_cost(_logits(reals[real])) + sum(costs))
        return terms

    def _adversarial_terms(self, fakes):
        terms = {}
        for name, real in (("L^e", "edge"), ("L^i", "image")):
            pairs = [(fake, weight) for _, fake, partner, weight in self.pairs if partner == real]
            if pairs:
                costs = [weight * self.generator_cost(_logits(fakes[fake])) for fake, weight in pairs]
                terms[name] = (self.loss.adversarial, sum(costs))
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


OBJECTIVES = {
    "ecgan": ECGANObjective,
    "msca": ECGANObjective,
    "spade": ECGANObjective,
}


def _logits(predictions):
    return [logits for _, logits in predictions]


def _features(predictions):
    return [features for features, _ in predictions]
