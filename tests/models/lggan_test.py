import gc

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.layout import Layout
from ecgan_tf.models import MODELS, make_generator
from ecgan_tf.models.lggan import Decoder, LGGANGenerator, ReflectResidualBlock, SharedEncoder

NAMES = ("lggan", "lggan_plus")
TINY = {"num_classes": 3, "image_size": (32, 32), "has_unknown": True, "has_boundaries": True, "base_filters": 4,
        "spade_hidden_filters": 4, "initializer": "he", "head_initializer": "he", "num_residual_blocks": 1,
        "local_kernel_size": 3}  # fmt: skip


def count(layer):
    return sum(int(np.prod(variable.shape)) for variable in layer.trainable_variables)


@pytest.fixture(scope="module", params=NAMES)
def generator(request, toy_batch):
    """A generator after one training call, with weight maps that are not the equal shares of the start."""
    keras.utils.set_random_seed(0)
    generator = make_generator(request.param, **TINY)
    generator.to_weights.kernel.assign(np.random.default_rng(0).normal(0, 1, generator.to_weights.kernel.shape))
    generator(toy_batch(3), training=True)
    return generator


@pytest.fixture(scope="module")
def outputs(generator, toy_batch):
    return {key: np.asarray(value) for key, value in generator(toy_batch(3)).items()}


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_published_parameter_counts():
    """Of the Cityscapes generator; the classifier's 2,275 are a head of the training."""
    generator = make_generator(
        "lggan", num_classes=35, image_size=(256, 512), has_boundaries=True, upsampling="more"
    )  # fmt: skip
    parts = ("encoder", "local_decoder", "class_branches", "weight_decoder", "to_weights", "trunk", "to_global")
    counts = {part: count(getattr(generator, part)) for part in parts}
    blocks = sum(count(block) for block in generator.local_decoder.blocks)
    del generator
    gc.collect()
    assert counts["encoder"] == 6_381_760
    assert (blocks, counts["local_decoder"] - blocks) == (10_621_440, 368_832)
    assert counts["class_branches"] == 35 * (64 * 49 * 3 + 3) + 105 * 9 * 3 + 3
    assert counts["weight_decoder"] + counts["to_weights"] == 368_962
    assert counts["trunk"] + counts["to_global"] == 92_715_203
    assert sum(counts.values()) + 2_275 == 110_790_695


# --- the parts -------------------------------------------------------------------------------------------------------


def instance_norm(x):
    return (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)


def conv(x, layer, convolve_numpy, strides=1, mode="constant"):
    margin = layer.kernel.shape[0] // 2
    padded = np.pad(x, [(0, 0), (margin, margin), (margin, margin), (0, 0)], mode=mode)
    return convolve_numpy(padded, layer.kernel, strides) + np.asarray(layer.bias)


def test_the_encoder_matches_numpy(toy_batch, randomize, convolve_numpy):
    encoder = SharedEncoder(2, 4, has_boundaries=True)
    encoder.build()
    randomize(encoder)
    batch = toy_batch(1)
    x = np.concatenate([np.eye(4)[batch["labels"]], batch["boundaries"]], axis=-1)
    x = np.maximum(instance_norm(conv(x, encoder.start, convolve_numpy, mode="reflect")), 0)
    maps = []
    for convolution in encoder.convolutions:
        x = np.maximum(instance_norm(conv(x, convolution, convolve_numpy, strides=2)), 0)
        maps.append(x)
    features, coarse = encoder(layout=Layout(batch["labels"], 4, batch["boundaries"]))
    assert (features.shape, coarse.shape) == ((1, 8, 8, 8), (1, 2, 2, 32))
    np.testing.assert_allclose(features, maps[1], atol=1e-3)
    np.testing.assert_allclose(coarse, maps[3], atol=1e-2)


def test_a_residual_block_matches_numpy(rng, randomize, convolve_numpy):
    block = ReflectResidualBlock(3)
    block.build((None, 5, 6, 3))
    randomize(block)
    x = rng.normal(size=(2, 5, 6, 3))
    y = np.maximum(instance_norm(conv(x, block.conv_0, convolve_numpy, mode="reflect")), 0)
    y = x + instance_norm(conv(y, block.conv_1, convolve_numpy, mode="reflect"))
    np.testing.assert_allclose(block(x.astype(np.float32)), y, atol=1e-3)


