"""Weights of the PyTorch releases: their names, their arithmetic, and the command that brings them in and out."""

import os
import pathlib
import subprocess
import sys

import keras
import ml_collections
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.convert import load_state_dict, read_state_dict, state_dict, torch_names
from ecgan_tf.errors import RequestError
from ecgan_tf.layers.layout import Layout
from ecgan_tf.methods import make_generator
from ecgan_tf.models import make_discriminator
from ecgan_tf.models.generator import Generator
from ecgan_tf.runs.checkpoints import list_checkpoints
from ecgan_tf.runs.folder import RunFolder, read_config, read_model
from ecgan_tf.runs.opening import open_run
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.imports import take_out

ROOT = pathlib.Path(__file__).parents[1]
NAMES = ("ecgan", "spade", "lggan", "discriminator")


@pytest.fixture(scope="module")
def new_model(randomize):
    """A tiny model of 3 classes, unknown and boundaries, with other values for every seed."""

    def make(name, seed=1):
        common = {"num_classes": 3, "has_unknown": True, "has_boundaries": True, "base_filters": 2}
        if name == "discriminator":
            model = make_discriminator("multiscale", **common)
        else:
            local = {"num_residual_blocks": 2, "mask_mode": "input"} if name == "lggan" else {}
            model = make_generator(name, image_size=(32, 32), spade_hidden_filters=4, **local, **common)
        rng = np.random.default_rng(seed)
        for variable in model.variables:
            variable.assign(rng.uniform(0.1, 1.0, variable.shape))
        return model

    return make


def values(model):
    return {variable.path: variable.value.numpy() for variable in model.variables}


# --- names and values ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_state_dict_comes_back_bit_for_bit(name, new_model):
    model, other = new_model(name), new_model(name, seed=2)
    arrays = state_dict(model)
    load_state_dict(other, arrays)
    expected, loaded = values(model), values(other)
    assert not [path for path in expected if not np.array_equal(loaded[path], expected[path])]
    again = state_dict(other)
    assert again.keys() == arrays.keys()
    assert not [key for key in arrays if again[key].tobytes() != arrays[key].tobytes()]
    branches = 4 if name == "lggan" else 1  # one variable here, one each there
    assert len(arrays) == len(model.variables) + 2 * (branches - 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "ecgan",
            {
                "fc.weight": (32, 5, 3, 3),
                "head_0.conv_0.weight_orig": (32, 32, 3, 3),
                "head_0.conv_0.weight_u": (32,),
                "head_0.conv_0.weight_v": (288,),
                "G_middle_0.norm_0.param_free_norm.running_mean": (32,),
                "G_middle_1.norm_1.param_free_norm.running_var": (32,),
                "up_0.norm_s.mlp_shared.0.weight": (4, 5, 3, 3),
                "up_3.norm_0.mlp_gamma.bias": (4,),
                "up_3.conv_s.weight_orig": (2, 4, 1, 1),
                "conv_edge1.weight": (32, 2, 3, 3),
                "conv_img4.bias": (3,),
                "conv_comb1.weight": (3, 13, 3, 3),
                "conv_comb2.weight": (13, 3, 3, 3),
                "conv_comb.weight": (3, 13, 3, 3),
            },
        ),
        ("spade", {"conv_img.weight": (3, 2, 3, 3), "up_0.conv_1.bias": (16,)}),
        (
            "lggan",
            {
                "conv1.weight": (2, 5, 7, 7),
                "conv5.bias": (32,),
                "resnet_blocks1.conv1.weight": (8, 8, 3, 3),
                "resnet_blocks2.conv2.bias": (8,),
                "deconv3_local.weight": (8, 4, 3, 3),
                "deconv4_attention.weight": (4, 2, 3, 3),
                "deconv5_attention.weight": (2, 2, 1, 1),
                "deconv5_0.weight": (3, 2, 7, 7),
                "deconv5_3.bias": (3,),
                "deconv9.weight": (3, 12, 3, 3),
                "head_0.conv_0.weight_orig": (32, 32, 3, 3),
                "up_0.norm_s.mlp_shared.0.weight": (4, 5, 3, 3),
                "conv_img.bias": (3,),
            },
        ),
        (
            "discriminator",
            {
                "discriminator_0.model0.0.weight": (2, 8, 4, 4),
                "discriminator_1.model1.0.0.weight_orig": (4, 2, 4, 4),
                "discriminator_1.model3.0.0.weight_v": (128,),
                "discriminator_0.model4.0.bias": (1,),
            },
        ),
    ],
)
def test_names_and_shapes_are_those_of_the_pytorch_modules(name, expected, new_model):
    arrays = state_dict(new_model(name))
    assert {key: arrays[key].shape for key in expected} == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_named_and_nothing_is_changed(name, new_model):
    model = new_model(name)
    before, arrays = values(model), state_dict(new_model(name, seed=2))
    keys = sorted(key for key in arrays if not key.endswith("weight_v"))
    missing, misshapen = (keys[0], keys[5]), (keys[1], keys[7])
    for key in missing:
        del arrays[key]
    for key in misshapen:
        arrays[key] = arrays[key][..., :0]
    arrays["stranger.weight"] = arrays["other.bias"] = np.zeros(3)
    with pytest.raises(RequestError) as error:
        load_state_dict(model, arrays)
    message = str(error.value)
    for key in missing:
        assert f"missing {key}" in message
    for key in misshapen:
        assert f"{key} has shape {arrays[key].shape}, the model needs (" in message
    assert "unknown stranger.weight" in message and "unknown other.bias" in message
    after = values(model)
    assert not [path for path in before if not np.array_equal(after[path], before[path])]


