"""What a method is, with the defaults that most of them share: pairs of pictures, judged and compared."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import keras
import tensorflow as tf
from ml_collections import ConfigDict

from ecgan_tf.config_keys import Key
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.losses.adversarial import ADVERSARIAL
from ecgan_tf.losses.divergence import kl_divergence
from ecgan_tf.losses.features import feature_matching_loss, perceptual_loss
from ecgan_tf.losses.reduction import pooled_difference
from ecgan_tf.losses.texture import texture_loss
from ecgan_tf.models import make_discriminator
from ecgan_tf.models.hed import find_hed, make_hed_features
from ecgan_tf.models.vgg import make_vgg_features, vgg_mistake

# Values of config.loss.vgg_weights that are no path.
NAMED_VGG = ("keras", "hed")
# A head of this name is frozen, and begins with the weights of the run that config.loss.distill_from names.
TEACHER = "teacher"


@dataclasses.dataclass(frozen=True)
class Pair:
    """A picture that the generator gives, and the real one that it is held against.

    Attributes:
        symbol: of the picture in the paper, which ends the names of its terms: L_f^symbol.
        fake: key of the generator's outputs.
        real: "image" or "edge", key of `Objective.reals`.
        weight: of its terms.
    """

    symbol: str
    fake: str
    real: str = "image"
    weight: float = 1.0


@dataclasses.dataclass(frozen=True)
class Judge:
    """A discriminator, and which pictures it judges.

    Attributes:
        name: of its part of a checkpoint.
        network: function of (batch, images, training) to a list of (features, logits), see `MultiscaleDiscriminator`.
        symbols: from what it judges, keys of `Objective.reals`, to the symbol of that adversarial term.
        matches_features: whether the feature matching loss is taken from its features.
        gan_mode: key of `ADVERSARIAL`; "": config.loss.gan_mode.
        weight: of its term in the generator's total, beside config.loss.adversarial.
    """

    name: str
    network: Callable[..., Any]
    symbols: dict[str, str]
    matches_features: bool = True
    gan_mode: str = ""
    weight: float = 1.0


class Outputs(dict):
    """What a generator gives, by name; a name that it does not give is refused with the switch that would."""

    def __init__(self, outputs, switches):
        super().__init__(outputs)
        self.switches = switches

    def __missing__(self, key):
        remedy = f" Set {self.switches[key]}." if key in self.switches else ""
        raise RequestError(
            f"a term of the loss reads {key!r}, which this generator does not give; it gives {', '.join(self)}.{remedy}"
        )


class Objective:
    """The terms that every method has: pairs of a fake and a real, told apart by discriminators, near in features.

    Args:
        config: the run's.
        pairs: list of `Pair`.
        judges: list of `Judge`.
        vgg: `PerceptualNetwork`, or None for no perceptual terms.
        num_classes: N, which the texture terms need; None: as the main discriminator knows it.
    """

    discriminator_weight = 1.0

    def __init__(self, config, pairs, judges, vgg=None, num_classes=None):
        if num_classes is None and judges:
            num_classes = getattr(judges[0].network, "num_classes", None)
        if config.loss.texture and num_classes is None:
            raise ValueError(f"{type(self).__name__} needs num_classes for config.loss.texture {config.loss.texture}.")
        self.loss = config.loss
        self.num_classes = num_classes
        self.pairs = pairs
        self.judges = judges
        self.vgg = vgg

    def reals(self, batch):
        """What the discriminator should take for real: float (batch, height, width, 3) each."""
        reals = {"image": batch["image"]}
        if any(pair.real == "edge" for pair in self.pairs):
            reals["edge"] = tf.repeat(batch["edges"], 3, axis=-1)
        return reals

    def generator_terms(self, batch, outputs, judged, step=0):
        """The weighted terms of the generator's total.

        Args:
            batch: dictionary of a training batch.
            outputs: of the generator.
            judged: for each judge's name the predictions of the fakes, by the pairs' `fake`, and of the reals, by
                their `real`: two dictionaries.
            step: int64 scalar.
        Returns:
            dictionary from symbol to (weight, float32 (batch,) or scalar).
        """
        loss, photographs = self.loss, self.reals(batch)
        terms = self._adversarial_terms(judged)
        if loss.get("feature_matching"):
            for pair in self.pairs:
                for fakes, reals in (judged[j.name] for j in self._judges_of(pair.real) if j.matches_features):
                    distance = feature_matching_loss(_features(reals[pair.real]), _features(fakes[pair.fake]))
                    terms[f"L_f^{pair.symbol}"] = (loss.feature_matching * pair.weight, distance)
        if self.vgg:
            pairs = [pair for pair in self.pairs if pair.real != "edge" or self.vgg.judges_edges]
            # Once for all pictures that are held against the same real one.
            features = {real: self.vgg(photographs[real]) for real in {pair.real: None for pair in pairs}}
            for pair in pairs:
                distance = perceptual_loss(features[pair.real], self.vgg(outputs[pair.fake]), self.vgg.weights)
                terms[f"L_p^{pair.symbol}"] = (loss.perceptual * pair.weight, distance)
        if loss.reconstruction:
            # Not in the papers: colours come within hundreds of steps instead of thousands. Not for the edge, which is
            # black on most pixels: the L1 distance is content with a map that is black on all.
            for pair in self.pairs:
                if pair.real != "edge":
                    distance = pooled_difference(photographs[pair.real], outputs[pair.fake], loss.reconstruction_pool)
                    terms[f"L_1^{pair.symbol}"] = (loss.reconstruction * pair.weight, distance)
        if "z_mean" in batch:
            terms["L_KL"] = (loss.kl, kl_divergence(batch["z_mean"], batch["z_log_variance"]))
        if loss.texture:
            for pair in self.pairs:
                if pair.real != "edge":
                    distance = texture_loss(
                        photographs[pair.real], outputs[pair.fake], batch["labels"], self.num_classes
                    )
                    terms[f"L_t^{pair.symbol}"] = (loss.texture * pair.weight, distance)
        return terms

    def mixtures(self, batch, outputs):
        """What the discriminators see beside fakes and reals when they move: dictionary of pictures by name."""
        return {}

    def discriminator_terms(self, judged, batch=None):
        """The weighted terms of the discriminator's total; arguments as `generator_terms`.

        The real image counts as often as its fakes do: for ECGAN lambda + 1 times for I' and I''.
        """
        terms = {}
        for judge, real, pairs, (fakes, reals) in self._families(judged):
            _, real_cost, fake_cost = self._costs_of(judge)
            costs = [pair.weight * fake_cost(_logits(fakes[pair.fake])) for pair in pairs]
            weights = sum(pair.weight for pair in pairs)
            cost = weights * real_cost(_logits(reals[real])) + sum(costs)
            terms[f"L_D^{judge.symbols[real]}"] = (self.discriminator_weight, cost)
        return terms

    def _adversarial_terms(self, judged):
        terms = {}
        for judge, real, pairs, (fakes, _) in self._families(judged):
            generator_cost, _, _ = self._costs_of(judge)
            costs = [pair.weight * generator_cost(_logits(fakes[pair.fake])) for pair in pairs]
            terms[f"L^{judge.symbols[real]}"] = (self.loss.adversarial * judge.weight, sum(costs))
        return terms

    def _costs_of(self, judge):
        return ADVERSARIAL[judge.gan_mode or self.loss.gan_mode]

    def _judges_of(self, real):
        return [judge for judge in self.judges if real in judge.symbols]

    def _families(self, judged):
        """Judge, real partner, pairs and predictions of each adversarial term: of one judge and one kind of real."""
        for real in dict.fromkeys(pair.real for pair in self.pairs):
            pairs = [pair for pair in self.pairs if pair.real == real]
            for judge in self._judges_of(real):
                yield judge, real, pairs, judged[judge.name]


class Method:
    """What a paper adds to the rest; a subclass states what differs from this.

    Attributes:
        generator: class of the network, see `Generator`; `model.X` of the config is its argument X.
        keys: dictionary from "section.key" to `Key`, of the config keys that are the method's own.
        without: shared keys that it does not read; a config of it does not have them.
        switches: from an output that the generator may leave out to the setting that gives it, for messages.
        objective: class of what it is trained for.
    """

    generator: type
    keys: dict[str, Key] = {}
    without: tuple[str, ...] = ()
    switches: dict[str, str] = {}
    objective: type[Objective] = Objective

    def stride(self, config: ConfigDict) -> int:
        """What height and width of images must be multiples of."""
        return 32

    def check(self, config: ConfigDict) -> Iterable[str]:
        """Yields or returns what is wrong with a config beyond its single keys, one line each."""
        return ()

    # ---- terms

    def terms(self, config: ConfigDict) -> dict[str, float]:
        """The terms of the loss that a config asks for: from symbol, without a picture's mark, to weight."""
        loss = config.loss
        weights = {
            "L": loss.adversarial,
            "L_f": loss.get("feature_matching", 0.0),
            "L_p": loss.perceptual,
            "L_1": loss.reconstruction,
            "L_t": loss.texture,
        }
        return {symbol: weight for symbol, weight in weights.items() if weight}

    def missing_terms(self, config: ConfigDict) -> dict[str, str]:
        """Those of `terms` whose network is not at hand, and what to do about each; may try a download."""
        mistake = perceptual_mistake(config.loss.vgg_weights) if config.loss.perceptual else None
        return {"L_p": f"{mistake}, or --config.loss.perceptual=0"} if mistake else {}

    # ---- networks

    def generator_arguments(self, config: ConfigDict, dataset: Any) -> dict[str, Any]:
        """What `make_generator` takes for this config and data set: plain values, kept in the run folder.

        Args:
            config: the run's.
            dataset: anything with `classes.num_classes`, `has_unknown` and `has_boundaries`.
        """
        return {
            "num_classes": dataset.classes.num_classes,
            "image_size": tuple(config.data.image_size),
            "has_unknown": dataset.has_unknown,
            "has_boundaries": dataset.has_boundaries,
            **{key: value for key, value in config.model.items() if key != "name"},
        }

    def training_latents(self, config: ConfigDict, arguments: dict[str, Any]) -> dict[str, tuple[int, ...]]:
        """Random numbers that come with each training layout beside the generator's: from name to shape."""
        return {}

    def make_generator(self, name: str, **arguments: Any) -> keras.Model:
        """The generator, built; `name` begins the names of its variables."""
        generator = self.generator(name=name, **arguments)
        generator.build()
        return generator

    def begin_mistake(self, config: ConfigDict) -> str | None:
        """What a new run's generator lacks to begin with, such as a file of weights, in a line; may try a download."""
        return None

    def begin(self, config: ConfigDict, generator: keras.Model, examples: dict[str, Any]) -> None:
        """Gives a new run's generator what it begins with beside random numbers, such as the weights of a frozen part.

        Args:
            config: the run's.
            generator: built.
            examples: a few training layouts as the generator takes them, NumPy arrays with a batch axis.
        """

    def make_judges(self, config: ConfigDict, layout: dict[str, Any]) -> list[Judge]:
        """The discriminators, the main one first, and what each of them judges.

        By default one multi-scale discriminator judges all pairs; with config.discriminator.image a second one judges
        images without their layouts, with config.discriminator.segmentation a third one segments them.

        Args:
            config: the run's.
            layout: dictionary of num_classes, has_unknown and has_boundaries.
        Returns:
            list of `Judge`.
        """
        judges = [Judge("discriminator", self._multiscale(config, layout), {"edge": "e", "image": "i"})]
        if config.discriminator.image:
            network = self._multiscale(config, layout, "image", is_conditional=False)
            judges.append(Judge("image_discriminator", network, {"image": "u"}, matches_features=False))
        if config.discriminator.segmentation:
            network = make_discriminator("segmentation", base_filters=config.discriminator.base_filters, **layout)
            judges.append(
                Judge(
                    "segmentation_discriminator",
                    network,
                    {"image": "c"},
                    matches_features=False,
                    gan_mode="segmentation",
                    weight=config.discriminator.segmentation,
                )
            )
        return judges

    @staticmethod
    def _multiscale(config, layout, layer_name=None, **kwargs):
        return make_discriminator(
            "multiscale",
            layer_name,
            base_filters=config.discriminator.base_filters,
            initializer=config.model.initializer,
            num_scales=config.discriminator.num_scales,
            **layout,
            **kwargs,
        )

    def make_heads(self, config: ConfigDict, generator: keras.Model) -> dict[str, keras.Model]:
        """The networks that exist in training only, built, by the name of their part of a checkpoint.

        Args:
            config: the run's.
            generator: whose outputs the heads read.
        """
        return {}

    def generator_inputs(self, batch: dict[str, Any], heads: dict[str, keras.Model]) -> dict[str, Any]:
        """A training batch as the generator takes it in a step, where a head has a part in that."""
        return batch

    # ---- what they are trained for

    def pairs(self, config: ConfigDict) -> list[Pair]:
        """Which output is held against which real picture: list of `Pair`."""
        return [Pair("I", "image")]

    def make_objective(
        self, config: ConfigDict, generator: keras.Model, judges: list[Judge], heads: dict[str, keras.Model]
    ) -> Objective:
        """The objective of a run, without the terms that `config.missing_terms` names.

        Args:
            config: the run's.
            generator, judges, heads: the networks, as this method made them.
        """
        return self.objective(config, self.pairs(config), judges, open_vgg(config), generator.num_classes)


def open_vgg(config):
    """The `PerceptualNetwork` of the perceptual terms, or None where they are off or allowed to be missing."""
    weights = config.loss.vgg_weights
    if not config.loss.perceptual or "L_p" in config.missing_terms:
        return None
    vgg = make_hed_features() if weights == "hed" else make_vgg_features(weights)
    say(f"the perceptual loss is by {vgg.name}{'' if vgg.judges_edges else '; edges are not judged by it'}")
    return vgg


def perceptual_mistake(weights):
    """What is wrong with `config.loss.vgg_weights`, with the remedy; None where the network is at hand."""
    if weights != "hed":
        return vgg_mistake(weights)
    try:
        find_hed()
    except RequestError as error:
        return str(error).removesuffix(".")
    return None


def _logits(predictions):
    return [logits for _, logits in predictions]


def _features(predictions):
    return [features for features, _ in predictions]
