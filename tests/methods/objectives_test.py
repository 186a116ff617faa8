import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.contrastive import pixel_contrastive_loss, sample_pixels
from ecgan_tf.losses.labels import label_cross_entropy, similarity_loss
from ecgan_tf.losses.texture import texture_loss
from ecgan_tf.methods import METHODS
from ecgan_tf.methods.base import Judge, Objective
from ecgan_tf.methods.ecgan import ECGANObjective
from ecgan_tf.methods.label_terms import LabelObjective
from ecgan_tf.methods.lggan import CrossViewObjective, LGGANObjective
from ecgan_tf.methods.pixel_contrast import PixelContrast, pure_labels
from ecgan_tf.models.heads import PixelEmbedding
from ecgan_tf.models.vgg import PerceptualNetwork

FAKES = ("edge", "initial_image", "image")
PARTNERS = {"edge": "edge", "initial_image": "image", "image": "image"}
SYMBOLS = {"edge": "e", "initial_image": "I'", "image": "I''"}
MAIN = Judge("discriminator", None, {"edge": "e", "image": "i"})
OF_IMAGES = Judge("image_discriminator", None, {"image": "u"}, matches_features=False)
OF_SOURCE = Judge("source_discriminator", None, {"image": "s"}, matches_features=False)


def ecgan_objective(config, *args, judges=(MAIN,), **kwargs):
    return ECGANObjective(config, METHODS["ecgan"].pairs(config), judges, 3, *args, **kwargs)


def lggan_objective(config, generator, *args, kind=LGGANObjective, judges=(MAIN,)):
    method = METHODS["lggan_cross_view" if kind is CrossViewObjective else "lggan"]
    return kind(config, method.pairs(config), judges, generator, *args)


@pytest.fixture
def config(tiny_config):
    weights = {"adversarial": 1.5, "feature_matching": 7.0, "perceptual": 3.0, "reconstruction": 4.0}
    values = {**weights, "final_weight": 2.5, "contrastive": 0.5, "contrastive_warmup_steps": 10}
    return tiny_config(**{f"loss.{key}": value for key, value in values.items()})


@pytest.fixture
def lggan_config(tiny_config, config):
    """The same weights for one of LGGAN's methods, with `values` beside them."""
    shared = ("adversarial", "feature_matching", "perceptual", "reconstruction")

    def make(method="lggan", **values):
        return tiny_config(method, **{**{f"loss.{key}": config.loss[key] for key in shared}, **values})

    return make


@pytest.fixture
def loss(config):
    return config.loss


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


def five_features(images):
    return [images * (layer + 1) for layer in range(5)]


# Stands for VGG-19.
vgg = PerceptualNetwork("five multiples of the image", five_features)


def test_every_term_of_the_generator_matches_numpy(config, batch, outputs, judge):
    fakes, reals = judge(FAKES), judge(("image", "edge"))
    terms = ecgan_objective(config, vgg).generator_terms(batch, outputs, {"discriminator": (fakes, reals)})
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


def test_a_network_of_edges_judges_no_edges_by_its_own_weights_and_sees_each_photograph_once(
    config, batch, outputs, judge
):
    seen = []
    network = PerceptualNetwork(
        "hed's like", lambda images: seen.append(images) or five_features(images), (0.2,) * 5, judges_edges=False
    )
    terms = ecgan_objective(config, network).generator_terms(
        batch, outputs, {"discriminator": (judge(FAKES), judge(("image", "edge")))}
    )
    assert [symbol for symbol in terms if symbol.startswith("L_p")] == ["L_p^I'", "L_p^I''"]
    difference = mean(np.abs(outputs["initial_image"] - batch["image"].numpy()))
    np.testing.assert_allclose(terms["L_p^I'"][1], 0.2 * 15 * difference, rtol=1e-4)
    assert len(seen) == 3 and sum(images is batch["image"] for images in seen) == 1
    seen.clear()
    ecgan_objective(config, dataclasses.replace(network, judges_edges=True)).generator_terms(
        batch, outputs, {"discriminator": (judge(FAKES), judge(("image", "edge")))}
    )
    assert len(seen) == 5  # the edges of the photograph once, too, and the fake ones


