"""What tests share: two logical CPUs in place of two GPUs, tiny configs, batches of noise, plain NumPy convolution."""

import gc
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.config import base_config, keys_of
from ecgan_tf.data.classes import ClassList
from ecgan_tf.methods import make_generator
from ecgan_tf.models.segmenter import Segmenter, segmenter_arrays
from ecgan_tf.runs.folder import RunFolder

# Only possible before TensorFlow's runtime starts, that is, before any test file is imported.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)


def pytest_collection_modifyitems(items):
    """The files with the longest tests first, so that no process waits for them alone at the end."""
    items.sort(key=lambda item: item.path.name not in ("wheel_test.py", "cluster_test.py"))


@pytest.fixture(scope="session")
def set_aside():
    """A function that keeps what lives now out of later garbage collections, of which converters and steps ask many.

    In a process that has made many models those would take most of its time.
    """

    def aside():
        gc.collect()
        gc.freeze()

    return aside


@pytest.fixture(scope="module", autouse=True)
def quick_collections(set_aside):
    set_aside()


@pytest.fixture(autouse=True)
def same_start():
    """Initial weights are the same in every run; a GAN in mixed precision leaves no trace."""
    keras.utils.set_random_seed(0)
    yield
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def tiny_config():
    """A method's defaults for networks that are as small as they can be; `values` as {"train.steps": 3}."""

    def make(method="ecgan", **values):
        config = base_config(method)
        fast = {"initializer": "he", "head_initializer": "he"}
        tiny = {f"model.{key}": value for key, value in {**toy_arguments(method), **fast}.items()}
        tiny = {key: value for key, value in tiny.items() if key in keys_of(method)}
        if "loss.similarity" in keys_of(method) and "loss.segmenter" not in values:
            tiny["loss.similarity"] = 0.0  # no term whose network is not at hand
        config.update_from_flattened_dict(
            {"data.image_size": (32, 32), "discriminator.base_filters": 8, **tiny, "loss.perceptual": 0.0, **values}
        )
        return config

    return make


def toy_arguments(method):
    """The generator's arguments that `:toy` configs make tiny: dictionary from name to value."""
    keys = {name.removeprefix("model."): key for name, key in keys_of(method).items() if name.startswith("model.")}
    return {name: key.toy for name, key in keys.items() if key.toy is not None}


@pytest.fixture(scope="session")
def toy_batch():
    """A training batch of 32x32 noise: 3 classes, unknown and boundaries."""

    def make(batch_size, seed=0):
        rng = np.random.default_rng(seed)
        shape = (batch_size, 32, 32)
        labels = rng.integers(0, 4, (batch_size, 8, 8)).repeat(4, 1).repeat(4, 2)
        return {
            "labels": tf.constant(labels, tf.int32),
            "boundaries": tf.constant(rng.integers(0, 2, (*shape, 1)), tf.float32),
            "image": tf.constant(rng.uniform(-1, 1, (*shape, 3)), tf.float32),
            "edges": tf.constant(rng.choice([-1, 1], (*shape, 1)), tf.float32),
        }

    return make


@pytest.fixture(scope="session")
def randomize():
    """Gives every trainable variable normal values, biases too, so that none of them can be left out unnoticed."""

    def assign(layer, scale=0.5, seed=0):
        rng = np.random.default_rng(seed)
        for variable in layer.trainable_variables:
            variable.assign(rng.normal(0, scale, variable.shape))
        return layer

    return assign


