"""OASIS' release: its names and channels, and its arithmetic, in NumPy and, where PyTorch is installed, in modules."""

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.convert import load_state_dict, state_dict
from ecgan_tf.latents import draw_latents
from ecgan_tf.methods import make_generator
from ecgan_tf.models import make_discriminator

CLASSES, NOISE = 3, 64
LABELS = CLASSES + 1  # with unknown, which is the release's first


def generator(noise="classes", seed=None, has_unknown=True):
    model = make_generator(
        "oasis", num_classes=CLASSES, has_unknown=has_unknown, image_size=(64, 64), base_filters=2,
        spade_hidden_filters=128, noise=noise,
    )  # fmt: skip
    return filled(model, seed)


def discriminator(seed=None, has_unknown=True):
    return filled(
        make_discriminator("oasis", num_classes=CLASSES, has_unknown=has_unknown, base_filters=64), seed, scale=0.1
    )


def filled(model, seed, scale=0.3):
    if seed is not None:
        rng = np.random.default_rng(seed)
        for variable in model.variables:
            value = rng.normal(0, scale, variable.shape)
            variable.assign(np.abs(value) + 0.5 if variable.path.endswith("moving_variance") else value)
    return model


@pytest.fixture
def labels(rng):
    return rng.integers(0, LABELS, (1, 16, 16)).repeat(4, 1).repeat(4, 2).astype(np.int32)


def released(labels):
    """One-hot labels as the release has them, NHWC: unknown first."""
    return np.eye(LABELS)[(labels + 1) % LABELS]


def test_names_and_shapes_are_those_of_the_release():
    arrays = state_dict(generator())
    expected = {
        "fc.weight": (32, LABELS + NOISE, 3, 3), "conv_img.weight": (3, 2, 3, 3),
        "body.0.conv_0.weight_orig": (32, 32, 3, 3), "body.2.conv_s.weight_orig": (16, 32, 1, 1),
        "body.5.norm_1.mlp_shared.0.weight": (128, LABELS + NOISE, 3, 3), "body.5.norm_s.mlp_gamma.bias": (4,),
        "body.1.norm_0.first_norm.running_var": (32,), "body.3.conv_1.weight_u": (8,),
    }  # fmt: skip
    assert {name: arrays[name].shape for name in expected} == expected
    assert {name.split(".")[1] for name in arrays if name.startswith("body.")} == set("012345")
    assert "body.0.conv_s.weight_orig" not in arrays and "body.2.conv_s.bias" not in arrays
    arrays = state_dict(discriminator())
    expected = {
        "body_down.0.conv1.0.weight_orig": (128, 3, 3, 3), "body_down.1.conv1.1.weight_orig": (128, 128, 3, 3),
        "body_down.0.conv_s.bias": (128,), "body_down.5.conv2.1.weight_orig": (512, 512, 3, 3),
        "body_up.0.conv1.2.weight_orig": (512, 512, 3, 3), "body_up.1.conv1.2.weight_orig": (256, 1024, 3, 3),
        "body_up.3.conv_s.weight_orig": (128, 512, 1, 1), "body_up.5.conv1.2.weight_orig": (64, 256, 3, 3),
        "layer_up_last.weight": (LABELS + 1, 64, 1, 1),
    }  # fmt: skip
    assert {name: arrays[name].shape for name in expected} == expected
    assert "body_down.1.conv_s.bias" not in arrays and "body_up.0.conv_s.bias" not in arrays  # as many in as out


@pytest.mark.parametrize("make", [generator, discriminator])
@pytest.mark.parametrize("has_unknown", [True, False])
def test_a_state_dict_comes_back_bit_for_bit(make, has_unknown):
    model, other = make(seed=1, has_unknown=has_unknown), make(seed=2, has_unknown=has_unknown)
    load_state_dict(other, state_dict(model))
    for variable, same in zip(model.variables, other.variables, strict=True):
        np.testing.assert_array_equal(variable, same)


def spectral(arrays, name):
    weight = arrays[f"{name}.weight_orig"].astype(np.float64)
    sigma = arrays[f"{name}.weight_u"] @ weight.reshape(len(weight), -1) @ arrays[f"{name}.weight_v"]
    return weight / sigma


def leaky(x):
    return np.where(x > 0, x, 0.2 * x)