def test_texture_is_compared_by_class_and_colours_by_cells(config, batch, outputs, judge):
    config.loss.texture, config.loss.reconstruction_pool = 0.5, 4
    judged = {"discriminator": (judge(FAKES), judge(("image", "edge")))}
    terms = ecgan_objective(config).generator_terms(batch, outputs, judged)
    assert not {"L_t^e", "L_1^e"} & terms.keys()
    real = batch["image"].numpy()
    for fake, symbol, weight in (("initial_image", "I'", 1.0), ("image", "I''", 2.5)):
        assert terms[f"L_t^{symbol}"][0] == 0.5 * weight
        np.testing.assert_allclose(
            terms[f"L_t^{symbol}"][1], texture_loss(real, outputs[fake], batch["labels"], 3), rtol=1e-5
        )
        cells = (real - outputs[fake]).reshape(2, 8, 4, 8, 4, 3).mean((2, 4))
        assert terms[f"L_1^{symbol}"][0] == 4.0 * weight
        np.testing.assert_allclose(terms[f"L_1^{symbol}"][1], mean(np.abs(cells)), rtol=1e-4)


def test_a_judge_that_segments_has_its_own_costs_and_weight(config, batch, outputs, judge, rng):
    fakes, reals = judge(FAKES), judge(("image", "edge"))
    both = ("initial_image", "image")
    logs = {key: [([], -rng.uniform(0, 2, (2, 8, 8, 2)))] for key in ("real", *both)}
    judged = {
        "discriminator": (fakes, reals),
        "segmentation": ({key: logs[key] for key in both}, {"image": logs["real"]}),
    }
    segments = Judge("segmentation", None, {"image": "c"}, False, "segmentation", 0.5)
    objective = ecgan_objective(config, judges=(MAIN, segments))
    of_generator = objective.generator_terms(batch, outputs, judged)
    of_discriminator = objective.discriminator_terms(judged)
    cost = {key: -value[0][1].mean((1, 2)) for key, value in logs.items()}  # of the label, of being fake
    assert of_generator["L^c"][0] == 1.5 * 0.5 and of_generator["L^i"][0] == 1.5
    expected = cost["initial_image"][:, 0] + 2.5 * cost["image"][:, 0]
    np.testing.assert_allclose(of_generator["L^c"][1], expected, rtol=1e-5)
    expected = 3.5 * cost["real"][:, 0] + cost["initial_image"][:, 1] + 2.5 * cost["image"][:, 1]
    np.testing.assert_allclose(of_discriminator["L_D^c"][1], expected, rtol=1e-5)
    assert [symbol for symbol in of_generator if symbol.startswith("L_f")] == ["L_f^e", "L_f^I'", "L_f^I''"]


def test_an_objective_that_does_not_know_its_classes_refuses_a_texture_term(config):
    config.loss.texture = 1.0
    with pytest.raises(ValueError, match="num_classes"):
        Objective(config, [], [])


def test_every_term_of_the_discriminator_matches_numpy(config, judge):
    fakes, reals = judge(FAKES), judge(("image", "edge"))
    real = {key: over_scales(value, lambda d: np.maximum(0, 1 - d)) for key, value in reals.items()}
    fake = {key: over_scales(value, lambda d: np.maximum(0, 1 + d)) for key, value in fakes.items()}
    expected = {
        "L_D^e": real["edge"] + fake["edge"],
        "L_D^i": 3.5 * real["image"] + fake["initial_image"] + 2.5 * fake["image"],
    }
    terms = ecgan_objective(config).discriminator_terms({"discriminator": (fakes, reals)})
    assert terms.keys() == expected.keys()
    for symbol, value in expected.items():
        assert terms[symbol][0] == 1.0
        np.testing.assert_allclose(terms[symbol][1], value, rtol=1e-5)


