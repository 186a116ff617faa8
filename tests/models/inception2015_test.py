"""Every kind of block against plain NumPy, the names against the PyTorch port, and all of it against PyTorch."""

import importlib.util
import pathlib
import sys
import types

import keras
import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.models import inception2015
from ecgan_tf.models.torch_weights import torch_variables

# All convolutions of the port, channels in > out, height x width of the kernel; each has no bias, and a normalisation.
CONVOLUTIONS = """
    Conv2d_1a_3x3:3>32,3x3 Conv2d_2a_3x3:32>32,3x3 Conv2d_2b_3x3:32>64,3x3 Conv2d_3b_1x1:64>80,1x1
    Conv2d_4a_3x3:80>192,3x3 Mixed_5b.branch1x1:192>64,1x1 Mixed_5b.branch5x5_1:192>48,1x1
    Mixed_5b.branch5x5_2:48>64,5x5 Mixed_5b.branch3x3dbl_1:192>64,1x1 Mixed_5b.branch3x3dbl_2:64>96,3x3
    Mixed_5b.branch3x3dbl_3:96>96,3x3 Mixed_5b.branch_pool:192>32,1x1 Mixed_5c.branch1x1:256>64,1x1
    Mixed_5c.branch5x5_1:256>48,1x1 Mixed_5c.branch5x5_2:48>64,5x5 Mixed_5c.branch3x3dbl_1:256>64,1x1
    Mixed_5c.branch3x3dbl_2:64>96,3x3 Mixed_5c.branch3x3dbl_3:96>96,3x3 Mixed_5c.branch_pool:256>64,1x1
    Mixed_5d.branch1x1:288>64,1x1 Mixed_5d.branch5x5_1:288>48,1x1 Mixed_5d.branch5x5_2:48>64,5x5
    Mixed_5d.branch3x3dbl_1:288>64,1x1 Mixed_5d.branch3x3dbl_2:64>96,3x3 Mixed_5d.branch3x3dbl_3:96>96,3x3
    Mixed_5d.branch_pool:288>64,1x1 Mixed_6a.branch3x3:288>384,3x3 Mixed_6a.branch3x3dbl_1:288>64,1x1
    Mixed_6a.branch3x3dbl_2:64>96,3x3 Mixed_6a.branch3x3dbl_3:96>96,3x3 Mixed_6b.branch1x1:768>192,1x1
    Mixed_6b.branch7x7_1:768>128,1x1 Mixed_6b.branch7x7_2:128>128,1x7 Mixed_6b.branch7x7_3:128>192,7x1
    Mixed_6b.branch7x7dbl_1:768>128,1x1 Mixed_6b.branch7x7dbl_2:128>128,7x1 Mixed_6b.branch7x7dbl_3:128>128,1x7
    Mixed_6b.branch7x7dbl_4:128>128,7x1 Mixed_6b.branch7x7dbl_5:128>192,1x7 Mixed_6b.branch_pool:768>192,1x1
    Mixed_6c.branch1x1:768>192,1x1 Mixed_6c.branch7x7_1:768>160,1x1 Mixed_6c.branch7x7_2:160>160,1x7
    Mixed_6c.branch7x7_3:160>192,7x1 Mixed_6c.branch7x7dbl_1:768>160,1x1 Mixed_6c.branch7x7dbl_2:160>160,7x1
    Mixed_6c.branch7x7dbl_3:160>160,1x7 Mixed_6c.branch7x7dbl_4:160>160,7x1 Mixed_6c.branch7x7dbl_5:160>192,1x7
    Mixed_6c.branch_pool:768>192,1x1 Mixed_6d.branch1x1:768>192,1x1 Mixed_6d.branch7x7_1:768>160,1x1
    Mixed_6d.branch7x7_2:160>160,1x7 Mixed_6d.branch7x7_3:160>192,7x1 Mixed_6d.branch7x7dbl_1:768>160,1x1
    Mixed_6d.branch7x7dbl_2:160>160,7x1 Mixed_6d.branch7x7dbl_3:160>160,1x7 Mixed_6d.branch7x7dbl_4:160>160,7x1
    Mixed_6d.branch7x7dbl_5:160>192,1x7 Mixed_6d.branch_pool:768>192,1x1 Mixed_6e.branch1x1:768>192,1x1
    Mixed_6e.branch7x7_1:768>192,1x1 Mixed_6e.branch7x7_2:192>192,1x7 Mixed_6e.branch7x7_3:192>192,7x1
    Mixed_6e.branch7x7dbl_1:768>192,1x1 Mixed_6e.branch7x7dbl_2:192>192,7x1 Mixed_6e.branch7x7dbl_3:192>192,1x7
    Mixed_6e.branch7x7dbl_4:192>192,7x1 Mixed_6e.branch7x7dbl_5:192>192,1x7 Mixed_6e.branch_pool:768>192,1x1
    Mixed_7a.branch3x3_1:768>192,1x1 Mixed_7a.branch3x3_2:192>320,3x3 Mixed_7a.branch7x7x3_1:768>192,1x1
    Mixed_7a.branch7x7x3_2:192>192,1x7 Mixed_7a.branch7x7x3_3:192>192,7x1 Mixed_7a.branch7x7x3_4:192>192,3x3
    Mixed_7b.branch1x1:1280>320,1x1 Mixed_7b.branch3x3_1:1280>384,1x1 Mixed_7b.branch3x3_2a:384>384,1x3
    Mixed_7b.branch3x3_2b:384>384,3x1 Mixed_7b.branch3x3dbl_1:1280>448,1x1 Mixed_7b.branch3x3dbl_2:448>384,3x3
    Mixed_7b.branch3x3dbl_3a:384>384,1x3 Mixed_7b.branch3x3dbl_3b:384>384,3x1 Mixed_7b.branch_pool:1280>192,1x1
    Mixed_7c.branch1x1:2048>320,1x1 Mixed_7c.branch3x3_1:2048>384,1x1 Mixed_7c.branch3x3_2a:384>384,1x3
    Mixed_7c.branch3x3_2b:384>384,3x1 Mixed_7c.branch3x3dbl_1:2048>448,1x1 Mixed_7c.branch3x3dbl_2:448>384,3x3
    Mixed_7c.branch3x3dbl_3a:384>384,1x3 Mixed_7c.branch3x3dbl_3b:384>384,3x1 Mixed_7c.branch_pool:2048>192,1x1
"""