def test_a_decoder_goes_from_a_quarter_to_full_size(rng):
    decoder = Decoder(3, num_residual_blocks=2)
    decoder.build((None, 4, 6, 12))
    x = rng.normal(size=(1, 4, 6, 12)).astype(np.float32)
    assert decoder(x).shape == (1, 16, 24, 3)
    step_by_step = x
    for layer in (*decoder.blocks, *decoder.ups):
        step_by_step = layer(step_by_step)
    np.testing.assert_array_equal(decoder(x), step_by_step)


def test_the_trunk_starts_from_every_fourth_cell(toy_batch):
    """At 64x64 with six doublings, the trunk's 1x1 start is a cell of the encoder's 4x4 map: the first."""
    arguments = {**TINY, "image_size": (64, 64), "upsampling": "more", "has_boundaries": False}
    generator = make_generator("lggan", **arguments)
    labels = np.random.default_rng(0).integers(0, 4, (2, 64, 64)).astype(np.int32)
    layout = Layout(labels, 4)
    _, coarse = generator.encoder(layout=layout)
    assert coarse.shape == (2, 4, 4, 64)
    x = generator.trunk(layout=layout, x=np.asarray(coarse)[:, :1, :1])[-1]
    expected = np.tanh(generator.to_global(np.where(np.asarray(x) > 0, x, 0.2 * np.asarray(x))))
    np.testing.assert_allclose(generator({"labels": labels})["global_image"], expected, atol=1e-5)


# --- what holds for the whole ----------------------------------------------------------------------------------------


def test_outputs(outputs):
    assert {key: value.shape for key, value in outputs.items()} == {
        "image": (3, 32, 32, 3),
        "global_image": (3, 32, 32, 3),
        "local_image": (3, 32, 32, 3),
        "class_image": (3, 32, 32, 3),
        "global_weight": (3, 32, 32, 1),
        "local_weight": (3, 32, 32, 1),
        "local_features": (3, 32, 32, 4),
    }
    for key, value in outputs.items():
        assert value.dtype == np.float32
        assert value.std() > 0.01, key  # neither constant nor dead
        if "image" in key:
            assert np.abs(value).max() <= 1


def test_the_images_are_mixed_by_the_weight_maps(outputs):
    np.testing.assert_allclose(outputs["global_weight"] + outputs["local_weight"], 1.0, atol=1e-6)
    mixed = outputs["global_weight"] * outputs["global_image"] + outputs["local_weight"] * outputs["local_image"]
    np.testing.assert_allclose(outputs["image"], mixed, atol=1e-6)