def test_terms_of_weight_zero_are_left_out(config, batch, outputs, judge):
    config.loss.feature_matching = config.loss.reconstruction = 0.0
    terms = ecgan_objective(config).generator_terms(
        batch, outputs, {"discriminator": (judge(FAKES), judge(("image", "edge")))}
    )
    assert terms.keys() == {"L^e", "L^i"}


@pytest.mark.parametrize(("step", "share"), [(0, 0.1), (4, 0.5), (9, 1.0), (500, 1.0)])
def test_the_contrast_warms_up(config, batch, outputs, judge, step, share):
    outputs["scales"] = (np.zeros(1),)
    judged = judge(FAKES), judge(("image", "edge"))
    objective = ecgan_objective(config, contrast=lambda features, labels, step: 3.0 + step)
    terms = objective.generator_terms(batch, outputs, {"discriminator": judged}, step)
    weight, value = terms["L_c"]
    assert float(weight) == pytest.approx(0.5 * share)
    assert value == 3.0 + step


@pytest.mark.parametrize(
    ("label_loss", "losses"),
    [
        ("similarity", {"L_s": similarity_loss}),
        ("cross_entropy", {"L_ce": label_cross_entropy}),
        ("both", {"L_s": similarity_loss, "L_ce": label_cross_entropy}),
    ],
)
@pytest.mark.parametrize(("rows", "pooling"), [(32, 1), (8, 1), (4, 2), (3, 2), (2, 4)])
def test_labels_are_compared_on_a_grid_of_few_rows(
    config, batch, outputs, judge, rng, label_loss, losses, rows, pooling
):
    config.loss.label_loss, config.loss.similarity, config.loss.similarity_rows = label_loss, 0.5, rows
    logits = rng.normal(size=(2, 8, 8, 3)).astype(np.float32)
    seen = []
    objective = ecgan_objective(
        config, label_objective=LabelObjective(config.loss, lambda images: seen.append(images) or logits)
    )
    terms = objective.generator_terms(batch, outputs, {"discriminator": (judge(FAKES), judge(("image", "edge")))})
    assert seen == [outputs["image"]]
    pooled = log_of_mean_probabilities(logits, pooling)
    labels = batch["labels"][:, :: 4 * pooling, :: 4 * pooling]
    assert {symbol for symbol in terms if symbol in ("L_s", "L_ce")} == losses.keys()
    for symbol, loss in losses.items():
        assert terms[symbol][0] == 0.5
        np.testing.assert_allclose(terms[symbol][1], loss(pooled, labels), rtol=1e-5)


def log_of_mean_probabilities(logits, pooling):
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    batch, height, width, classes = logits.shape
    windows = probabilities.reshape(batch, height // pooling, pooling, width // pooling, pooling, classes)
    return np.log(windows.mean((2, 4)))


def test_a_grid_that_does_not_divide_drops_the_rest(config, batch, outputs, judge, rng):
    config.loss.similarity_rows = 2
    logits = rng.normal(size=(2, 7, 7, 3)).astype(np.float32)  # pooled by 3: the last row and column are left over
    labels = rng.integers(0, 4, (2, 28, 28)).astype(np.int32)
    objective = ecgan_objective(config, label_objective=LabelObjective(config.loss, lambda images: logits))
    terms = objective.generator_terms(
        {**batch, "labels": labels}, outputs, {"discriminator": (judge(FAKES), judge(("image", "edge")))}
    )
    pooled = log_of_mean_probabilities(logits[:, :6, :6], 3)
    np.testing.assert_allclose(terms["L_s"][1], similarity_loss(pooled, labels[:, :24:12, :24:12]), rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "pairs"),
    [
        ({"model.use_edge": False}, ["I'", "I''"]),
        ({"model.use_semantic_preserving": False}, ["e", "I'"]),
        ({"data.edge_source": "none"}, ["I'", "I''"]),
    ],
    ids=str,
)
def test_a_part_that_is_off_has_no_pair(values, pairs, config):
    config.update_from_flattened_dict(values)
    assert [pair.symbol for pair in ecgan_objective(config).pairs] == pairs


