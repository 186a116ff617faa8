import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.contrastive import pixel_contrastive_loss, sample_pixels
from ecgan_tf.models.pixel_embedding import PixelEmbedding
from ecgan_tf.training.objectives import ECGANObjective, PixelContrast

FAKES = ("edge", "initial_image", "image")
PARTNERS = {"edge": "edge", "initial_image": "image", "image": "image"}
SYMBOLS = {"edge": "e", "initial_image": "I'", "image": "I''"}


@pytest.fixture
def loss(tiny_config):
    weights = {"adversarial": 1.5, "feature_matching": 7.0, "perceptual": 3.0, "reconstruction": 4.0}
    values = {**weights, "final_weight": 2.5, "contrastive": 0.5, "contrastive_warmup_steps": 10}
    return tiny_config(**{f"loss.{key}": value for key, value in values.items()}).loss


@pytest.fixture
def batch(toy_batch):
    return toy_batch(2)


@pytest.fixture
def outputs(rng):
    return {key: rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32) for key in FAKES}


@pytest.fixture
def judge(rng):
    """What a discriminator of two scales and two layers might say."""

    def predictions():
        shapes = ((2, 6, 6), (2, 3, 3))
        return [([rng.normal(size=(*s, 4)), rng.normal(size=(*s, 5))], rng.normal(0, 2, (*s, 1))) for s in shapes]

    return lambda keys: {key: predictions() for key in keys}


def mean(x):
    return np.mean(x, axis=(1, 2, 3))


def over_scales(predictions, formula):
    return np.mean([mean(formula(logits)) for _, logits in predictions], axis=0)


def distance(real, fake):
    layers = zip(*([x for features, _ in predictions for x in features] for predictions in (real, fake)))
    return sum(mean(np.abs(x - y)) for x, y in layers) / 2


def vgg(images):
    """Five features that stand for VGG-19's."""
    return [images * (layer + 1) for layer in range(5)]


def test_every_term_of_the_generator_matches_numpy(loss, batch, outputs, judge):
    fakes, reals = judge(FAKES), judge(("image", "edge"))
    terms = ECGANObjective(loss, 3, vgg).generator_terms(batch, outputs, fakes, reals)
    cost = {key: over_scales(fakes[key], lambda d: -d) for key in FAKES}
    expected = {"L^e": (1.5, cost["edge"]), "L^i": (1.5, cost["initial_image"] + 2.5 * cost["image"])}
    photographs = {"image": batch["image"].numpy(), "edge": np.repeat(batch["edges"], 3, -1)}
    for fake, symbol in SYMBOLS.items():
        weight, difference = 2.5 if fake == "image" else 1.0, np.abs(outputs[fake] - photographs[PARTNERS[fake]])
        deep = 1 / 32 + 2 / 16 + 3 / 8 + 4 / 4 + 5
        expected[f"L_f^{symbol}"] = (7.0 * weight, distance(reals[PARTNERS[fake]], fakes[fake]))
        expected[f"L_p^{symbol}"] = (3.0 * weight, deep * mean(difference))
        if fake != "edge":
            expected[f"L_1^{symbol}"] = (4.0 * weight, mean(difference))
    assert terms.keys() == expected.keys()
    for symbol, (weight, value) in expected.items():
        assert terms[symbol][0] == weight
        np.testing.assert_allclose(terms[symbol][1], value, rtol=1e-4, err_msg=symbol)


def test_every_term_of_the_discriminator_matches_numpy(loss, judge):
    fakes, reals = judge(FAKES), judge(("image", "edge"))
    real = {key: over_scales(value, lambda d: np.maximum(0, 1 - d)) for key, value in reals.items()}
    fake = {key: over_scales(value, lambda d: np.maximum(0, 1 + d)) for key, value in fakes.items()}
    expected = {
        "L_D^e": real["edge"] + fake["edge"],
        "L_D^i": 3.5 * real["image"] + fake["initial_image"] + 2.5 * fake["image"],
    }
    terms = ECGANObjective(loss, 3).discriminator_terms(fakes, reals)
    assert terms.keys() == expected.keys()
    for symbol, value in expected.items():
        assert terms[symbol][0] == 1.0
        np.testing.assert_allclose(terms[symbol][1], value, rtol=1e-5)


