"""Every method in METHODS passes the same list of checks in training; a new one is tested by being in the table.

What it synthesises after export is in tests/conformance_test.py.
"""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from ecgan_tf.configs import earth_tiles

from ecgan_tf.config import keys_of
from ecgan_tf.latents import draw_latents
from ecgan_tf.layers import label_conv, spade
from ecgan_tf.methods import METHODS
from ecgan_tf.models import discriminators
from ecgan_tf.runs.checkpoints import load_checkpoint, save_checkpoint
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.step import make_train_step
from ecgan_tf.training.terms import with_missing_terms

RATE = 0.01
SMALL = {
    "model.base_filters": 4,
    "model.spade_hidden_filters": 4,
    "discriminator.base_filters": 4,
    "discriminator.num_scales": 1,
    "loss.reconstruction": 5.0,
    "loss.contrastive": 0.0,  # gathers in graphs only: tests/methods has its two replicas
    "train.update_order": "simultaneous",
}


class Dataset:
    classes, has_unknown, has_boundaries = types.SimpleNamespace(num_classes=3), True, True

    def label_counts(self):
        return np.array([5, 9, 7, 100])


def make(name, **values):
    """A GAN and its config. Weight maps start equal, where their decoder has no gradient: not here."""
    config = earth_tiles.get_config(f"{name}_toy")
    small = {key: value for key, value in SMALL.items() if key in keys_of(name)}
    if "loss.label_mix" in keys_of(name):
        small["train.update_order"] = "alternating"  # LabelMix needs the two passes
    config.update_from_flattened_dict({**small, **values})
    config = with_missing_terms(config)
    keras.utils.set_random_seed(0)
    gan = GAN(config, METHODS[name].generator_arguments(config, Dataset()))
    if hasattr(gan.generator, "to_weights"):
        kernel = gan.generator.to_weights.kernel
        kernel.assign(np.random.default_rng(0).normal(0, 0.3, kernel.shape))
    return gan, config


# What make test checks; of the others make conformance tells.
SMOKE = (("ecgan", "cells"), ("ecgan", "neighbourhoods"))
FORMS = {
    "cells": {"train.layout_form": "cells"},
    "neighbourhoods": {"train.layout_form": "neighbourhoods"},
    "codes": {"model.use_vae": True, "model.noise": "classes"},
}
CASES = [
    pytest.param(
        (name, form),
        id=f"{name}-{form}",
        marks=[] if (name, form) in SMOKE else [pytest.mark.slow],
    )
    for name in sorted(METHODS)
    for form, values in FORMS.items()
    if set(values) <= set(keys_of(name))
]


@pytest.fixture(scope="module", params=CASES)
def made(request, toy_batch, values, set_aside):
    """A model's GAN, its config, its values at the start, and the settings' batches; in each form, however noisy."""
    set_aside()
    name, form = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(label_conv, "MOST_WINDOWS", np.inf)
        patch.setattr(spade, "MOST_WORK", np.inf)
        patch.setattr(discriminators, "MOST_WINDOWS", np.inf)
        patch.setattr(discriminators, "FEWEST_LABELS", 0)
        yield make_case(name, form, toy_batch, values)


def make_case(name, form, toy_batch, values):
    gan, config = make(name, **FORMS[form])

    factor = config.data.image_size[0] // 32  # of methods whose pictures are larger

    def toy(size, seed):
        larger = lambda x: x if x.shape.rank < 3 else tf.repeat(tf.repeat(x, factor, axis=1), factor, axis=2)
        return {key: larger(value) for key, value in toy_batch(size, seed).items()}

    def batch(size, seed=0):
        other = toy(size, seed + 1)
        exemplar = {"exemplar": other["image"], "exemplar_labels": other["labels"]}
        if "data.exemplars" in keys_of(name) and config.data.exemplars != "none":
            exemplar["has_target"] = tf.constant(np.arange(size) % 2, tf.float32)
        codes = draw_latents({"z": (256,), "noise": (4, 64), "mix": (4,)}, seed, range(size), class_codes=0.5)
        codes = {key: tf.constant(value) for key, value in codes.items()}
        return {**toy(size, seed), "source": other["image"], **exemplar, **codes}

    return types.SimpleNamespace(name=name, gan=gan, config=config, start=values(gan), batch=batch, values=FORMS[form])


@pytest.fixture
def gan(made):
    """The GAN as it was made."""
    for name, variable in made.gan.named_variables().items():
        variable.assign(made.start[name])
    return made.gan


def test_the_generator_is_rebuilt_from_its_config(made, gan):
    twin = type(gan.generator).from_config(gan.generator.get_config())
    twin.build()
    twin.by_neighbourhoods = gan.generator.by_neighbourhoods  # no argument: whoever runs a network chooses
    for variable, other in zip(twin.variables, gan.generator.variables, strict=True):
        assert variable.path.split("/", 1)[1] == other.path.split("/", 1)[1]
        variable.assign(other)
    batch = made.batch(2)
    np.testing.assert_array_equal(twin(batch)["image"], gan.generator(batch)["image"])


