import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.layout import Layout
from ecgan_tf.models import make_generator
from ecgan_tf.models.ecgan import ConvolutionChain, ECGANGenerator, SemanticPreservingModule, transfer_edges
from ecgan_tf.models.spade import SPADETrunk

TINY = {"num_classes": 3, "image_size": (32, 32), "has_unknown": True, "has_boundaries": True, "base_filters": 8,
        "spade_hidden_filters": 8, "initializer": "he", "head_initializer": "he"}  # fmt: skip
PARTS = ("encoder", "edge_generator", "image_generator", "semantic_preserving")


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def leaky_relu(x):
    return np.where(np.asarray(x) > 0, x, 0.2 * np.asarray(x))


@pytest.fixture(scope="module")
def generator(toy_batch):
    """A generator after one training call: its statistics and power iterations are those of its weights."""
    keras.utils.set_random_seed(0)
    generator = make_generator("ecgan", **TINY)
    generator(toy_batch(3), training=True)
    return generator


def flatten(outputs):
    """The outputs with an entry for each of the scales."""
    scales = {f"scale {i}": value for i, value in enumerate(outputs["scales"], start=1)}
    return {key: value for key, value in {**outputs, **scales}.items() if key != "scales"}


@pytest.fixture(scope="module")
def outputs(generator, toy_batch):
    return {key: np.asarray(value) for key, value in flatten(generator(toy_batch(3))).items()}


# --- sizes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "encoder", "semantic_preserving"),
    [
        (
            {"num_classes": 35, "image_size": (256, 512), "has_boundaries": True, "upsampling": "more"},
            93_046_272,
            69_786,
        ),
        ({"num_classes": 150, "image_size": (256, 256), "has_unknown": True}, 96_490_752, 603_041),
        (
            {"num_classes": 182, "image_size": (256, 256), "has_unknown": True, "has_boundaries": True},
            97_479_168,
            839_401,
        ),
    ],
    ids=["cityscapes", "ade20k", "coco_stuff"],
)
def test_published_parameter_counts(arguments, encoder, semantic_preserving):
    generator = make_generator("ecgan", **arguments)
    counts = [sum(np.prod(v.shape) for v in getattr(generator, part).trainable_variables) for part in PARTS]
    del generator
    gc.collect()  # 400 MB
    assert counts == [encoder, 24_467, 24_467, semantic_preserving]


@pytest.mark.parametrize(
    ("upsampling", "size", "start", "factors"),
    [
        ("normal", (64, 128), (2, 4), (1, 2, 1, 2, 2, 2, 2)),
        ("more", (64, 128), (1, 2), (1, 2, 2, 2, 2, 2, 2)),
        ("most", (128, 256), (1, 2), (1, 2, 2, 2, 2, 2, 2, 2)),
    ],
)
def test_the_trunk_grows_as_published(upsampling, size, start, factors):
    spade = {"num_labels": 2, "has_boundaries": False, "hidden_filters": 2, "initializer": "he"}
    encoder = SPADETrunk(2, upsampling, spade)
    encoder.build(size)
    layout = Layout(np.eye(*size, dtype=np.int32)[None], 2)
    x = encoder.start(layout=layout.at(*start))
    widths = (32, 32, 32, 16, 8, 4, 2, 1)[: len(factors)]
    for block, factor, filters in zip(encoder.blocks, factors, widths, strict=True):
        x = block(np.asarray(x).repeat(factor, 1).repeat(factor, 2), layout=layout)
        assert x.shape[-1] == filters
    assert x.shape == (1, *size, widths[-1])
    np.testing.assert_allclose(encoder(layout=layout)[-1], x, rtol=1e-4)


# --- the forward pass, part by part ----------------------------------------------------------------------------------