def test_a_missing_v_is_half_a_power_iteration(new_model):
    arrays, model = state_dict(new_model("discriminator")), new_model("discriminator", seed=2)
    without = {key: array for key, array in arrays.items() if not key.endswith("weight_v")}
    load_state_dict(model, without)
    loaded = state_dict(model)
    vectors = arrays.keys() - without.keys()
    assert len(vectors) == 6
    for key in vectors:
        weight, u = (arrays[key.replace("weight_v", part)] for part in ("weight_orig", "weight_u"))
        v = weight.reshape(len(weight), -1).T.astype(np.float64) @ u
        np.testing.assert_allclose(loaded[key], v / np.linalg.norm(v), rtol=1e-5)


def test_what_the_release_computes_nothing_with_is_ignored(new_model):
    model = new_model("ecgan", seed=2)
    arrays = state_dict(new_model("ecgan"))
    unused = {"fc1.weight": np.zeros((3, 3)), "fc1.bias": np.zeros(3)}
    counters = {
        key.replace("running_mean", "num_batches_tracked"): np.array(7) for key in arrays if key.endswith("mean")
    }
    load_state_dict(model, {**arrays, **unused, **counters})
    assert not [key for key, array in state_dict(model).items() if not np.array_equal(array, arrays[key])]


@pytest.mark.parametrize(
    "rename",
    [lambda key: f"module.{key}", lambda key: key.replace(".0.0.", ".0.")],
    ids=["data parallel", "flat convolutions"],
)
def test_names_are_accepted_in_other_forms(rename, new_model):
    model, arrays = new_model("discriminator", seed=2), state_dict(new_model("discriminator"))
    load_state_dict(model, {rename(key): array for key, array in arrays.items()})
    assert not [key for key, array in state_dict(model).items() if not np.array_equal(array, arrays[key])]


# --- the computation, from PyTorch's names, in NumPy -----------------------------------------------------------------


@pytest.fixture(scope="module")
def convolve(convolve_numpy):
    """A convolution of an NHWC array by a PyTorch kernel, zeros on all sides."""

    def convolve(x, weight, bias=0.0, stride=1, padding=0):
        return convolve_numpy(x, weight.transpose(2, 3, 1, 0), stride, padding) + bias

    return convolve


def spectral_weight(arrays, layer):
    weight = arrays[f"{layer}.weight_orig"].astype(np.float64)
    sigma = arrays[f"{layer}.weight_u"] @ weight.reshape(len(weight), -1) @ arrays[f"{layer}.weight_v"]
    return weight / sigma


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


def nearest(x, height, width):
    """PyTorch's nearest-neighbour resize: index floor(i * scale)."""
    rows = np.floor(np.arange(height) * (x.shape[1] / height)).astype(int)
    columns = np.floor(np.arange(width) * (x.shape[2] / width)).astype(int)
    return x[:, rows][:, :, columns]


