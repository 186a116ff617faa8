"""What each model is trained for: the terms of its total, by the paper's symbols, in one place per model."""

import tensorflow as tf

from ecgan_tf.losses.adversarial import hinge_fake_loss, hinge_generator_loss, hinge_real_loss
from ecgan_tf.losses.contrastive import pixel_contrastive_loss, sample_pixels
from ecgan_tf.losses.features import feature_matching_loss, perceptual_loss
from ecgan_tf.losses.reduction import mean_absolute_difference


class ECGANObjective:
    """The objective of ECGAN (spec/ecgan.md, section 5.7).

        L_G = lambda_c (L^e + L^i) + lambda_l L_c + lambda_f (L_f^e + L_f^I' + lambda L_f^I'')
            + lambda_p (L_p^e + L_p^I' + lambda L_p^I'')

    Args:
        loss: config.loss.
        num_classes: N.
        vgg: from `make_vgg_features`, or None for no perceptual terms.
    """

    def __init__(self, loss, num_classes, vgg=None):
        self.loss = loss
        self.num_classes = num_classes
        self.vgg = vgg
        # symbol, key of the generator's output, key of the real partner, weight inside the family
        self.pairs = (
            ("e", "edge", "edge", 1.0),
            ("I'", "initial_image", "image", 1.0),
            ("I''", "image", "image", loss.final_weight),
        )

    def reals(self, batch):
        """What the discriminator should take for real: float (batch, height, width, 3) each."""
        return {"image": batch["image"], "edge": tf.repeat(batch["edges"], 3, axis=-1)}

    def generator_terms(self, batch, outputs, fakes, reals, contrast=None, step=0):
        """The weighted terms of the generator's total.

        Args:
            batch: dictionary of a training batch.
            outputs: of the generator.
            fakes, reals: dictionaries from the pairs' keys to the discriminator's predictions.
            contrast: `PixelContrast` or None.
            step: int64 scalar.
        Returns:
            dictionary from symbol to (weight, float32 (batch,) or scalar).
        """
        loss = self.loss
        real_images = self.reals(batch)
        terms = {
            "L^e": (loss.adversarial, hinge_generator_loss(_logits(fakes["edge"]))),
            "L^i": (
                loss.adversarial,
                hinge_generator_loss(_logits(fakes["initial_image"]))
                + loss.final_weight * hinge_generator_loss(_logits(fakes["image"])),
            ),
        }
        for symbol, fake, real, weight in self.pairs:
            if loss.feature_matching:
                terms[f"L_f^{symbol}"] = (
                    loss.feature_matching * weight,
                    feature_matching_loss(_features(reals[real]), _features(fakes[fake])),
                )
        for symbol, fake, real, weight in self.pairs:
            if self.vgg:
                terms[f"L_p^{symbol}"] = (
                    loss.perceptual * weight,
                    perceptual_loss(self.vgg(real_images[real]), self.vgg(outputs[fake])),
                )
        for symbol, fake, real, weight in self.pairs:
            # Not in the paper: colours come within hundreds of steps instead of thousands. Not for the edge, which is
            # black on most pixels: the L1 distance is content with a map that is black on all.
            if loss.reconstruction and symbol != "e":
                terms[f"L_1^{symbol}"] = (
                    loss.reconstruction * weight,
                    mean_absolute_difference(real_images[real], outputs[fake]),
                )
        if contrast:
            warmup = tf.minimum(tf.cast(step + 1, tf.float32) / max(loss.contrastive_warmup_steps, 1), 1.0)
            terms["L_c"] = (loss.contrastive * warmup, contrast(outputs["features"], batch["labels"], step))
        return terms

    def discriminator_terms(self, fakes, reals):
        """The weighted terms of the discriminator's total; arguments as `generator_terms`.

        The real image counts lambda + 1 times, once for each of I' and I''.
        """
        final = self.loss.final_weight
        return {
            "L_D^e": (1.0, hinge_real_loss(_logits(reals["edge"])) + hinge_fake_loss(_logits(fakes["edge"]))),
            "L_D^i": (
                1.0,
                (final + 1.0) * hinge_real_loss(_logits(reals["image"]))
                + hinge_fake_loss(_logits(fakes["initial_image"]))
                + final * hinge_fake_loss(_logits(fakes["image"])),
            ),
        }


OBJECTIVES = {
    "ecgan": ECGANObjective,
}


class PixelContrast:
    """L_c over the global batch of all replicas, called in a replica's context.

    Every replica draws the same pixels of the global batch, gives the embeddings of its own, and adds up the others'.

    Args:
        embedding: `PixelEmbedding`.
        loss: config.loss.
        num_classes: N.
        seed: of the sampler, with the step.
    """

    def __init__(self, embedding, loss, num_classes, seed):
        self.embedding = embedding
        self.loss = loss
        self.num_classes = num_classes
        self.seed = seed

    def __call__(self, features, labels, step):
        """The loss of the global batch, float32 scalar, the same on every replica."""
        context = tf.distribute.get_replica_context()
        stride = self.loss.contrastive_stride
        embeddings = self.embedding(features, training=True)
        embeddings = tf.reshape(embeddings, [-1, embeddings.shape[-1]])
        own = tf.reshape(labels[:, ::stride, ::stride], [-1])
        everywhere = own
        first = 0
        if context.num_replicas_in_sync > 1:
            # As float: a gather of integers has no gradient and must live on the host.
            everywhere = tf.cast(context.all_gather(tf.cast(own, tf.float32), axis=0), tf.int32)
            everywhere = tf.ensure_shape(everywhere, [own.shape[0] * context.num_replicas_in_sync])
            first = context.replica_id_in_sync_group * own.shape[0]
        seed = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(step, tf.int64)])
        indices, sampled_labels, valid = sample_pixels(
            everywhere, self.num_classes, self.loss.contrastive_samples_per_class, seed
        )
        local = indices - first
        mine = tf.logical_and(local >= 0, local < own.shape[0])
        sampled = tf.gather(embeddings, tf.where(mine, local, 0)) * tf.cast(mine, embeddings.dtype)[:, None]
        if context.num_replicas_in_sync > 1:
            sampled = context.all_reduce(tf.distribute.ReduceOp.SUM, sampled)
        return pixel_contrastive_loss(sampled, sampled_labels, valid, self.loss.contrastive_temperature)


def _logits(predictions):
    return [logits for _, logits in predictions]


def _features(predictions):
    return [features for features, _ in predictions]