@pytest.fixture(scope="session")
def two_replicas():
    """The one strategy of two: a second one would number its collective operations as this one does."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture(scope="session")
def snapshot():
    """The present values of a list of Keras variables, as NumPy copies."""

    def copy(variables):
        return [np.array(variable.value.numpy()) for variable in variables]

    return copy


@pytest.fixture(scope="session")
def convolve_numpy():
    """Convolution by plain loops over the output, with `padding` zeros on all four sides."""

    def convolve(x, kernel, stride=1, padding=0):
        x = np.pad(np.asarray(x, np.float64), [(0, 0), (padding, padding), (padding, padding), (0, 0)])
        kernel = np.asarray(kernel, np.float64)
        size = kernel.shape[0]
        rows, columns = ((length - size) // stride + 1 for length in x.shape[1:3])
        y = np.zeros((len(x), rows, columns, kernel.shape[-1]))
        for i in range(rows):
            for j in range(columns):
                window = x[:, i * stride : i * stride + size, j * stride : j * stride + size]
                y[:, i, j] = np.einsum("nhwc,hwcf->nf", window, kernel)
        return y

    return convolve


def random_input(rng, spec, num_labels, count=2):
    """Values as a generator's input of this spec may have them: patches of labels, 0 or 1, or colours."""
    if spec.dtype == "float32" and len(spec.shape) < 4:  # a random input
        return rng.normal(size=(count, *spec.shape[1:])).astype(np.float32)
    height, width, *channels = spec.shape[1:]
    if spec.dtype == "int32":
        return rng.integers(0, num_labels, (count, height // 4, width // 4)).repeat(4, 1).repeat(4, 2).astype(np.int32)
    if channels == [1]:
        return rng.integers(0, 2, (count, height, width, 1)).astype(np.float32)
    return rng.uniform(-1, 1, (count, height, width, *channels)).astype(np.float32)


def settle(generator, inputs):
    """Makes an untrained generator like a trained one: its statistics fit its weights, its colours are moderate.

    Without, activations explode, the image is black and white, and rounding shows as it does in no trained model.
    """
    for _ in range(5):
        generator(inputs, training=True)
    for layer in generator._flatten_layers():
        if layer.name in ("to_image", "to_global"):
            layer.kernel.assign(0.1 * layer.kernel)
        if hasattr(layer, "fusion_kernel"):  # of LGGAN's class branches
            layer.fusion_kernel.assign(0.1 * layer.fusion_kernel)
        if layer.name == "to_weights":  # LGGAN's weight maps start equal
            layer.kernel.assign(np.random.default_rng(0).normal(0, 0.5, layer.kernel.shape))


@pytest.fixture(scope="session")
def settled():
    """`settle`, for tests of generators without a run."""
    return settle


@pytest.fixture(scope="session")
def make_run(tmp_path_factory):
    """A run folder with a tiny generator as a training leaves it, but untrained."""

    def make(name, has_unknown=False, has_boundaries=False, image_size=(32, 32), num_classes=3, **more):
        layout = {"num_classes": num_classes, "has_unknown": has_unknown, "has_boundaries": has_boundaries}
        fast = {"initializer": "he", "head_initializer": "he"}
        fast = {key: value for key, value in fast.items() if f"model.{key}" in keys_of(name)}
        tiny = {**toy_arguments(name), **fast, **more}
        keras.utils.set_random_seed(0)  # the same weights whichever test asks first
        generator = make_generator(name, image_size=image_size, **layout, **tiny)
        classes = ClassList(
            tuple(f"class {label}" for label in range(num_classes)),
            np.random.default_rng(0).integers(0, 256, (num_classes, 3)).astype(np.uint8),
            unknown_label=255 if has_unknown else None,
        )
        unneeded = ("name", "trainable", "dtype")
        arguments = {key: value for key, value in generator.get_config().items() if key not in unneeded}
        rng, specs = np.random.default_rng(0), generator.input_specs
        layouts, more_layouts = (
            {key: random_input(rng, spec, num_classes + has_unknown, count) for key, spec in specs.items()}
            for count in (2, 8)  # a trunk that starts at 1x1 needs more than two for its batch statistics
        )
        settle(generator, more_layouts)
        run = RunFolder(tmp_path_factory.mktemp("run") / "run")
        run.start(base_config(name), {"name": name, "arguments": arguments, "classes": classes.to_dict()}, layouts)
        run.save(1, {f"ema_generator/{v.path}": v.value for v in generator.variables}, keep=1)
        return pathlib.Path(run.path)

    return make


@pytest.fixture(scope="session")
def judge(tmp_path_factory):
    """A segmenter of the embedded tiles' 17 classes, untrained: what it says is arbitrary, but always the same."""
    keras.utils.set_random_seed(3)
    segmenter = Segmenter(17, name="segmenter")
    segmenter.build()
    path = tmp_path_factory.mktemp("judge") / "judge.npz"
    np.savez(path, **segmenter_arrays(segmenter))
    return str(path)
