"""LGGAN and LGGAN++ in training: a step, and every ablation."""

import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.config import keys_of
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS
from ecgan_tf.training.gan import GAN

# Branches that an instance normalisation follows: their biases, kept for the release's weights, do nothing.
USELESS = ("encoder/start/bias", "convolution/bias", "conv_0/bias", "conv_1/bias", "conv_2/bias", "conv_3/bias")
SMALL = {"model.num_residual_blocks": 1, "model.local_kernel_size": 3, "model.base_filters": 4,
         "model.spade_hidden_filters": 4, "discriminator.base_filters": 4, "discriminator.num_scales": 1,
         "loss.reconstruction": 5.0, "train.update_order": "simultaneous"}  # fmt: skip


class Dataset:
    classes, has_unknown, has_boundaries = types.SimpleNamespace(num_classes=3), True, True

    def label_counts(self):
        return np.array([5, 9, 7, 100])


@pytest.fixture(scope="module")
def make(tiny_config):
    """The GAN and the config of a model; the weight maps no longer equal, so that their decoder has a gradient."""

    def make(name="lggan", **values):
        small = {key: value for key, value in SMALL.items() if key in keys_of(name)}
        config = tiny_config(name, **{**small, **values})
        keras.utils.set_random_seed(0)
        gan = GAN(config, METHODS[name].generator_arguments(config, Dataset()))
        if hasattr(gan.generator, "to_weights"):
            kernel = gan.generator.to_weights.kernel
            kernel.assign(np.random.default_rng(0).normal(0, 0.3, kernel.shape))
        return gan, config

    return make


# --- one step --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["lggan", "lggan_plus"])
def taken(request, make, take_step, toy_batch, values):
    gan, config = make(request.param, **{"discriminator.image": True})
    before = values(gan)
    terms = take_step(gan, toy_batch(2), config)
    return types.SimpleNamespace(gan=gan, config=config, before=before, after=values(gan), terms=terms)


def test_a_step_moves_every_variable_and_has_every_term(taken):
    gan = taken.gan
    parts = {"generator": gan.generator, **gan.heads, **gan.discriminators}
    assert list(parts) == ["generator", "class_features", "discriminator", "image_discriminator"]
    names = [f"{part}/{v.path}" for part, network in parts.items() for v in network.trainable_variables]
    still = [name for name in names if np.array_equal(taken.before[name], taken.after[name])]
    assert not [name for name in still if "trunk/" in name or not name.endswith(USELESS)]
    assert list(taken.terms) == [
        "L^i", "L^u", "L_f^C", "L_f^G", "L_f^L", "L_1^C", "L_1^G", "L_1^L", "L_class", "L_local", "L_G",
        "L_D^i", "L_D^u", "L_D",
    ]  # fmt: skip
    assert all(np.isfinite(value) and value != 0 for value in taken.terms.values())


def test_a_checkpoint_holds_the_parts_of_training(taken):
    parts = {name.split("/")[0] for name in taken.after}
    assert parts == {"generator", "ema_generator", "discriminator", "image_discriminator", "class_features",
                     "generator_optimizer", "discriminator_optimizer", "step"}  # fmt: skip


def test_the_exported_generator_has_no_classifier(taken):
    assert not [name for name in taken.after if name.startswith("ema_generator/") and "class_features" in name]


def test_a_cross_view_step_moves_everything_by_two_judges(make, take_step, toy_batch, values):
    gan, config = make("lggan_cross_view", **{"data.name": "folder", "loss.gan_mode": "log",
                                              "loss.feature_matching": 0.0, "loss.class_features": 0.0,
                                              "loss.total_variation": 1e-6})  # fmt: skip
    before, batch = values(gan), toy_batch(2)
    terms = take_step(gan, {**batch, "source": -batch["image"]}, config)
    after = values(gan)
    assert list(terms) == ["L^i", "L^s", "L_1^C", "L_1^G", "L_1^L", "L_local", "L_tv^C", "L_tv^G", "L_tv^L", "L_G",
                           "L_D^i", "L_D^s", "L_D"]  # fmt: skip
    assert terms["L_D"] == pytest.approx((terms["L_D^i"] + terms["L_D^s"]) / 2, rel=1e-5)
    networks = {"generator": gan.generator, **gan.discriminators}
    assert list(networks) == ["generator", "discriminator", "source_discriminator"]
    for part, network in networks.items():
        names = [f"{part}/{v.path}" for v in network.trainable_variables if not v.path.endswith("bias")]
        assert not [name for name in names if np.array_equal(before[name], after[name])]


ORDERS = ("simultaneous", "discriminator_first")
CROSS_VIEW = {"data.name": "folder", "loss.gan_mode": "log", "loss.feature_matching": 0.0, "loss.class_features": 0.0,
              "loss.local_l1": 0.0, "loss.reconstruction": 0.0, "model.upsampler": "sau",
              "model.initializer": "normal_0.02"}  # fmt: skip