@pytest.fixture(scope="module")
def spade_numpy(convolve):
    def spade(arrays, layer, x, semantic):
        mean, variance = (arrays[f"{layer}.param_free_norm.running_{part}"] for part in ("mean", "var"))
        semantic = nearest(semantic, *x.shape[1:3])
        hidden, gamma, beta = (
            (arrays[f"{layer}.{part}.weight"], arrays[f"{layer}.{part}.bias"])
            for part in ("mlp_shared.0", "mlp_gamma", "mlp_beta")
        )
        hidden = np.maximum(convolve(semantic, *hidden, padding=1), 0)
        normalized = (x - mean) / np.sqrt(variance + 1e-5)
        return normalized * (1 + convolve(hidden, *gamma, padding=1)) + convolve(hidden, *beta, padding=1)

    return spade


@pytest.mark.parametrize(("block", "filters"), [("G_middle_0", 32), ("up_1", 16)], ids=["identity", "learnt shortcut"])
def test_a_block_with_imported_weights_gives_what_pytorch_would(block, filters, new_model, convolve, spade_numpy, rng):
    model = new_model("ecgan", seed=2)
    arrays = {key: rng.normal(0, 0.4, array.shape).astype(np.float32) for key, array in state_dict(model).items()}
    for key in arrays:
        if key.endswith("running_var"):
            arrays[key] = np.abs(arrays[key]) + 0.5
    load_state_dict(model, arrays)
    labels = rng.integers(0, 4, (2, 32, 32)).astype(np.int32)
    boundaries = rng.integers(0, 2, (2, 32, 32, 1)).astype(np.float32)
    x = rng.normal(size=(2, 4, 4, filters)).astype(np.float32)
    semantic = np.concatenate([np.eye(4)[labels], boundaries], axis=-1)

    main = leaky(spade_numpy(arrays, f"{block}.norm_0", x, semantic))
    main = convolve(main, spectral_weight(arrays, f"{block}.conv_0"), arrays[f"{block}.conv_0.bias"], padding=1)
    main = leaky(spade_numpy(arrays, f"{block}.norm_1", main, semantic))
    main = convolve(main, spectral_weight(arrays, f"{block}.conv_1"), arrays[f"{block}.conv_1.bias"], padding=1)
    shortcut = x
    if f"{block}.conv_s.weight_orig" in arrays:
        shortcut = spade_numpy(arrays, f"{block}.norm_s", x, semantic)
        shortcut = convolve(shortcut, spectral_weight(arrays, f"{block}.conv_s"))
    expected = main + shortcut

    ours = next(layer for layer in model.encoder.blocks if layer.name == block.removeprefix("G_"))
    layout = Layout(tf.constant(labels), 4, tf.constant(boundaries))
    np.testing.assert_allclose(ours(x, layout=layout), expected, atol=1e-3 * np.abs(expected).max())