@pytest.fixture(scope="module")
def network():
    """Made under a mixed policy, which must not reach it."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return inception2015.make_inception2015()
    finally:
        keras.config.set_dtype_policy("float32")


def known_shapes():
    """Shapes of the PyTorch port's state dict, by name."""
    shapes = {"fc.weight": (1008, 2048), "fc.bias": (1008,)}
    for entry in CONVOLUTIONS.split():
        name, shape = entry.split(":")
        channels, size = shape.split(",")
        (taken, given), (height, width) = map(int, channels.split(">")), map(int, size.split("x"))
        shapes[f"{name}.conv.weight"] = (given, taken, height, width)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.bn.{part}"] = (given,)
    return shapes


def random_arrays(rng, shapes):
    """Weights that keep activations moderate, as training does."""
    arrays = {}
    for name, shape in shapes.items():
        if name.endswith(("conv.weight", "fc.weight")):
            arrays[name] = rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape).astype(np.float32)
        else:
            low, high = (0.7, 1.3) if name.endswith(("bn.weight", "running_var")) else (-0.2, 0.2)
            arrays[name] = rng.uniform(low, high, shape).astype(np.float32)
    return arrays


def test_names_and_shapes_are_those_of_the_pytorch_port(network):
    shapes = known_shapes()
    assert len(shapes) == 94 * 5 + 2 and sum(np.prod(shape) for shape in shapes.values()) == 23_885_392
    variables = torch_variables(network)
    assert variables.keys() == shapes.keys()
    for name, variable in variables.items():
        shape = tuple(variable.shape)
        in_torch = (*shape[:1:-1], *shape[:2]) if len(shape) == 4 else shape[::-1]
        assert in_torch == shapes[name], name