@pytest.mark.parametrize("noise", ["classes", "none"])
def test_the_generator_paints_what_the_release_would(noise, labels, convolve_numpy):
    model = generator(noise)
    arrays = {name: np.asarray(array, np.float64) for name, array in state_dict(generator(noise, seed=3)).items()}
    load_state_dict(model, arrays)
    codes = draw_latents({"noise": (LABELS, NOISE)}, 0, [0])["noise"]
    seen = released(labels)
    if noise == "classes":  # one code for all, as the release draws it; it stands before the labels
        seen = np.concatenate([np.broadcast_to(codes[:, :1, None], (1, 64, 64, NOISE)), seen], axis=-1)

    def convolve(x, name, weight=None):
        weight = arrays[f"{name}.weight"] if weight is None else weight
        return convolve_numpy(x, weight.transpose(2, 3, 1, 0), 1, weight.shape[2] // 2) + arrays.get(f"{name}.bias", 0)

    def spade(x, name):
        hidden = np.maximum(convolve(seen[:, :: 64 // x.shape[1], :: 64 // x.shape[2]], f"{name}.mlp_shared.0"), 0)
        mean, variance = (arrays[f"{name}.first_norm.running_{part}"] for part in ("mean", "var"))
        normalized = (x - mean) / np.sqrt(variance + 1e-5)
        return normalized * (1 + convolve(hidden, f"{name}.mlp_gamma")) + convolve(hidden, f"{name}.mlp_beta")

    x = convolve(seen[:, ::32, ::32], "fc")
    for number in range(6):
        x = x if number == 0 else x.repeat(2, 1).repeat(2, 2)
        name, main = f"body.{number}", x
        for index in (0, 1):
            main = leaky(spade(main, f"{name}.norm_{index}"))
            main = convolve(main, f"{name}.conv_{index}", spectral(arrays, f"{name}.conv_{index}"))
        if f"{name}.conv_s.weight_orig" in arrays:
            x = convolve(spade(x, f"{name}.norm_s"), f"{name}.conv_s", spectral(arrays, f"{name}.conv_s"))
        x = x + main
    scale = 0.5 / np.std(convolve(leaky(x), "conv_img"))  # keeps tanh off its ends
    for part in ("weight", "bias"):
        arrays[f"conv_img.{part}"] *= scale
    load_state_dict(model, arrays)
    expected = np.tanh(convolve(leaky(x), "conv_img"))
    found = model({"labels": tf.constant(labels), "noise": tf.constant(codes)})["image"]
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert np.std(expected) > 0.1


# ---- the release's modules in PyTorch


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="the twin of the release's modules is made of PyTorch's")


def released_discriminator(torch):
    """Modules of the same names and arithmetic as the release's discriminator, written from its description."""
    nn, normed = torch.nn, torch.nn.utils.spectral_norm
    widths = (3, 128, 128, 256, 256, 512, 512)

    class Block(nn.Module):
        def __init__(self, before, after, way, first=False):
            super().__init__()
            self.way, self.first = way, first
            start = [] if first else [nn.LeakyReLU(0.2)]
            start += [nn.Upsample(scale_factor=2)] if way == "up" else []
            self.conv1 = nn.Sequential(*start, normed(nn.Conv2d(before, after, 3, padding=1)))
            self.conv2 = nn.Sequential(nn.LeakyReLU(0.2), normed(nn.Conv2d(after, after, 3, padding=1)))
            self.conv_s = normed(nn.Conv2d(before, after, 1)) if before != after else nn.Identity()

        def forward(self, x):
            main = self.conv2(self.conv1(x))
            if self.way == "up":
                return self.conv_s(nn.functional.interpolate(x, scale_factor=2)) + main
            pool = nn.functional.avg_pool2d
            side = self.conv_s(pool(x, 2)) if self.first else pool(self.conv_s(x), 2)
            return side + pool(main, 2)

    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            self.body_down = nn.ModuleList(Block(a, b, "down", first=a == 3) for a, b in zip(widths[:-1], widths[1:]))
            ups = [(512, 512), (1024, 256), (512, 256), (512, 128), (256, 128), (256, 64)]
            self.body_up = nn.ModuleList(Block(a, b, "up") for a, b in ups)
            self.layer_up_last = nn.Conv2d(64, LABELS + 1, 1)

        def forward(self, x):
            skips = []
            for block in self.body_down:
                x = block(x)
                skips.append(x)
            x = self.body_up[0](x)
            for block, skip in zip(self.body_up[1:], skips[-2::-1]):
                x = block(torch.cat((skip, x), dim=1))
            return self.layer_up_last(x)

    torch.manual_seed(0)
    twin = Twin()
    with torch.no_grad():
        for _ in range(20):  # a power iteration each
            twin(torch.zeros(1, 3, 64, 64))
    return twin.eval()


def test_the_discriminator_says_what_pytorchs_modules_say(torch, labels, rng):
    twin, model = released_discriminator(torch), discriminator()
    load_state_dict(model, {name: array.numpy() for name, array in twin.state_dict().items()})
    image = rng.uniform(-1, 1, (1, 64, 64, 3)).astype(np.float32)
    with torch.no_grad():
        expected = twin(torch.from_numpy(image.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)
    ((logits,), _) = model({"labels": tf.constant(labels)}, image)[0]
    ours = np.concatenate([expected[..., 2:], expected[..., 1:2], expected[..., :1]], axis=-1)
    np.testing.assert_allclose(logits, ours, atol=1e-4)
    assert np.std(ours) > 1e-3