@pytest.fixture(scope="module")
def lggan_numpy(convolve):
    """The release's local branch and weight maps, from its names: a dictionary of what they synthesise."""

    def norm_relu(x):
        return np.maximum((x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5), 0)

    def mirrored(x, cells):
        return np.pad(x, [(0, 0), (cells, cells), (cells, cells), (0, 0)], mode="reflect")

    def transposed(x, weight, bias):
        """PyTorch's ConvTranspose2d(k=3, stride 2, padding 1, output padding 1), tap by tap."""
        batch, height, width, _ = x.shape
        y = np.zeros((batch, 2 * height + 2, 2 * width + 2, weight.shape[1]))
        for k in range(3):
            for m in range(3):
                y[:, k : k + 2 * height : 2, m : m + 2 * width : 2] += x @ weight[:, :, k, m]
        return y[:, 1:-1, 1:-1] + bias

    def synthesise(arrays, semantic):
        def layer(name):
            return arrays[f"{name}.weight"], arrays[f"{name}.bias"]

        x = norm_relu(convolve(mirrored(semantic, 3), *layer("conv1")))
        x = norm_relu(convolve(x, *layer("conv2"), 2, 1))
        encoded = x = norm_relu(convolve(x, *layer("conv3"), 2, 1))
        for block in (1, 2):
            y = norm_relu(convolve(mirrored(x, 1), *layer(f"resnet_blocks{block}.conv1")))
            y = convolve(mirrored(y, 1), *layer(f"resnet_blocks{block}.conv2"))
            x = x + (y - y.mean((1, 2), keepdims=True)) / np.sqrt(y.var((1, 2), keepdims=True) + 1e-5)
        for name in ("deconv3_local", "deconv4_local"):
            x = norm_relu(transposed(x, *layer(name)))
        branches = [
            np.tanh(convolve(mirrored(x * semantic[..., i : i + 1], 3), *layer(f"deconv5_{i}"))) for i in range(4)
        ]
        local = np.tanh(convolve(np.concatenate(branches, -1), *layer("deconv9"), 1, 1))
        x = encoded
        for name in ("deconv3_attention", "deconv4_attention"):
            x = norm_relu(transposed(x, *layer(name)))
        weights = np.exp(convolve(x, *layer("deconv5_attention")))
        weights = weights / weights.sum(-1, keepdims=True)
        return {"class_images": np.concatenate(branches, -1), "local_image": local,
                "local_weight": weights[..., :1], "global_weight": weights[..., 1:]}  # fmt: skip

    return synthesise


def test_lggan_with_imported_weights_gives_what_the_release_would(new_model, lggan_numpy, rng):
    model = new_model("lggan", seed=2)
    arrays = {key: rng.normal(0, 0.3, array.shape).astype(np.float32) for key, array in state_dict(model).items()}
    for branch in range(4):
        arrays[f"deconv5_{branch}.weight"] *= 0.2  # 49 taps: keeps tanh off its ends
    load_state_dict(model, arrays)
    labels = np.repeat(np.repeat(rng.integers(0, 4, (1, 4, 4)), 8, 1), 8, 2).astype(np.int32)
    boundaries = rng.integers(0, 2, (1, 32, 32, 1)).astype(np.float32)
    expected = lggan_numpy(arrays, np.concatenate([np.eye(4)[labels], boundaries], axis=-1))
    outputs = model({"labels": tf.constant(labels), "boundaries": tf.constant(boundaries)})
    for key, value in expected.items():
        np.testing.assert_allclose(outputs[key], value, atol=1e-4, err_msg=key)
        assert 0.02 < np.std(value) < 0.95
    # The trunk's names and arithmetic are SPADE's, which the test above holds against the release.
    mixed = expected["local_weight"] * expected["local_image"] + expected["global_weight"] * outputs["global_image"]
    np.testing.assert_allclose(outputs["image"], mixed, atol=1e-4)


def test_the_dense_layer_of_a_vae_gives_the_map_that_pytorchs_view_would(rng):
    tiny = {"num_classes": 3, "image_size": (64, 96), "base_filters": 2, "spade_hidden_filters": 4}
    model, other = (make_generator("spade", use_vae=True, **tiny) for _ in range(2))
    arrays = state_dict(model)
    arrays = {key: rng.normal(size=array.shape).astype(np.float32) for key, array in arrays.items()}
    assert (arrays["fc.weight"].shape, arrays["fc.bias"].shape) == ((32 * 2 * 3, 256), (32 * 2 * 3,))
    load_state_dict(other, arrays)
    z = rng.normal(size=(2, 256)).astype(np.float32)
    expected = (z @ arrays["fc.weight"].T + arrays["fc.bias"]).reshape(2, 32, 2, 3).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(other.encoder.start(z), expected, atol=1e-4)
    again = state_dict(other)
    assert not [key for key in arrays if not np.array_equal(again[key], arrays[key])]


def test_branches_with_a_gap_are_named(new_model):
    arrays = state_dict(new_model("lggan"))
    del arrays["deconv5_1.weight"]
    with pytest.raises(RequestError, match=r"deconv5_<i>.weight, one per branch, have gaps"):
        load_state_dict(new_model("lggan", seed=2), arrays)


def test_what_the_release_does_not_have_is_named():
    model = make_generator("lggan_plus", num_classes=3, image_size=(32, 32), base_filters=2, spade_hidden_filters=4)
    with pytest.raises(RequestError, match="encoder/sau/.*LGGAN's release has no such part"):
        state_dict(model)