def test_edge_transfer_multiplies_by_one_plus_sigmoid(rng):
    edge, image = rng.normal(size=(2, 1, 4, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(transfer_edges(edge, image), sigmoid(edge) * image + image, rtol=1e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("is_gated", [False, True])
def test_a_chain_matches_numpy(is_gated, training, rng, randomize, convolve_numpy):
    chain = ConvolutionChain()
    chain.build((None, 6, 6, 16))
    randomize(chain, scale=0.2)
    x = rng.normal(size=(2, 6, 6, 16))
    gates = [rng.normal(size=(2, 6, 6, width)).astype(np.float32) for width in (32, 16, 8)]
    image, features = chain(x.astype(np.float32), gates=gates if is_gated else None, training=training)
    for j, convolution in enumerate(chain.convolutions):
        x = convolve_numpy(leaky_relu(x), convolution.kernel, padding=1) + np.asarray(convolution.bias)
        np.testing.assert_allclose(features[j], x, atol=1e-4)
        if is_gated:
            x = x * (1 + sigmoid(gates[j]))
    x = convolve_numpy(leaky_relu(x), chain.to_image.kernel, padding=1) + np.asarray(chain.to_image.bias)
    np.testing.assert_allclose(image, np.tanh(x), atol=1e-4)


@pytest.mark.parametrize("by_neighbourhoods", [False, True])
@pytest.mark.parametrize("skip", [False, True])
def test_the_semantic_preserving_module_matches_numpy(
    skip, by_neighbourhoods, rng, randomize, convolve_numpy, monkeypatch
):
    monkeypatch.setattr("ecgan_tf.layers.layout.FEWEST_CELLS", 0)
    monkeypatch.setattr("ecgan_tf.layers.label_conv.MOST_WINDOWS", np.inf)
    module = SemanticPreservingModule(4, skip=skip)
    module.build((None, 6, 6, 9))
    randomize(module, scale=0.2)
    parts, initial_image = rng.normal(size=(2, 2, 6, 6, 2)).astype(np.float32), rng.normal(size=(2, 6, 6, 3))
    labels, boundaries = rng.integers(0, 4, (2, 6, 6)), rng.integers(0, 2, (2, 6, 6, 1)).astype(np.float32)
    x = np.concatenate([*parts, np.eye(4)[labels], boundaries], axis=-1)

    def conv(x, layer):
        return convolve_numpy(leaky_relu(x), layer.kernel, padding=1) + np.asarray(layer.bias)

    classes = conv(x, module.to_classes)
    gate = sigmoid(classes.mean((1, 2), keepdims=True))
    expected = np.tanh(conv(conv(classes * (1 + gate), module.to_features), module.to_image) + skip * initial_image)
    layout = Layout(labels.astype(np.int32), 4, boundaries, by_neighbourhoods)
    image = module(list(parts), layout=layout, initial_image=initial_image.astype(np.float32))
    np.testing.assert_allclose(image, expected, atol=1e-4)


def test_the_parts_are_joined_as_in_the_paper(generator, outputs, toy_batch):
    batch = toy_batch(3)
    edge, edge_features = generator.edge_generator(outputs["features"])
    image, _ = generator.image_generator(outputs["features"], gates=edge_features)
    initial_image = np.asarray(image) * (1 + sigmoid(edge))
    parts = [np.asarray(part, np.float32) for part in (outputs["features"], initial_image, edge)]
    layout = Layout(batch["labels"], 4, batch["boundaries"])
    np.testing.assert_allclose(outputs["edge"], edge, atol=1e-5)
    np.testing.assert_allclose(outputs["initial_image"], initial_image, atol=1e-5)
    np.testing.assert_allclose(outputs["image"], generator.semantic_preserving(parts, layout=layout), atol=1e-5)


# --- what holds for the whole ----------------------------------------------------------------------------------------


def test_outputs(outputs):
    assert {key: value.shape for key, value in outputs.items()} == {
        "image": (3, 32, 32, 3),
        "initial_image": (3, 32, 32, 3),
        "edge": (3, 32, 32, 3),
        "features": (3, 32, 32, 8),
        "scale 1": (3, 32, 32, 8),
        "scale 2": (3, 16, 16, 16),
        "scale 3": (3, 8, 8, 32),
        "scale 4": (3, 4, 4, 64),
    }
    assert {value.dtype.name for value in outputs.values()} == {"float32"}
    for key in ("image", "initial_image", "edge"):
        assert outputs[key].std() > 0.01  # neither constant nor dead


def test_saturated_outputs_stay_in_range(toy_batch, randomize):
    generator = make_generator("ecgan", **TINY)
    for part in PARTS[1:]:
        randomize(getattr(generator, part), scale=3)
    outputs = generator(toy_batch(3), training=True)
    outputs = {key: np.abs(outputs[key]).max() for key in ("image", "edge", "initial_image")}
    assert 0.99 < outputs["image"] <= 1
    assert 0.99 < outputs["edge"] <= 1
    assert 1.7 < outputs["initial_image"] < 1.74  # 1 + sigmoid(1)


def test_an_image_does_not_depend_on_its_batch_mates(generator, outputs, toy_batch):
    batch = {key: value[:1] for key, value in toy_batch(3).items()}
    for key, value in flatten(generator(batch)).items():
        np.testing.assert_allclose(value, outputs[key][:1], atol=1e-5)


def test_the_boundaries_are_seen(generator, outputs, toy_batch):
    batch = toy_batch(3)
    other = generator({**batch, "boundaries": 1 - batch["boundaries"]})
    assert np.abs(other["image"] - outputs["image"]).max() > 1e-3


@pytest.fixture(scope="module")
def gradients(generator, toy_batch, snapshot):
    """By variable path: of a weighted sum of the final image, and of one of all outputs."""
    rng = np.random.default_rng(0)
    variables = generator.trainable_variables
    statistics = snapshot(generator.non_trainable_variables)
    with tf.GradientTape(persistent=True) as tape:
        outputs = flatten(generator(toy_batch(3), training=True))
        of_outputs = {key: tf.reduce_sum(value * rng.normal(size=value.shape)) for key, value in outputs.items()}
        total = tf.add_n(list(of_outputs.values()))
    for variable, value in zip(generator.non_trainable_variables, statistics):
        variable.assign(value)
    values = [variable.value for variable in variables]
    names = [variable.path for variable in variables]
    return {
        "image": dict(zip(names, tape.gradient(of_outputs["image"], values))),
        "total": dict(zip(names, tape.gradient(total, values))),
    }


@pytest.mark.parametrize("part", PARTS)
def test_the_gradient_of_the_final_image_reaches_every_part(gradients, part):
    of_part = {name: gradient for name, gradient in gradients["image"].items() if f"/{part}/" in name}
    assert of_part
    assert not [name for name, gradient in of_part.items() if gradient is None or not np.any(gradient)]


def test_every_variable_learns(gradients):
    assert not [name for name, gradient in gradients["total"].items() if gradient is None or not np.any(gradient)]


def test_variable_paths_are_unique(generator):
    paths = [variable.path for variable in generator.variables]
    assert len(set(paths)) == len(paths)


# --- made, saved, loaded ---------------------------------------------------------------------------------------------


def test_a_saved_generator_gives_the_same_image(generator, outputs, toy_batch, tmp_path):
    generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(loaded(toy_batch(3))["image"], outputs["image"])


def test_a_generator_is_rebuilt_from_its_config():
    arguments = {
        **TINY,
        "image_size": (64, 128),
        "upsampling": "more",
        "normalization": "instance",
        "semantic_skip": True,
    }
    config = ECGANGenerator(**arguments, name="ecgan").get_config()
    assert arguments.items() <= config.items()
    assert ECGANGenerator.from_config(config).get_config() == config


@pytest.mark.parametrize("name", ["spade", "ecgan", "lggan"])
def test_with_one_block_more_the_feature_has_half_the_channels(name):
    tiny = {"num_classes": 3, "image_size": (128, 128), "base_filters": 4, "spade_hidden_filters": 4}
    generator = make_generator(name, upsampling="most", **tiny)
    outputs = generator({"labels": np.zeros((1, 128, 128), np.int32)})
    assert outputs["image"].shape == (1, 128, 128, 3)
    if name != "lggan":
        assert [scale.shape[1:] for scale in outputs["scales"][:3]] == [(128, 128, 2), (64, 64, 4), (32, 32, 8)]


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="Unknown model 'gaugan'. Known: .*ecgan"):
        make_generator("gaugan", num_classes=3)


@pytest.mark.parametrize(
    ("size", "upsampling", "stride"),
    [((32, 40), "normal", 32), ((40, 32), "normal", 32), ((64, 96), "more", 64), ((128, 192), "most", 128)],
)
def test_a_size_that_does_not_divide_is_refused(size, upsampling, stride):
    with pytest.raises(ValueError, match=rf"image_size \({size[0]}, {size[1]}\) must be a multiple of {stride} "):
        make_generator("ecgan", num_classes=3, image_size=size, upsampling=upsampling)