def test_the_discriminator_moves_first_and_the_generator_is_judged_by_what_it_is_then(
    make, take_step, toy_batch, values
):
    """D moves as in one pass for both; G does so too where D stands still, and otherwise is told by the new D."""
    gan, config = make("lggan_cross_view", **CROSS_VIEW)
    gan.generator_optimizer, gan.discriminator_optimizer = (keras.optimizers.SGD(0.1) for _ in range(2))
    start, batch = values(gan), {**toy_batch(2), "source": -toy_batch(2)["image"]}
    after = {}
    for order in ORDERS:
        for rate in (0.0, 0.1):
            for name, variable in gan.named_variables().items():
                variable.assign(start.get(name, variable))
            gan.discriminator_optimizer.learning_rate = rate
            config.train.update_order = order
            terms = take_step(gan, batch, config)
            after[order, rate] = {**values(gan), "L_D": terms["L_D"], "L^i": terms["L^i"]}

    def differ(a, b, part):
        """How far two ways of moving a part are from each other, of how far it moved."""
        names = [name for name in start if name.startswith(part)]
        move, difference = (np.sqrt(sum(np.sum((after[a][n] - other[n]) ** 2) for n in names))
                            for other in (start, after[b]))  # fmt: skip
        return difference > 0.05 * move

    simultaneous, first = ORDERS
    assert not differ((simultaneous, 0.1), (first, 0.1), "discriminator/")
    assert not differ((simultaneous, 0.0), (first, 0.0), "generator/")
    assert differ((simultaneous, 0.1), (first, 0.1), "generator/")
    assert after[first, 0.1]["L_D"] == pytest.approx(after[simultaneous, 0.1]["L_D"], rel=1e-5)
    assert after[first, 0.1]["L^i"] != pytest.approx(after[simultaneous, 0.1]["L^i"], rel=1e-6)
    assert any("/sau/" in name for name in start)


# --- the ablations and the classes -----------------------------------------------------------------------------------

ABLATIONS = {
    "global only": ({"model.fusion": "global"}, ["L^i", "L_f^C", "L_1^C"], []),
    "local only": ({"model.fusion": "local"}, ["L^i", "L_f^C", "L_1^C", "L_class", "L_local"], ["class_features"]),
    "no class loss": (
        {"loss.class_features": 0.0, "model.local_fusion": "sum", "model.fusion": "mean"},
        ["L^i", "L_f^C", "L_f^G", "L_f^L", "L_1^C", "L_1^G", "L_1^L", "L_local"],
        [],
    ),
    "released": (
        {"model.mask_mode": "input", "loss.class_pool": "hw", "loss.local_l1": 0.0, "model.upsampler": "nearest_conv"},
        ["L^i", "L_f^C", "L_f^G", "L_f^L", "L_1^C", "L_1^G", "L_1^L", "L_class"],
        ["class_features"],
    ),
}


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_an_ablation_has_the_terms_and_heads_of_its_parts(ablation, make, take_step, toy_batch, values):
    changes, terms, heads = ABLATIONS[ablation]
    gan, config = make(**changes)
    found = take_step(gan, toy_batch(2), config)
    assert list(found) == [*terms, "L_G", "L_D^i", "L_D"]
    assert list(gan.heads) == heads
    assert not [name for name, value in values(gan).items() if not np.all(np.isfinite(value))]


@pytest.fixture(scope="module")
def grouped(make):
    return make(**{"model.local_classes": "groups", "model.local_groups": (0, 1, 1, -1)})


LAYOUTS = {"one class": lambda labels: labels.fill(1), "all unknown": lambda labels: labels.fill(3)}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_odd_layout_gives_finite_terms_and_gradients(layout, grouped, take_step, toy_batch, values):
    gan, config = grouped
    batch = toy_batch(2)
    labels = batch["labels"].numpy()
    LAYOUTS[layout](labels)
    terms = take_step(gan, {**batch, "labels": tf.constant(labels)}, config)
    assert all(np.isfinite(value) for value in terms.values())
    assert not [name for name, value in values(gan).items() if not np.all(np.isfinite(value))]
    if layout == "all unknown":
        assert terms["L_class"] == terms["L_local"] == 0


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ({"model.local_classes": "all"}, None),
        ({"model.local_classes": "top_k", "model.local_top_k": 2}, (2, 0, 1, 2)),  # unknown is not among the top
        ({"model.local_classes": "top_k", "model.local_top_k": 1}, (1, 0, 1, 1)),
        ({"model.local_classes": "top_k", "model.local_top_k": 3}, None),
        ({"model.local_classes": "first_k", "model.local_top_k": 2}, (0, 1, 2, 2)),
        ({"model.local_classes": "groups", "model.local_groups": (0, 1, 0, -1)}, (0, 1, 0, -1)),
    ],
    ids=str,
)
def test_the_classes_that_have_a_branch(values, groups, tiny_config):
    config = tiny_config("lggan", **values)
    assert METHODS["lggan"].generator_arguments(config, Dataset())["local_groups"] == groups


def test_groups_that_do_not_fit_the_data_are_refused(tiny_config):
    config = tiny_config("lggan", **{"model.local_classes": "groups", "model.local_groups": (0, 1)})
    with pytest.raises(RequestError, match=r"config.model.local_groups \(0, 1\) must name a branch for each of 4"):
        METHODS["lggan"].generator_arguments(config, Dataset())


@pytest.mark.parametrize("name", ["lggan", "lggan_plus"])
def test_the_generator_gets_the_keys_of_its_config(name, tiny_config):
    values = {"num_residual_blocks": 2, "local_fusion": "sum", "local_kernel_size": 5, "mask_mode": "input",
              "fusion": "mean", "upsampler": "nearest_conv"}  # fmt: skip
    if name == "lggan_plus":
        values |= {"sau_place": "encoder", "sau_patch": "upsampled"}
    config = tiny_config(name, **{f"model.{key}": value for key, value in values.items()})
    arguments = METHODS[name].generator_arguments(config, Dataset())
    assert values.items() <= arguments.items()
    assert ("sau_place" in arguments) == (name == "lggan_plus")