def test_spade_has_the_terms_of_its_paper_and_no_others(tiny_config, batch, outputs, judge):
    """Park et al., section 3.2: adversarial, feature matching, perceptual; the L1 is our switch, off by default."""
    config, method = tiny_config("spade", **{"loss.feature_matching": 7.0}), METHODS["spade"]
    objective = method.make_objective(config, SimpleNamespace(num_classes=3), [MAIN], {})
    predictions = {"discriminator": (judge(["image"]), judge(["image"]))}
    assert list(objective.generator_terms(batch, outputs, predictions)) == ["L^i", "L_f^I"]
    assert not method.make_heads(config, None)
    assert not [key for key in config.loss if "contrastive" in key or "class_pixel" in key]


# --- LGGAN ------------------------------------------------------------------------------------------------------------

LGGAN_SYMBOLS = {"image": "C", "global_image": "G", "local_image": "L"}


class Branches:
    """What `LGGANObjective` asks of a generator: labels 0 and 1 share a branch, unknown has none."""

    num_classes, num_branches = 3, 2

    def __init__(self, fusion="weight"):
        self.has_global, self.has_local = fusion != "local", fusion != "global"

    def branches_of(self, labels):
        return tf.gather([0, 0, 1, 2], labels)


@pytest.fixture
def local_outputs(rng):
    keys = (*LGGAN_SYMBOLS, "class_image")
    images = {key: rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32) for key in keys}
    return {**images, "local_features": rng.normal(size=(2, 32, 32, 5)).astype(np.float32)}


def test_every_term_of_lggan_matches_numpy(lggan_config, batch, local_outputs, judge, rng):
    config = lggan_config(**{"loss.class_features": 0.5, "loss.local_l1": 6.0, "loss.class_pool": "hw"})
    fakes, reals = judge(LGGAN_SYMBOLS), judge(("image",))
    seen, logits = [], rng.normal(size=(2, 2, 2)).astype(np.float32)
    objective = lggan_objective(config, Branches(), vgg, lambda features: seen.append(features) or logits)
    terms = objective.generator_terms(batch, local_outputs, {"discriminator": (fakes, reals)})
    branches = Branches().branches_of(batch["labels"]).numpy()
    photograph, deep = batch["image"].numpy(), 1 / 32 + 2 / 16 + 3 / 8 + 4 / 4 + 5
    cost = sum(over_scales(fakes[key], lambda d: -d) for key in LGGAN_SYMBOLS)
    expected = {"L^i": (1.5, cost)}
    for key, symbol in LGGAN_SYMBOLS.items():
        difference = mean(np.abs(local_outputs[key] - photograph))
        expected[f"L_f^{symbol}"] = (7.0, distance(reals["image"], fakes[key]))
        expected[f"L_p^{symbol}"] = (3.0, deep * difference)
        expected[f"L_1^{symbol}"] = (4.0, difference)
    has_branch = (branches < 2)[..., None]
    expected["L_local"] = (6.0, mean(np.abs(local_outputs["class_image"] - photograph * has_branch)))
    pooled = [[(local_outputs["local_features"][b] * (branches[b] == i)[..., None]).mean((0, 1)) for i in range(2)]
              for b in range(2)]  # fmt: skip
    np.testing.assert_allclose(seen[0], pooled, atol=1e-5)
    entropy = np.log(np.exp(logits).sum(-1)) - logits[:, [0, 1], [0, 1]]
    expected["L_class"] = (0.5, entropy.mean(1))
    assert terms.keys() == expected.keys()
    for symbol, (weight, value) in expected.items():
        assert terms[symbol][0] == weight
        np.testing.assert_allclose(terms[symbol][1], value, rtol=1e-4, err_msg=symbol)