def test_a_state_dict_is_assigned_and_what_does_not_fit_is_named(network, rng):
    arrays = random_arrays(rng, known_shapes())
    inception2015.assign_inception2015(network, {**arrays, "Conv2d_1a_3x3.bn.num_batches_tracked": np.array(3)})
    kernel = network.get_layer("Mixed_6b.branch7x7_2.conv").kernel.numpy()
    np.testing.assert_array_equal(kernel, arrays["Mixed_6b.branch7x7_2.conv.weight"].transpose(2, 3, 1, 0))
    np.testing.assert_array_equal(network.get_layer("fc").kernel.numpy(), arrays["fc.weight"].T)
    bad = {**arrays, "fc.bias": np.zeros(1000, np.float32), "AuxLogits.fc.bias": np.zeros(3)}
    del bad["Mixed_7c.branch1x1.bn.bias"]
    with pytest.raises(
        RequestError, match=r"missing Mixed_7c.branch1x1.bn.bias; unknown AuxLogits.fc.bias; fc.bias has"
    ):
        inception2015.assign_inception2015(network, bad)


def test_it_is_frozen_in_float32_whatever_the_policy(network):
    assert not network.trainable_variables
    policies = {layer.compute_dtype for layer in network.layers if not isinstance(layer, keras.layers.InputLayer)}
    assert policies == {"float32"}


# --- the blocks in plain NumPy ---------------------------------------------------------------------------------------


