"""A small student for phones and pages, which learns a trained generator's pictures and features beside photographs."""

import os

import keras
import tensorflow as tf

from ecgan_tf.atomic_files import read_json
from ecgan_tf.config_keys import Key
from ecgan_tf.errors import RequestError
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.losses.reduction import mean_absolute_difference, per_example_mean
from ecgan_tf.methods.base import TEACHER, Method, Objective, Pair, open_vgg
from ecgan_tf.methods.label_terms import (
    LABEL_KEYS,
    check_label_terms,
    label_terms,
    missing_label_terms,
    open_label_objective,
)
from ecgan_tf.models.mobile import STRIDE, WIDTHS, MobileGenerator

LEVELS = 4  # scales of generators that are compared


class Mobile(Method):
    """`MobileGenerator`, by the terms of every method and those that hold it against a teacher.

        L_d    mean |I - I_teacher|
        L_d^f  mean over the scales of |A(F) - F_teacher| / mean |F_teacher|, A a 1x1 convolution of each scale
    Where a label generator is at hand, ECGAN's L_s, too. Features as in FitNets (Romero et al., 2015) and GAN
    Compression (Li et al., 2020), pixels as in the latter. Ours.
    """

    generator = MobileGenerator
    keys = {
        "model.base_filters": Key(16, "C: filters at the whole size; twelve times as many at 1/8", above=0, toy=4),
        "model.initializer": Key("he", "of generator and discriminator", ("he", "xavier_0.02")),
        "model.trunk_blocks": Key(2, "separable blocks of each level below the whole size", above=0, toy=1),
        "model.noise": Key("fixed", "a map of noise at each size, or `none`", ("fixed", "none")),
        "model.normalization": Key(
            "batch", "what class normalisation modulates: `batch`, synchronised over the replicas, or `instance`",
            ("batch", "instance"),
        ),
        **LABEL_KEYS,
        "loss.similarity": Key(0.0, "lambda_s; needs a segmenter", least=0),
        "loss.distill_from": Key("", "a run whose pictures and features this one learns, its teacher; ``: none"),
        "loss.distill_pixels": Key(10.0, "of L_d", least=0),
        "loss.distill_features": Key(1.0, "of L_d^f, where the teacher gives scales", least=0),
    }  # fmt: skip

    def stride(self, config):
        return STRIDE

    def check(self, config):
        """A teacher has a term to teach by, and is there."""
        loss = config.loss
        if loss.distill_from and not (loss.distill_pixels or loss.distill_features):
            yield "config.loss.distill_from names a teacher, but distill_pixels and distill_features are both 0"
        if loss.distill_from and not os.path.isfile(_description(loss.distill_from)):
            yield f"config.loss.distill_from={loss.distill_from}: not a run folder"

        yield from check_label_terms(loss)

    def terms(self, config):
        loss, own = config.loss, label_terms(config.loss)
        if loss.distill_from:
            own |= {"L_d": loss.distill_pixels, "L_d^f": loss.distill_features}
        return {**super().terms(config), **{symbol: weight for symbol, weight in own.items() if weight}}

    def missing_terms(self, config):
        return {**super().missing_terms(config), **missing_label_terms(config.loss)}

    def make_heads(self, config, generator):
        """`teacher`, frozen, whose weights `training.initial` brings; `adapter_<scale>` for its features."""
        if not config.loss.distill_from:
            return {}
        teacher = make_teacher(config.loss.distill_from, generator, config.loss.distill_features > 0)
        heads = {TEACHER: teacher}
        if config.loss.distill_features:
            for scale in range(1, LEVELS + 1):
                adapter = keras.layers.Conv2D(
                    teacher.scale_filters(scale), 1, kernel_initializer=make_initializer("he"), name=f"adapter_{scale}"
                )
                adapter.build((None, None, None, WIDTHS[-scale] * generator.base_filters))
                heads[f"adapter_{scale}"] = adapter
        return heads

    def make_objective(self, config, generator, judges, heads):
        adapters = [heads[f"adapter_{scale}"] for scale in range(1, LEVELS + 1) if f"adapter_{scale}" in heads]
        num_classes = generator.num_classes
        label_objective = open_label_objective(config, num_classes)
        return MobileObjective(
            config, [Pair("I", "image")], judges, num_classes, open_vgg(config), heads.get(TEACHER), adapters,
            label_objective,
        )  # fmt: skip