def test_terms_of_weight_zero_are_left_out(loss, batch, outputs, judge):
    loss.feature_matching = loss.reconstruction = 0.0
    terms = ECGANObjective(loss, 3).generator_terms(batch, outputs, judge(FAKES), judge(("image", "edge")))
    assert terms.keys() == {"L^e", "L^i"}


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (4, 0.5), (9, 1.0), (500, 1.0)])
def test_the_contrast_warms_up(loss, batch, outputs, judge, step, share):
    outputs["features"] = np.zeros(1)
    judged = judge(FAKES), judge(("image", "edge"))
    objective = ECGANObjective(loss, 3)
    terms = objective.generator_terms(batch, outputs, *judged, lambda features, labels, step: 3.0 + step, step)
    weight, value = terms["L_c"]
    assert float(weight) == pytest.approx(0.5 * share)
    assert value == 3.0 + step


# --- the contrast over the global batch ------------------------------------------------------------------------------


@pytest.fixture
def settings(loss):
    loss.contrastive_samples_per_class = 5
    loss.contrastive_temperature = 0.2
    return loss


@pytest.fixture
def features(rng):
    return tf.constant(rng.normal(size=(4, 32, 32, 8)), tf.float32)


def make_embedding():
    embedding = PixelEmbedding(8, dimension=6, stride=4)
    embedding.build()
    return embedding


def test_the_contrast_is_the_loss_of_sampled_embeddings(settings, features, toy_batch):
    labels, embedding = toy_batch(4)["labels"], make_embedding()
    embeddings = tf.reshape(embedding(features, training=True), (-1, 6))
    indices, sampled_labels, valid = sample_pixels(tf.reshape(labels[:, ::4, ::4], [-1]), 3, 5, (9, 2))
    expected = pixel_contrastive_loss(tf.gather(embeddings, indices), sampled_labels, valid, 0.2)
    loss = PixelContrast(embedding, settings, 3, seed=9)(features, labels, step=2)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_two_replicas_contrast_the_joined_batch(two_replicas, settings, features, toy_batch):
    labels, embedding = toy_batch(4)["labels"], make_embedding()
    with tf.GradientTape() as tape:
        tape.watch(features)
        expected = PixelContrast(embedding, settings, 3, seed=9)(features, labels, step=2)
    expected_gradients = tape.gradient(expected, [features, embedding.project.kernel.value])

    with two_replicas.scope():
        mirrored = make_embedding()
    for variable, twin in zip(embedding.variables, mirrored.variables):
        twin.assign(variable)
    contrast = PixelContrast(mirrored, settings, 3, seed=9)

    def replica(features, labels):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = contrast(features, labels, step=2)
            total = loss / 2  # the optimizers add up what the replicas give
        return loss, *tape.gradient(total, [features, mirrored.project.kernel.value])

    halves = two_replicas.experimental_distribute_dataset(
        tf.data.Dataset.from_tensor_slices((features, labels)).batch(4)
    )
    run = tf.function(lambda *arguments: two_replicas.run(replica, arguments), autograph=False)
    loss, of_features, of_kernel = map(two_replicas.experimental_local_results, run(*next(iter(halves))))
    np.testing.assert_allclose(loss, [expected] * 2, rtol=1e-4)
    np.testing.assert_allclose(np.concatenate(of_features), expected_gradients[0], atol=1e-6)
    np.testing.assert_allclose(np.sum(of_kernel, axis=0), expected_gradients[1], atol=1e-4)
    assert np.abs(expected_gradients[0]).max() > 1e-3
