"""The papers' ablations B1 to B7: each builds, takes a step and holds nothing of what it leaves out."""

import types

import numpy as np
import pytest
import tensorflow as tf
from ecgan_tf.configs import ablations_earth_tiles

from ecgan_tf.methods import METHODS
from ecgan_tf.models.segmenter import Segmenter, segmenter_arrays
from ecgan_tf.training.gan import GAN

DATASET = types.SimpleNamespace(classes=types.SimpleNamespace(num_classes=3), has_unknown=True, has_boundaries=True)
TERMS = {
    "B1": ["L^i", "L_f^I'", "L_1^I'"],
    "B2": ["L^e", "L^i", "L_f^e", "L_f^I'", "L_1^I'"],
    "B4": ["L^e", "L^i", "L_f^e", "L_f^I'", "L_f^I''", "L_1^I'", "L_1^I''"],
}
TERMS["B3"] = TERMS["B2"]
TERMS["B5"] = [*TERMS["B4"], "L_s"]
TERMS["B6"] = TERMS["B7"] = [*TERMS["B5"], "L_c", "L_pix"]
HEADS = {"B6": ["embedding_1", "class_pixels"],
         "B7": ["embedding_1", "embedding_3", "embedding_4", "memory", "class_pixels"]}  # fmt: skip


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    model = Segmenter(3, base_filters=32, name="segmenter")
    model.build()
    path = tmp_path_factory.mktemp("segmenter") / "segmenter.npz"
    np.savez(path, **segmenter_arrays(model))
    return str(path)


@pytest.fixture(scope="module")
def make(segmenter):
    """The GAN and the config of an ablation; B7 with a memory."""

    def make(variant):
        config = ablations_earth_tiles.get_config(f"{variant}_toy")
        config.loss.segmenter = segmenter
        config.loss.contrastive_memory = 4 if variant == "B7" else 0
        return GAN(config, METHODS["ecgan"].generator_arguments(config, DATASET)), config

    return make


@pytest.fixture(scope="module", params=sorted(TERMS))
def taken(request, make, take_step, toy_batch, values):
    """A step of an ablation: the values before and after, and the terms."""
    gan, config = make(request.param)
    before = values(gan)
    terms = take_step(gan, toy_batch(2), config)
    return types.SimpleNamespace(
        variant=request.param, gan=gan, config=config, before=before, after=values(gan), terms=terms
    )


def test_a_step_has_the_terms_of_its_parts(taken):
    of_discriminator = ["L_D^i"] if taken.variant == "B1" else ["L_D^e", "L_D^i"]
    assert list(taken.terms) == [*TERMS[taken.variant], "L_G", *of_discriminator, "L_D"]
    assert all(np.isfinite(value) and value != 0 for value in taken.terms.values())


def test_a_part_that_is_switched_off_has_no_variables(taken):
    number = int(taken.variant[1:])
    parts = ("edge_generator", "semantic_preserving")
    has = {part: any(f"/{part}/" in name for name in taken.before) for part in parts}
    assert has == {"edge_generator": number >= 2, "semantic_preserving": number >= 4}
    assert list(taken.gan.heads) == HEADS.get(taken.variant, [])
    assert not [name for name in taken.before if "segmenter" in name]


def test_every_variable_of_generator_and_heads_learns(taken):
    parts = {"generator": taken.gan.generator, **taken.gan.heads}
    names = [f"{part}/{v.path}" for part, network in parts.items() for v in network.trainable_variables]
    assert not [name for name in names if np.array_equal(taken.before[name], taken.after[name])]


def test_every_variable_stays_finite(taken):
    assert not [name for name, value in taken.after.items() if not np.all(np.isfinite(value))]


# --- layouts at the edge of what there is ----------------------------------------------------------------------------


def one_pixel(labels):
    labels[:] = 0
    labels[:, 16, 16] = 2


LAYOUTS = {
    "one class": lambda labels: labels.fill(1),
    "a class of one pixel": one_pixel,
    "all unknown": lambda labels: labels.fill(3),
}


@pytest.fixture(scope="module")
def full(make):
    return make("B7")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_odd_layout_gives_finite_terms_and_gradients(layout, full, take_step, toy_batch, values):
    gan, config = full
    batch = toy_batch(2)
    labels = batch["labels"].numpy()
    LAYOUTS[layout](labels)
    terms = take_step(gan, {**batch, "labels": tf.constant(labels)}, config)
    assert all(np.isfinite(value) for value in terms.values())
    assert not [name for name, value in values(gan).items() if not np.all(np.isfinite(value))]
    if layout == "all unknown":
        assert terms["L_s"] == terms["L_pix"] == terms["L_c"] == 0