def test_the_weights_are_the_softmax_of_two_channels_local_first(generator, outputs, toy_batch):
    batch = toy_batch(3)
    features, _ = generator.encoder(layout=Layout(batch["labels"], 4, batch["boundaries"]))
    logits = np.exp(generator.to_weights(generator.weight_decoder(features)))
    np.testing.assert_allclose(outputs["local_weight"], logits[..., :1] / logits.sum(-1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_both_images_have_equal_shares_at_first(name, toy_batch):
    outputs = make_generator(name, **TINY)(toy_batch(1))
    np.testing.assert_array_equal(outputs["local_weight"], np.full((1, 32, 32, 1), 0.5))


def test_the_local_branch_reads_the_decoder_and_the_labels(generator, outputs, toy_batch):
    again = generator.class_branches(outputs["local_features"], branches=toy_batch(3)["labels"])
    np.testing.assert_allclose(outputs["local_image"], again["local_image"], atol=1e-6)


@pytest.mark.parametrize("fusion", ["global", "local", "mean"])
def test_a_part_that_is_switched_off_has_no_variables(fusion, toy_batch):
    generator = make_generator("lggan", **{**TINY, "fusion": fusion})
    outputs = generator(toy_batch(1), training=True)
    parts = {variable.path.split("/")[1] for variable in generator.variables}
    has = {"trunk": fusion != "local", "local_decoder": fusion != "global", "class_branches": fusion != "global",
           "weight_decoder": False, "to_weights": False}  # fmt: skip
    assert {part: part in parts for part in has} == has
    expected = {
        "global": lambda: outputs["global_image"],
        "local": lambda: outputs["local_image"],
        "mean": lambda: (outputs["global_image"] + outputs["local_image"]) / 2,
    }[fusion]()
    np.testing.assert_allclose(outputs["image"], expected, atol=1e-6)
    assert ("local_image" in outputs, "global_image" in outputs) == (fusion != "global", fusion != "local")


@pytest.mark.parametrize(
    ("sau_place", "encoder", "decoders"),
    [("none", False, False), ("encoder", True, False), ("decoders", False, True), ("both", True, True)],
)
def test_where_semantic_aware_upsampling_is(sau_place, encoder, decoders):
    generator = make_generator("lggan_plus", **TINY, sau_place=sau_place)
    with_sau = {variable.path.split("/")[1] for variable in generator.variables if "/sau/" in variable.path}
    expected = {"encoder"} if encoder else set()
    expected |= {"local_decoder", "weight_decoder"} if decoders else set()
    assert with_sau == expected


def test_lggan_plus_has_semantic_aware_upsampling_and_lggan_has_not():
    assert [make_generator(name, **TINY).sau_place for name in NAMES] == ["none", "both"]


# --- classes that share a branch -------------------------------------------------------------------------------------


def test_groups_share_a_branch(toy_batch):
    generator = make_generator("lggan", **TINY, local_groups=(1, 0, 1, -1))
    assert generator.num_branches == 2
    labels = toy_batch(1)["labels"].numpy()
    expected = np.array([1, 0, 1, 2])[labels]
    np.testing.assert_array_equal(generator.branches_of(labels), expected)
    image = generator(toy_batch(1))["class_image"].numpy()
    assert not np.any(image[labels == 3]) and np.all(np.any(image[labels != 3], axis=-1))


@pytest.mark.parametrize("groups", [(0, 1, 2), (0, 1, 3, 1), (-1, -1, -1, -1), (1, 2, 1, 2)])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(ValueError, match="must name a branch for each of 4 labels"):
        make_generator("lggan", **TINY, local_groups=groups)


# --- learning --------------------------------------------------------------------------------------------------------


def test_every_variable_learns(generator, toy_batch):
    """All but the biases that an instance normalisation takes away again; they are there for the release's weights."""
    rng = np.random.default_rng(0)
    values = [variable.value.numpy() for variable in generator.non_trainable_variables]
    with tf.GradientTape() as tape:
        outputs = generator(toy_batch(3), training=True)
        total = tf.add_n([tf.reduce_sum(value * rng.normal(size=value.shape)) for value in outputs.values()])
    gradients = tape.gradient(total, [variable.value for variable in generator.trainable_variables])
    for variable, value in zip(generator.non_trainable_variables, values):
        variable.assign(value)
    useless = ("encoder/start/bias", "convolution/bias", "conv_0/bias", "conv_1/bias", "conv_2/bias", "conv_3/bias")
    silent = [
        variable.path
        for variable, gradient in zip(generator.trainable_variables, gradients)
        if gradient is None or not np.any(gradient)
    ]
    assert not [path for path in silent if "trunk/" in path or not path.endswith(useless)]


def test_variable_paths_are_unique(generator):
    paths = [variable.path for variable in generator.variables]
    assert len(set(paths)) == len(paths)


def test_an_image_does_not_depend_on_its_batch_mates(generator, outputs, toy_batch):
    batch = {key: value[:1] for key, value in toy_batch(3).items()}
    for key, value in generator(batch).items():
        np.testing.assert_allclose(value, outputs[key][:1], atol=1e-4)


# --- made, saved, loaded ---------------------------------------------------------------------------------------------


def test_a_saved_generator_gives_the_same_image(generator, outputs, toy_batch, tmp_path):
    generator.save(tmp_path / "generator.keras")
    loaded = keras.saving.load_model(tmp_path / "generator.keras")
    np.testing.assert_array_equal(loaded(toy_batch(3))["image"], outputs["image"])


@pytest.mark.parametrize("name", NAMES)
def test_a_generator_is_rebuilt_from_its_config(name):
    arguments = {**TINY, "image_size": (64, 128), "upsampling": "more", "local_groups": (0, 0, 1, 1),
                 "local_fusion": "sum", "mask_mode": "input", "fusion": "mean", "upsampler": "nearest_conv",
                 "sau_place": "encoder", "sau_patch": "upsampled"}  # fmt: skip
    config = MODELS[name](**arguments, name=name).get_config()
    assert arguments.items() <= config.items()
    assert MODELS[name].from_config(config).get_config() == config
    assert issubclass(MODELS[name], LGGANGenerator)