def test_a_step_after_a_checkpoint_is_the_step_without_one(made, gan, take_step, values, tmp_path):
    take_step(gan, made.batch(2), made.config)
    save_checkpoint(str(tmp_path), 1, gan.named_variables(), keep=1)
    take_step(gan, made.batch(2, seed=1), made.config)
    expected = values(gan)
    for variable in gan.named_variables().values():
        variable.assign(tf.ones_like(variable))
    load_checkpoint(str(tmp_path), 1, gan.named_variables())
    take_step(gan, made.batch(2, seed=1), made.config)
    assert not [name for name, value in values(gan).items() if not np.array_equal(value, expected[name])]


def test_two_replicas_take_the_step_of_one(made, gan, two_replicas, take_step, values):
    with two_replicas.scope():
        mirrored, _ = make(made.name, **made.values)
        mirrored.generator_optimizer, mirrored.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))
    optimizers = gan.generator_optimizer, gan.discriminator_optimizer
    gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))
    try:
        before, batch = values(gan), made.batch(4)
        for name, variable in zip(before, mirrored.named_variables().values(), strict=True):
            variable.assign(before[name])
        halves = two_replicas.experimental_distribute_dataset(tf.data.Dataset.from_tensors(batch).unbatch().batch(4))
        terms = take_step(gan, batch, made.config)
        assert take_step(mirrored, next(iter(halves)), made.config, two_replicas) == pytest.approx(terms, rel=1e-4)
        after = dict(zip(before, values(mirrored).values()))
        for name, value in values(gan).items():  # as far and in the same direction, but for the slope at a kink or so
            difference, move = np.linalg.norm(after[name] - value), np.linalg.norm(value - before[name])
            assert difference <= 0.1 * move + 1e-6 * np.sqrt(np.size(value)), name  # maps of one pixel amplify rounding
    finally:
        gan.generator_optimizer, gan.discriminator_optimizer = optimizers


def test_a_step_in_half_precision_is_finite_and_near(made, gan, take_step, values):
    expected = take_step(gan, made.batch(2), made.config)
    half, config = make(made.name, **{"train.precision": "mixed_float16", **made.values})
    for optimizer in (half.generator_optimizer, half.discriminator_optimizer):
        optimizer.dynamic_scale.assign(64.0)  # where it arrives by itself, after steps that overflow and are left out
    before = values(half)
    assert take_step(half, made.batch(2), config) == pytest.approx(expected, rel=0.1, abs=0.1)
    after = values(half)
    assert not [name for name, value in after.items() if not np.all(np.isfinite(value))]
    names = [f"generator/{variable.path}" for variable in half.generator.trainable_variables]
    moved = [name for name in names if np.any(after[name] != before[name])]
    assert len(moved) > len(names) / 2  # the others move too little, or feed a normalisation that takes them out


# --- XLA --------------------------------------------------------------------------------------------------------------

# In a graph, where it can gather. All pixels: XLA has random numbers of its own, by which it would sample others.
CONTRAST = {"loss.contrastive": 1.0, "loss.contrastive_warmup_steps": 0, "loss.contrastive_samples_per_class": 1000}
BY_XLA = {
    **{name: (name, {}) for name in METHODS},
    "ecgan": ("ecgan", CONTRAST),
    "ecgan_plus": ("ecgan", {**CONTRAST, "loss.ms_scales": 2, "loss.ms_pairs": "none"}),
}
MOVES_APART = 5e-3  # of the norm of a network's move


def step_of(name, batch, **values):
    """One compiled step by SGD of a fresh GAN: its terms, its values before and after, and their names."""
    gan, config = make(name, **values)
    gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(RATE) for _ in range(2))
    before = [variable.numpy() for variable in gan.named_variables().values()]
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    step = make_train_step(gan, objective, config, tf.distribute.get_strategy())
    terms = {symbol: float(value) for symbol, value in step(batch).items()}
    return terms, before, [variable.numpy() for variable in gan.named_variables().values()], list(gan.named_variables())


@pytest.mark.slow  # XLA compiles a step for a minute or more
@pytest.mark.parametrize("case", sorted(BY_XLA))
def test_a_step_by_xla_is_the_step_without(case, toy_batch, values):
    """Terms and the moves of each network, up to the order of additions."""
    name, settings = BY_XLA[case]
    batch = make_case(name, "cells", toy_batch, values).batch(8)  # of two, maps of one pixel amplify rounding
    settings = {**settings, "train.layout_form": "cells", "train.global_batch_size": 8}
    terms, before, plain, names = step_of(name, batch, **settings)
    by_xla, same, compiled, _ = step_of(name, batch, **settings, **{"train.jit_compile": True})
    assert all(np.array_equal(one, other) for one, other in zip(before, same, strict=True))
    assert by_xla == pytest.approx(terms, rel=1e-3, abs=1e-4)
    for network in {path.split("/")[0] for path in names if not path.startswith("step")}:
        of = [index for index, path in enumerate(names) if path.split("/")[0] == network]
        move = np.sqrt(sum(np.sum((plain[i] - before[i]) ** 2.0) for i in of))
        apart = np.sqrt(sum(np.sum((plain[i] - compiled[i]) ** 2.0) for i in of))
        print(f"{case}: {network} moves {move:.2e}, apart {apart / max(move, 1e-30):.1e}")
        assert apart <= MOVES_APART * move, network
