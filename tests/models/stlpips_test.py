"""The names of the weights, the blur in plain NumPy, and the package's own numbers where it is installed."""

import keras
import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.models import stlpips
from ecgan_tf.models.torch_weights import torch_variables
from ecgan_tf.torch_files import read_torch_arrays

# Given by stlpips-pytorch 0.0.2 under PyTorch 2.13.0 for `images()`: LPIPS(net=..., variant="shift_tolerant").
GOLDEN = {"alex": [0.00765342, 0.0062443], "vgg": [0.01331112, 0.01335266]}
CHANNELS = {"alex": (64, 192, 384, 256, 256), "vgg": (64, 128, 256, 512, 512)}


def images():
    rng = np.random.default_rng(0)
    first = rng.uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    return first, np.clip(first + rng.normal(0, 0.3, first.shape), -1, 1).astype(np.float32)


def distance(maps, others, weights):
    """LPIPS (Zhang et al., 2018): squared differences of unit vectors, weighted by channel, averaged over positions."""

    def units(x):
        return x / (np.sqrt(np.sum(np.square(x), axis=-1, keepdims=True)) + 1e-10)

    parts = zip(map(np.asarray, maps), map(np.asarray, others), weights, strict=True)
    return sum((np.square(units(x) - units(y)) * w).sum(-1).mean((1, 2)) for x, y, w in parts)


def test_the_blur_is_that_of_every_second_pixel_of_a_mirrored_map(rng):
    x = rng.normal(size=(2, 7, 6, 3)).astype(np.float32)
    mirrored = np.pad(x, [(0, 0), (2, 2), (2, 2), (0, 0)], "reflect")
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    expected = np.stack([[[np.einsum("ijc,ij->c", mirrored[b, i : i + 3, j : j + 3], kernel) for j in range(0, 8, 2)]
                          for i in range(0, 9, 2)] for b in range(2)])  # fmt: skip
    np.testing.assert_allclose(stlpips.Blur()(x), expected, atol=1e-6)


@pytest.mark.parametrize("kind", CHANNELS)
def test_weights_are_assigned_by_name_and_what_does_not_fit_is_named(kind, rng):
    network = stlpips.make_stlpips(kind)
    arrays = {name: rng.normal(size=(*v.shape[:1:-1], *v.shape[:2]) if len(v.shape) == 4 else v.shape)
              for name, v in torch_variables(network).items()}  # fmt: skip
    heads = {f"lin{part}.model.1.weight": rng.uniform(size=(1, n, 1, 1)) for part, n in enumerate(CHANNELS[kind])}
    extra = {"scaling_layer.shift": np.zeros((1, 3, 1, 1)), "net.slice2.4.filt": np.zeros((64, 1, 3, 3))}
    weights = stlpips.assign_stlpips(network, {**arrays, **heads, **extra})
    assert [w.shape for w in weights] == [(n,) for n in CHANNELS[kind]]
    name = "net.slice1.0.weight"
    np.testing.assert_allclose(torch_variables(network)[name], arrays[name].transpose(2, 3, 1, 0), rtol=1e-6)
    with pytest.raises(RequestError, match=f"not the weights of stlpips_{kind}.*missing net.slice1.0.weight"):
        stlpips.assign_stlpips(network, {**heads, "features.0.weight": np.zeros(3)})


@pytest.mark.parametrize("kind", CHANNELS)
def test_it_gives_the_numbers_of_the_package(kind):
    try:
        arrays = read_torch_arrays(stlpips.find_stlpips(kind))
    except RequestError:
        pytest.skip("stlpips-pytorch is not installed: pip install 'ecgan_tf[perceptual]'")
    keras.config.set_dtype_policy("mixed_float16")
    network = stlpips.make_stlpips(kind)
    weights = stlpips.assign_stlpips(network, arrays)
    assert not network.trainable_variables and all(w.min() >= 0 for w in weights)
    maps, others = (network(stlpips.prepare_stlpips(x)) for x in images())
    assert [x.shape[-1] for x in maps] == list(CHANNELS[kind])
    np.testing.assert_allclose(distance(maps, others, weights), GOLDEN[kind], rtol=1e-4)