class MobileObjective(Objective):
    """The terms of every method, and those that hold the student against its teacher, see `Mobile`.

    Args:
        config, pairs, judges, num_classes, vgg: as in `Objective`.
        teacher: a generator, or None.
        adapters: from each of the student's scales to the teacher's channels; [] leaves L_d^f out.
        label_objective: `LabelObjective`, or None.
    """

    def __init__(
        self, config, pairs, judges, num_classes, vgg=None, teacher=None, adapters=(), label_objective=None
    ):  # fmt: skip
        super().__init__(config, pairs, judges, vgg, num_classes)
        self.label_objective = label_objective
        self.teacher = teacher
        self.adapters = adapters

    def generator_terms(self, batch, outputs, judged, step=0):
        """As `Objective.generator_terms`."""
        terms = super().generator_terms(batch, outputs, judged, step)
        if self.label_objective:
            terms.update(self.label_objective(batch["labels"], outputs["image"]))
        if not self.teacher:
            return terms
        taught = self.teacher({name: batch[name] for name in self.teacher.input_specs})
        if self.loss.distill_pixels:
            distance = mean_absolute_difference(tf.stop_gradient(taught["image"]), outputs["image"])
            terms["L_d"] = (self.loss.distill_pixels, distance)
        distances = []
        for adapter, ours, theirs in zip(self.adapters, outputs["scales"], taught.get("scales", ())):
            theirs = tf.stop_gradient(tf.cast(theirs, tf.float32))
            size = per_example_mean(tf.abs(theirs)) + 1e-6  # of each example: replicas change nothing
            distances.append(mean_absolute_difference(theirs, adapter(ours)) / size)
        if distances:
            terms["L_d^f"] = (self.loss.distill_features, tf.add_n(distances) / len(distances))
        return terms


def _description(run):
    return os.path.join(os.path.expanduser(run), "model.json")


def make_teacher(run, student, needs_scales=True):
    """The generator of a run at the student's size, frozen, with weights yet to come.

    Raises:
        RequestError: where it reads other inputs, or knows other classes.
    """
    from ecgan_tf.methods import METHODS  # a method by its name, which the table alone knows

    model = read_json(_description(run))
    arguments = {**model.get("arguments", {}), "image_size": student.image_size}
    if model.get("name") not in METHODS:
        raise RequestError(f"config.loss.distill_from={run}: a teacher of the unknown method {model.get('name')!r}.")
    differ = [key for key in ("num_classes", "has_unknown", "has_boundaries")
              if arguments.get(key) != getattr(student, key)]  # fmt: skip
    if differ:
        said = ", ".join(f"{key} {arguments.get(key)} for {getattr(student, key)}" for key in differ)
        raise RequestError(f"config.loss.distill_from={run}: a teacher of other layouts ({said}).")
    try:
        teacher = METHODS[model["name"]].make_generator(TEACHER, **arguments)
    except ValueError as error:  # of a size that it cannot have
        raise RequestError(f"config.loss.distill_from={run}: {error}") from error
    if needs_scales and not getattr(teacher, "scale_filters", None):
        raise RequestError(
            f"config.loss.distill_from={run}: {model['name']} gives no features at several scales; set "
            "--config.loss.distill_features=0."
        )
    foreign = set(teacher.input_specs) - set(student.input_specs)
    if foreign:
        raise RequestError(
            f"config.loss.distill_from={run}: a teacher that also takes {', '.join(sorted(foreign))}, which a student "
            "does not have; teach by one of layouts alone."
        )
    teacher.trainable = False
    return teacher
