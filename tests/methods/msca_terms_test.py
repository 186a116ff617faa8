import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.style import class_style_loss, slot_entropy, style_statistics_loss
from ecgan_tf.methods import METHODS
from ecgan_tf.methods.base import Judge
from ecgan_tf.methods.msca import MSCAObjective, with_style_terms


@pytest.fixture
def batch(toy_batch, rng):
    batch = toy_batch(2)
    return {
        **batch,
        "exemplar": tf.constant(rng.uniform(-1, 1, (2, 32, 32, 3)), tf.float32),
        "exemplar_labels": tf.reverse(batch["labels"], [0]),
        "has_target": tf.constant([1.0, 0.0]),
    }


@pytest.fixture
def outputs(rng):
    image = rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    attention = [
        {"mask": rng.uniform(size=(2, k)).astype(np.float32), "target": rng.dirichlet(np.ones(k), (2, 4, 4))}
        for k in (3, 1)
    ]
    return {"image": image, "attention": tuple(attention)}


def test_only_pairs_with_a_ground_truth_are_compared_with_it(batch, outputs, tiny_config):
    loss = tiny_config(**{"loss.style": 0.0}).loss
    value = np.array([2.0, 3.0], np.float32)
    terms = dict.fromkeys(("L^i", "L_f^I'", "L_p^I''", "L_1^I'", "L_pix", "L_s"), (1.5, value))
    result = with_style_terms(terms, batch, outputs, loss, 3)
    assert "L_style" not in result
    for symbol in terms:
        expected = value if symbol in ("L^i", "L_s") else [2.0, 0.0]
        assert result[symbol][0] == 1.5
        np.testing.assert_array_equal(result[symbol][1], expected)


def test_only_retrieved_pairs_are_compared_with_their_exemplar(batch, outputs, tiny_config):
    loss = tiny_config(**{"loss.style": 4.0}).loss
    arguments = (outputs["image"], batch["labels"], batch["exemplar"], batch["exemplar_labels"])

    def vgg(images):
        return [images * (layer + 1) for layer in range(5)]

    weight, by_class = with_style_terms({}, batch, outputs, loss, 3)["L_style"]
    assert weight == 4.0
    np.testing.assert_allclose(by_class, class_style_loss(*arguments, 3) * np.array([0.0, 1.0]))
    assert by_class[1] > 0.1
    features = [vgg(images)[:4] for images in (outputs["image"], batch["exemplar"])]
    by_vgg = with_style_terms({}, batch, outputs, loss, 3, vgg)["L_style"][1]
    np.testing.assert_allclose(by_vgg, style_statistics_loss(*features) * np.array([0.0, 1.0]))


MAIN = Judge("discriminator", None, {"image": "i"})


@pytest.fixture
def said(rng):
    """What a discriminator of one layer says of a picture."""
    return [([rng.normal(size=(2, 4, 4, 3)).astype(np.float32)], rng.normal(size=(2, 3, 3, 1)).astype(np.float32))]


def test_masks_and_slots_are_watched_and_slots_rewarded(batch, outputs, said, tiny_config):
    config = tiny_config("msca", **{"loss.slot_entropy": 0.25})
    objective = MSCAObjective(config, METHODS["msca"].pairs(config), [MAIN], 3)
    terms = objective.generator_terms(batch, outputs, {"discriminator": ({"image": said}, {"image": said})})
    masks = np.mean([maps["mask"].mean(1) for maps in outputs["attention"]], 0)
    assert terms["mask"][0] == 0.0 and terms["slots"][0] == -0.25
    np.testing.assert_allclose(terms["mask"][1], masks, rtol=1e-6)
    np.testing.assert_allclose(
        terms["slots"][1], slot_entropy(outputs["attention"][0]["target"])
    )  # one slot says nothing


def test_the_objective_of_msca_has_its_terms(batch, outputs, said, tiny_config):
    values = {"loss.style": 2.0, "loss.reconstruction": 3.0, "loss.feature_matching": 5.0}
    config, method = tiny_config("msca", **values), METHODS["msca"]
    real = [([x + 1.0 for x in features], logits) for features, logits in said]
    objective = MSCAObjective(config, method.pairs(config), [MAIN], 3)
    assert [pair.fake for pair in objective.pairs] == ["image"]
    terms = objective.generator_terms(batch, outputs, {"discriminator": ({"image": said}, {"image": real})})
    assert {symbol: weight for symbol, (weight, _) in terms.items()} == {
        "L^i": 1.0, "L_f^I'": 5.0, "L_1^I'": 3.0, "L_style": 2.0, "mask": 0.0, "slots": 0.0,
    }  # fmt: skip
    np.testing.assert_allclose(terms["L^i"][1], -said[0][1].mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(terms["L_f^I'"][1], [1.0, 0.0], rtol=1e-5)
    reconstruction = np.abs(outputs["image"] - batch["image"]).mean((1, 2, 3)) * [1.0, 0.0]
    np.testing.assert_allclose(terms["L_1^I'"][1], reconstruction, rtol=1e-5)
