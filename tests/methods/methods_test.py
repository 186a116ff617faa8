"""Every method in METHODS: its keys, its networks and what it is trained for go together."""

import inspect
import types

import keras
import numpy as np
import pytest
import tensorflow as tf
from ecgan_tf.configs import earth_tiles

from ecgan_tf.config import base_config, keys_of
from ecgan_tf.errors import RequestError
from ecgan_tf.latents import draw_latents, latent_shapes
from ecgan_tf.methods import METHODS, make_generator, method_of
from ecgan_tf.methods.base import Outputs
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.step import TrainStep
from ecgan_tf.training.terms import with_missing_terms


class Dataset:
    classes, has_unknown, has_boundaries = types.SimpleNamespace(num_classes=3), True, True

    def label_counts(self):
        return np.array([5, 9, 7, 100])


@pytest.mark.parametrize("name", METHODS)
def test_the_arguments_from_the_base_config_are_those_of_the_generator(name):
    arguments = METHODS[name].generator_arguments(base_config(name), Dataset())
    kept = METHODS[name].generator(name=name, **arguments).get_config()
    assert kept == {**kept, **arguments}


@pytest.mark.parametrize("name", METHODS)
def test_every_key_of_the_model_reaches_the_generator(name):
    """As an argument of its name; LGGAN's three keys on which classes have a branch become one argument."""
    keys = {key.removeprefix("model.") for key in keys_of(name) if key.startswith("model.")}
    arguments = METHODS[name].generator_arguments(base_config(name), Dataset())
    assert keys - arguments.keys() in (set(), {"local_classes", "local_top_k"})
    of_data = {"num_classes", "image_size", "has_unknown", "has_boundaries"}
    assert arguments.keys() - keys == of_data


@pytest.mark.parametrize("name", METHODS)
def test_what_a_method_leaves_out_are_shared_keys(name):
    others = [keys_of(other) for other in METHODS if other != name]
    for key in METHODS[name].without:
        assert key not in keys_of(name) and any(key in keys for keys in others)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_is(name):
    assert inspect.getdoc(METHODS[name]) and METHODS[name] is method_of(name)


def test_an_unknown_method_has_no_generator():
    with pytest.raises(RequestError, match="config.model.name is 'lggann'; it must be one of .*lggan, "):
        make_generator("lggann", num_classes=3, image_size=(32, 32))


# --- outputs and what reads them -------------------------------------------------------------------------------------


def test_an_output_that_there_is_not_is_refused_with_the_switch_that_gives_it():
    outputs = Outputs({"image": 1, "initial_image": 2}, {"edge": "config.model.use_edge=True"})
    assert (outputs["image"], outputs.get("edge"), "edge" in outputs) == (1, None, False)
    message = "reads 'edge', which this generator does not give; it gives image, initial_image. Set config.model.use_ed"
    with pytest.raises(RequestError, match=message):
        outputs["edge"]


def test_an_output_that_no_switch_gives_is_refused_with_those_that_there_are():
    with pytest.raises(RequestError, match=r"reads 'mask', which this generator does not give; it gives image\.$"):
        Outputs({"image": 1}, {"edge": "config.model.use_edge=True"})["mask"]


def test_an_objective_that_reads_the_edge_of_a_generator_without_one_is_refused(tiny_config, toy_batch):
    """A step of a GAN without G_e, for an objective of a config that has it."""
    off = {"model.use_edge": False, "model.edge_transfer": "none", "loss.contrastive": 0.0, "loss.class_pixel": 0.0}
    config = tiny_config(**off)
    gan = GAN(config, METHODS["ecgan"].generator_arguments(config, Dataset()))
    config.model.use_edge = True
    objective = gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)
    with pytest.raises(RequestError, match=r"reads 'edge', .* it gives .*image.* Set config.model.use_edge=True\."):
        TrainStep(gan, objective, 1).simultaneous(toy_batch(2))


@pytest.mark.parametrize("name", METHODS)
def test_the_generator_gives_what_the_objective_reads(name, toy_batch):
    """Pairs name outputs, judges see every pair's real, and the terms are found in a step's outputs."""
    config, method = with_missing_terms(earth_tiles.get_config(f"{name}_toy")), METHODS[name]
    arguments = method.generator_arguments(config, Dataset())
    generator = method.make_generator(name, **arguments)
    layout = {key: arguments[key] for key in ("num_classes", "has_unknown", "has_boundaries")}
    judges, heads = method.make_judges(config, layout), method.make_heads(config, generator)
    assert judges[0].name == "discriminator"
    assert len({judge.name for judge in judges}) == len(judges)
    assert all(isinstance(head, keras.layers.Layer) and head.built for head in heads.values())
    toy, other = toy_batch(2), toy_batch(2, 1)
    batch = {**toy, "source": other["image"], "exemplar": other["image"], "exemplar_labels": other["labels"]}
    size = tuple(config.data.image_size)
    if size != (32, 32):
        batch = {
            key: tf.image.resize(x if x.shape.rank == 4 else x[..., None], size, "nearest") for key, x in batch.items()
        }
        batch |= {key: batch[key][..., 0] for key in ("labels", "exemplar_labels")}
    batch |= draw_latents({**latent_shapes(arguments), **method.training_latents(config, arguments)}, 0, [0, 1])
    outputs = generator(batch)
    assert outputs["image"].dtype == "float32"
    objective = method.make_objective(config, generator, judges, heads)
    for pair in objective.pairs:
        assert outputs[pair.fake].shape[:3] == (2, *size)
        assert pair.real in objective.reals(batch)
        assert any(pair.real in judge.symbols for judge in judges)
    step = TrainStep(types.SimpleNamespace(judges=judges), objective, 1)
    batch["has_target"] = tf.ones(2)
    judged = step._judge(batch, outputs, objective.mixtures(batch, outputs))
    of_discriminator = objective.discriminator_terms(judged, batch)
    given = objective.generator_terms(batch, outputs, judged, tf.constant(0, tf.int64))
    given |= {symbol: term for symbol, term in of_discriminator.items() if not symbol.startswith("L_D")}
    found = {symbol.split("^")[0]: weight for symbol, (weight, _) in given.items() if float(weight)}
    assert found.keys() == method.terms(config).keys() - set(config.missing_terms)  # what the config says is what runs