def test_lggan_pays_for_three_reals(lggan_config, judge):
    config = lggan_config()
    fakes, reals = judge(LGGAN_SYMBOLS), judge(("image",))
    terms = lggan_objective(config, Branches()).discriminator_terms({"discriminator": (fakes, reals)})
    expected = 3 * over_scales(reals["image"], lambda d: np.maximum(0, 1 - d))
    expected = expected + sum(over_scales(fakes[key], lambda d: np.maximum(0, 1 + d)) for key in fakes)
    assert list(terms) == ["L_D^i"]
    np.testing.assert_allclose(terms["L_D^i"][1], expected, rtol=1e-5)


@pytest.mark.parametrize(("fusion", "terms"), [("global", []), ("local", ["L_local"])])
def test_an_image_that_is_left_out_has_no_terms(fusion, terms, lggan_config, batch, local_outputs, judge):
    objective = lggan_objective(lggan_config(**{"model.fusion": fusion}), Branches(fusion))
    predictions = {"discriminator": (judge(["image"]), judge(["image"]))}
    found = objective.generator_terms(batch, local_outputs, predictions)
    assert list(found) == ["L^i", "L_f^C", "L_1^C", *terms]


def test_the_cross_view_objective_has_two_judges_and_smooth_images(lggan_config, batch, local_outputs, judge):
    config = lggan_config("lggan_cross_view", **{"loss.gan_mode": "log", "loss.feature_matching": 0.0,
                                                 "loss.total_variation": 1e-6})  # fmt: skip
    predictions = {name: (judge(LGGAN_SYMBOLS), judge(["image"])) for name in ("discriminator", "source_discriminator")}
    objective = lggan_objective(config, Branches(), kind=CrossViewObjective, judges=(MAIN, OF_SOURCE))
    terms = objective.generator_terms(batch, local_outputs, predictions)
    expected = ["L^i", "L^s", "L_1^C", "L_1^G", "L_1^L", "L_local", "L_tv^C", "L_tv^G", "L_tv^L"]
    assert list(terms) == expected
    fakes, _ = predictions["source_discriminator"]
    of_source = sum(over_scales(fakes[key], lambda d: np.log1p(np.exp(-d))) for key in LGGAN_SYMBOLS)
    np.testing.assert_allclose(terms["L^s"][1], of_source, rtol=1e-5)
    image = local_outputs["local_image"]
    variation = [sum(np.abs(np.diff(x, axis=axis)).sum() for axis in (0, 1)) for x in image]
    assert terms["L_tv^L"][0] == 1e-6
    np.testing.assert_allclose(terms["L_tv^L"][1], variation, rtol=1e-5)
    judged = objective.discriminator_terms(predictions)
    assert {symbol: weight for symbol, (weight, _) in judged.items()} == {"L_D^i": 0.5, "L_D^s": 0.5}


def test_a_second_judge_has_terms_of_its_own_and_matches_no_features(config, batch, outputs, judge):
    config.loss.reconstruction = 0.0
    images = ("initial_image", "image")
    predictions = {
        "discriminator": (judge(FAKES), judge(("image", "edge"))),
        "image_discriminator": (judge(images), judge(("image",))),
    }
    objective = ecgan_objective(config, judges=(MAIN, OF_IMAGES))
    of_generator = objective.generator_terms(batch, outputs, predictions)
    of_discriminator = objective.discriminator_terms(predictions)
    assert list(of_generator) == ["L^e", "L^i", "L^u", "L_f^e", "L_f^I'", "L_f^I''"]
    assert list(of_discriminator) == ["L_D^e", "L_D^i", "L_D^u"]
    fakes, reals = predictions["image_discriminator"]
    first, final = (over_scales(fakes[key], lambda d: -d) for key in images)
    np.testing.assert_allclose(of_generator["L^u"][1], first + 2.5 * final, rtol=1e-5)
    costs = [over_scales(fakes[key], lambda d: np.maximum(0, 1 + d)) for key in images]
    real = over_scales(reals["image"], lambda d: np.maximum(0, 1 - d))
    np.testing.assert_allclose(of_discriminator["L_D^u"][1], 3.5 * real + costs[0] + 2.5 * costs[1], rtol=1e-5)
    fakes, reals = predictions["discriminator"]
    np.testing.assert_allclose(of_generator["L_f^I'"][1], distance(reals["image"], fakes["initial_image"]), rtol=1e-5)