class OfMine(Generator):
    """A generator of a user's own, of one convolution."""

    def build(self, input_shape=None):
        self.to_image = keras.layers.Conv2D(3, 1, name="to_image")
        self.to_image.build((None, None, None, self.num_labels))
        self.built = True


def make_unreleased(name):
    """A model that no PyTorch release has."""
    if name == "of_mine":
        model = OfMine(num_classes=3, image_size=(32, 32), name=name)
        model.build()
        return model
    if name == "pair":
        return make_discriminator("pair", num_classes=3, base_filters=2)
    tiny = {} if name == "lggan_cross_view" else {"spade_hidden_filters": 4}
    guided = {"ecgan": {"use_exemplar": True}, "spade": {"noise": "classes"}}.get(name, {})
    return make_generator(name, num_classes=3, image_size=(32, 32), base_filters=2, **tiny, **guided)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lggan_cross_view", "no PyTorch release of model 'lggan_cross_view' is known here"),
        ("msca", "no PyTorch release of model 'msca' is known here"),
        ("of_mine", "no PyTorch release of model 'of_mine' is known here"),
        ("pair", "no PyTorch release of model 'pair' is known here"),
        ("ecgan", "synthesises after exemplars, which no PyTorch release does"),
        ("spade", "with noise='classes' is of no PyTorch release; OASIS has such noise"),
    ],
)
def test_a_model_without_a_release_is_refused(name, message):
    model = make_unreleased(name)
    assert model.variables
    for use in (torch_names, state_dict, lambda model: load_state_dict(model, {"to_image.weight": np.zeros(3)})):
        with pytest.raises(RequestError, match=message):
            use(model)


def test_a_discriminator_with_imported_weights_judges_as_pytorch_would(new_model, convolve, rng):
    model = new_model("discriminator", seed=2)
    arrays = {key: rng.normal(0, 0.4, array.shape).astype(np.float32) for key, array in state_dict(model).items()}
    load_state_dict(model, arrays)
    labels = rng.integers(0, 4, (2, 32, 32)).astype(np.int32)
    boundaries = rng.integers(0, 2, (2, 32, 32, 1)).astype(np.float32)
    images = rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    predictions = model({"labels": tf.constant(labels), "boundaries": tf.constant(boundaries)}, images)

    pair = np.concatenate([np.eye(4)[labels], boundaries, images], axis=-1)
    for scale, (features, logits) in enumerate(predictions):
        prefix = f"discriminator_{scale}"
        x = convolve(pair, arrays[f"{prefix}.model0.0.weight"], arrays[f"{prefix}.model0.0.bias"], 2, 2)
        x = leaky(x)
        np.testing.assert_allclose(features[0], x, atol=1e-4)
        for layer, stride in ((1, 2), (2, 2), (3, 1)):
            x = convolve(x, spectral_weight(arrays, f"{prefix}.model{layer}.0.0"), 0.0, stride, 2)
            x = leaky((x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5))
            np.testing.assert_allclose(features[layer], x, atol=2e-3)
        x = convolve(x, arrays[f"{prefix}.model4.0.weight"], arrays[f"{prefix}.model4.0.bias"], 1, 2)
        np.testing.assert_allclose(logits, x, atol=1e-2)
        pair = pool_without_padding(pair)