class Oracle:
    """The blocks as the papers and the port describe them, with explicit padding; float64."""

    def __init__(self, network):
        self.arrays = {name: variable.numpy().astype(np.float64) for name, variable in torch_variables(network).items()}

    def convolve(self, x, name, strides=1, padding=(0, 0)):
        kernel = self.arrays[f"{name}.conv.weight"]  # height, width, in, out, as Keras keeps it
        x = np.pad(x, [(0, 0), *((n, n) for n in padding), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (1, 2))[:, ::strides, ::strides]
        y = np.einsum("nhwcij,ijcf->nhwf", windows, kernel)
        weight, bias, mean, variance = (
            self.arrays[f"{name}.bn.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return np.maximum((y - mean) / np.sqrt(variance + 1e-3) * weight + bias, 0)

    def same(self, x, name):
        height, width = self.arrays[f"{name}.conv.weight"].shape[:2]
        return self.convolve(x, name, padding=(height // 2, width // 2))

    def chain(self, x, name, count):
        for number in range(1, count + 1):
            x = self.same(x, f"{name}_{number}")
        return x

    @staticmethod
    def pool(x, kind):
        rows, columns = x.shape[1:3]
        start, step = (0, 1) if kind != "halving" else (1, 2)
        stop = (rows, columns) if kind != "halving" else (rows - 1, columns - 1)
        reduce = np.mean if kind == "average" else np.max  # of the pixels that there are
        centres = [range(start, end, step) for end in stop]
        return np.stack(
            [
                np.stack(
                    [reduce(x[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2], axis=(1, 2)) for j in centres[1]], 1
                )
                for i in centres[0]
            ],
            1,
        )

    def block_a(self, x):
        pooled = self.same(self.pool(x, "average"), "B.branch_pool")
        return [
            self.same(x, "B.branch1x1"),
            self.chain(x, "B.branch5x5", 2),
            self.chain(x, "B.branch3x3dbl", 3),
            pooled,
        ]

    def block_b(self, x):
        deep = self.convolve(self.chain(x, "B.branch3x3dbl", 2), "B.branch3x3dbl_3", 2)
        return [self.convolve(x, "B.branch3x3", 2), deep, self.pool(x, "halving")]

    def block_c(self, x):
        pooled = self.same(self.pool(x, "average"), "B.branch_pool")
        return [
            self.same(x, "B.branch1x1"),
            self.chain(x, "B.branch7x7", 3),
            self.chain(x, "B.branch7x7dbl", 5),
            pooled,
        ]

    def block_d(self, x):
        short = self.convolve(self.same(x, "B.branch3x3_1"), "B.branch3x3_2", 2)
        deep = self.convolve(self.chain(x, "B.branch7x7x3", 3), "B.branch7x7x3_4", 2)
        return [short, deep, self.pool(x, "halving")]

    def block_e(self, x, kind):
        short, deep = self.same(x, "B.branch3x3_1"), self.chain(x, "B.branch3x3dbl", 2)
        parts = [self.same(short, f"B.branch3x3_2{part}") for part in "ab"]
        parts += [self.same(deep, f"B.branch3x3dbl_3{part}") for part in "ab"]
        return [self.same(x, "B.branch1x1"), *parts, self.same(self.pool(x, kind), "B.branch_pool")]


BLOCKS = {
    "block_a": (32,), "block_b": (), "block_c": (8,), "block_d": (), "block_e": ("average",),
    "block_e_max": ("maximum",),
}  # fmt: skip


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_computes_what_its_paper_says(block, rng):
    kind, arguments = block.removesuffix("_max"), BLOCKS[block]
    inputs = keras.Input((9, 7, 5))
    outputs = {
        "block_a": inception2015.block_a, "block_b": inception2015.block_b, "block_c": inception2015.block_c,
        "block_d": inception2015.block_d, "block_e": inception2015.block_e,
    }[kind](inputs, "B", *arguments)  # fmt: skip
    network = keras.Model(inputs, outputs)
    for name, variable in torch_variables(network).items():
        low, high = (0.5, 1.5) if name.endswith("running_var") else (-0.2, 0.2)
        variable.assign(rng.uniform(low, high, variable.shape))
    x = rng.normal(size=(2, 9, 7, 5))
    named = (x, *arguments) if kind == "block_e" else (x,)
    expected = np.concatenate(getattr(Oracle(network), kind)(*named), axis=-1)
    assert expected.std() > 0.01
    np.testing.assert_allclose(network(x.astype(np.float32)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 90), (299, 299), (400, 310)])
def test_images_are_resized_as_by_tensorflow_1_and_scaled(size, rng):
    pixels = rng.integers(0, 256, (1, *size, 3)).astype(np.uint8)
    x = pixels.astype(np.float64)
    for axis, length in enumerate(size, start=1):
        places = np.arange(299) * (length / 299)
        low = np.floor(places).astype(int)
        share = (places - low).reshape([-1 if a == axis else 1 for a in range(4)])
        upper = np.take(x, np.minimum(low + 1, length - 1), axis)
        x = np.take(x, low, axis) * (1 - share) + upper * share
    np.testing.assert_allclose(inception2015.scale(pixels), (x - 128) / 128, atol=1e-4)


# --- against PyTorch -------------------------------------------------------------------------------------------------


def torch_fidelity_network():
    """torch-fidelity's Inception with random weights; the package wants torchvision, this file of it does not."""
    torch = pytest.importorskip("torch", reason="the oracle is PyTorch's network: pip install torch torch-fidelity")
    spec = importlib.util.find_spec("torch_fidelity")
    if spec is None:
        pytest.skip("the oracle is torch-fidelity's network: pip install --no-deps torch-fidelity")
    package = types.ModuleType("torch_fidelity")
    package.__path__ = [str(pathlib.Path(spec.origin).parent)]
    sys.modules["torch_fidelity"] = package
    port = importlib.import_module("torch_fidelity.feature_extractor_inceptionv3")

    class Untrained(port.FeatureExtractorInceptionV3):
        def load_state_dict(self, *_):
            """The weights come later."""

    load, torch.load = torch.load, lambda *_, **__: {}
    try:
        network = Untrained("untrained", ["2048", "logits"], feature_extractor_weights_path="none")
    finally:
        torch.load = load
    return torch, network


def test_every_layer_agrees_with_torch_fidelity(network, rng):
    torch, port = torch_fidelity_network()
    arrays = random_arrays(rng, known_shapes())
    tensors = {name: torch.tensor(array) for name, array in arrays.items()}
    torch.nn.Module.load_state_dict(port, tensors, strict=False)
    port.eval()
    inception2015.assign_inception2015(network, arrays)
    expected = {}
    for name, module in port.named_modules():
        if name.endswith(".bn"):
            module.register_forward_hook(lambda _, __, y, name=name: expected.update({name: y.numpy().clip(0)}))
    pixels = rng.integers(0, 256, (1, 70, 90, 3)).astype(np.uint8)
    with torch.no_grad():
        features, logits = port(torch.tensor(pixels.transpose(0, 3, 1, 2)))
    names = [name.removesuffix(".bn") for name in expected]
    layers = {name.replace(".", "__"): network.get_layer(f"{name}.relu").output for name in names}
    found = keras.Model(network.inputs, {**layers, **network.output})(inception2015.scale(pixels))
    for name in names:
        y = expected[f"{name}.bn"].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(found[name.replace(".", "__")], y, atol=1e-4 * y.max(), err_msg=name)
    np.testing.assert_allclose(found["features"], features, atol=1e-4)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-4)