# --- the contrast over the global batch ------------------------------------------------------------------------------

SCALES = {1: (1,), 3: (1, 3, 4)}


@pytest.fixture(params=sorted(SCALES), ids="{} scale(s)".format)
def scales(request):
    return SCALES[request.param]


@pytest.fixture
def settings(loss):
    loss.contrastive_samples_per_class = 5
    loss.contrastive_temperature = 0.2
    return loss


@pytest.fixture
def features(rng):
    """The four features of an encoder with C = 8."""
    return tuple(
        tf.constant(rng.normal(size=(4, 32 // factor, 32 // factor, 8 * factor)), tf.float32) for factor in (1, 2, 4, 8)
    )


def make_embeddings(scales):
    embeddings = {
        scale: PixelEmbedding(8 * 2 ** (scale - 1), dimension=6, stride=4 if scale == 1 else 1) for scale in scales
    }
    for embedding in embeddings.values():
        embedding.build()
    return embeddings


def test_the_contrast_is_the_loss_of_sampled_embeddings(settings, features, toy_batch):
    labels, embeddings = toy_batch(4)["labels"], make_embeddings((1,))
    embedded = tf.reshape(embeddings[1](features[0], training=True), (-1, 6))
    cells = pure_labels(labels, (8, 8), settings.contrastive_purity, 3)
    indices, sampled_labels, valid = sample_pixels(tf.reshape(cells, [-1]), 3, 5, (9, 2))
    expected = pixel_contrastive_loss(tf.gather(embedded, indices), sampled_labels, valid, 0.2)
    loss = PixelContrast(embeddings, settings, 3, seed=9)(features, labels, step=2)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_two_replicas_contrast_the_joined_batch(two_replicas, settings, features, toy_batch, scales):
    labels, embeddings = toy_batch(4)["labels"], make_embeddings(scales)
    used = [scale - 1 for scale in scales]
    with tf.GradientTape() as tape:
        tape.watch(features)
        expected = PixelContrast(embeddings, settings, 3, seed=9)(features, labels, step=2)
    kernels = [embedding.project.kernel.value for embedding in embeddings.values()]
    expected_gradients = tape.gradient(expected, [[features[index] for index in used], kernels])

    with two_replicas.scope():
        mirrored = make_embeddings(scales)
    for scale, embedding in embeddings.items():
        for variable, twin in zip(embedding.variables, mirrored[scale].variables):
            twin.assign(variable)
    contrast = PixelContrast(mirrored, settings, 3, seed=9)

    def replica(features, labels):
        with tf.GradientTape() as tape:
            tape.watch(features)
            loss = contrast(features, labels, step=2)
            total = loss / 2  # the optimizers add up what the replicas give
        kernels = [embedding.project.kernel.value for embedding in mirrored.values()]
        return loss, *tape.gradient(total, [[features[index] for index in used], kernels])

    halves = two_replicas.experimental_distribute_dataset(
        tf.data.Dataset.from_tensor_slices((features, labels)).batch(4)
    )
    run = tf.function(lambda *arguments: two_replicas.run(replica, arguments), autograph=False)
    loss, of_features, of_kernels = run(*next(iter(halves)))
    local = two_replicas.experimental_local_results
    np.testing.assert_allclose(local(loss), [expected] * 2, rtol=1e-4)
    for per_replica, expected_gradient in zip(of_features, expected_gradients[0], strict=True):
        np.testing.assert_allclose(np.concatenate(local(per_replica)), expected_gradient, atol=1e-6)
        assert np.abs(expected_gradient).max() > 1e-3
    for per_replica, expected_gradient in zip(of_kernels, expected_gradients[1], strict=True):
        np.testing.assert_allclose(np.sum(local(per_replica), axis=0), expected_gradient, atol=1e-4)