def pool_without_padding(x):
    """PyTorch's avg_pool2d(x, 3, 2, 1, count_include_pad=False), cell by cell."""
    rows, columns = ((size + 1) // 2 for size in x.shape[1:3])
    pooled = np.zeros((len(x), rows, columns, x.shape[-1]))
    for i in range(rows):
        for j in range(columns):
            window = x[:, max(2 * i - 1, 0) : 2 * i + 2, max(2 * j - 1, 0) : 2 * j + 2]
            pooled[:, i, j] = window.mean((1, 2))
    return pooled


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_damaged_npz_is_named(tmp_path):
    path = tmp_path / "damaged.npz"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(RequestError, match=str(path)):
        read_state_dict(str(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RequestError, match="no such file; give a state dict"):
        read_state_dict(str(tmp_path / "nowhere.pth"))


def test_a_damaged_pth_is_named(tmp_path):
    (tmp_path / "net.pth").write_bytes(b"not a zip file")
    with pytest.raises(RequestError, match="is not a state dict of tensors"):
        read_state_dict(str(tmp_path / "net.pth"))


# --- the command -----------------------------------------------------------------------------------------------------


def call(module, *arguments):
    command = [sys.executable, "-m", module, *map(str, arguments)]
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}  # as a user's
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """State dicts of a generator and a discriminator as the toy config of earth_tiles makes them."""
    folder = tmp_path_factory.mktemp("state")
    common = {"num_classes": 17, "base_filters": 8}
    models = {
        "G": make_generator("ecgan", image_size=(32, 32), spade_hidden_filters=8, initializer="he",
                            head_initializer="he", **common),
        "D": make_discriminator("multiscale", **common),
    }  # fmt: skip
    for name, model in models.items():
        np.savez(folder / f"{name}.npz", **state_dict(model))
    return folder


CONFIG = "--config=configs/ablations_earth_tiles.py:B6_toy"  # without noise, which no release has


@pytest.fixture(scope="module")
def imported(state):
    result = call("ecgan_tf.convert", f"--from={state / 'G.npz'}", f"--discriminator={state / 'D.npz'}",
                  f"--to={state / 'run'}", CONFIG)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "synthesises with the weights of" in result.stdout
    return state / "run"


def test_an_imported_run_synthesises(imported, tmp_path):
    layouts = ROOT / "ecgan_tf" / "data" / "earth_tiles" / "val" / "labels"
    layout = sorted(layouts.glob("*.png"))[0]
    result = call("ecgan_tf.synthesize", f"--model={imported}", f"--labels={layout}", f"--output={tmp_path}")
    assert result.returncode == 0, result.stderr
    assert [path.name for path in tmp_path.iterdir()] == [layout.name]


def test_what_was_brought_in_can_be_taken_out(imported, state, tmp_path):
    files = {name: tmp_path / f"{name}.npz" for name in "GD"}
    result = call("ecgan_tf.convert", f"--from={imported}", f"--to={files['G']}", f"--discriminator={files['D']}")
    assert result.returncode == 0, result.stderr
    for name, path in files.items():
        expected, arrays = dict(np.load(state / f"{name}.npz")), dict(np.load(path))
        assert expected.keys() == arrays.keys()
        assert not [key for key in expected if not np.array_equal(expected[key], arrays[key])]


def test_a_run_is_continued_from_what_was_brought_in(imported):
    run = RunFolder(imported)
    assert list_checkpoints(run.checkpoints) == [0]
    config = ml_collections.ConfigDict(read_config(imported))
    gan = GAN(config, read_model(imported)["arguments"])
    assert run.restore(gan.named_variables()) == (0, {})
    expected = state_dict(open_run(imported)[0])
    for generator in (gan.generator, gan.ema_generator):
        arrays = state_dict(generator)
        assert not [key for key in expected if not np.array_equal(expected[key], arrays[key])]


def test_a_run_without_a_release_is_not_taken_out(make_run, tmp_path):
    with pytest.raises(RequestError, match="no PyTorch release of model 'lggan_cross_view'"):
        take_out(str(make_run("lggan_cross_view")), str(tmp_path / "G.npz"))
    assert not list(tmp_path.iterdir())


def test_mistakes_end_in_one_line(imported, state):
    (state / "damaged.npz").write_bytes(b"PK\x03\x04")
    requests = [
        ([f"--from={state / 'damaged.npz'}", f"--to={state / 'new'}", CONFIG], "is not a readable file of arrays"),
        ([f"--from={state / 'D.npz'}", f"--to={state / 'new'}", CONFIG], "does not fit model"),
        ([f"--from={state / 'G.npz'}", f"--to={imported}", CONFIG], "is not empty; give a new folder"),
        ([f"--from={imported}", f"--to={state / 'G.pth'}"], "the state dict of a run is written as .npz"),
    ]
    for arguments, message in requests:
        result = call("ecgan_tf.convert", *arguments)
        assert result.returncode == 1 and message in result.stderr
        assert result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert not (state / "new").exists()
