"""VGG features for the perceptual loss. No weights ship with the package: they come by path or from Keras."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ecgan_tf.errors import RequestError
from ecgan_tf.losses.features import VGG_WEIGHTS
from ecgan_tf.torch_files import read_torch_arrays

VGG16, VGG19 = (2, 2, 3, 3, 3), (2, 2, 4, 4, 4)  # convolutions of the five blocks
NOTOP = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
FILTERS = (64, 128, 256, 512, 512)
TORCH_SUFFIXES = (".pth", ".pt")
LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")  # relu1_1 .. relu5_1
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # red, green, blue of 0..1


@dataclasses.dataclass(frozen=True)
class PerceptualNetwork:
    """A frozen network whose features say how far two pictures are from each other.

    Attributes:
        name: what it is, for people.
        features: function of images float (batch, height, width, 3) in [-1, 1] to a list of five feature maps, float32.
        weights: of the five in the perceptual loss.
        judges_edges: whether it has a say in pictures of edges, too.
    """

    name: str
    features: Callable[[Any], list[Any]]
    weights: tuple[float, ...] = VGG_WEIGHTS
    judges_edges: bool = True

    def __call__(self, images: Any) -> list[Any]:
        return self.features(images)


def vgg_mistake(weights, key="config.loss.vgg_weights", other="hed"):
    """What is wrong with weights as `make_vgg_features` takes them, with the remedy; None where they are at hand.

    Args:
        key: of the config, which names them.
        other: what it may name beside a file, for the remedy.
    """
    remedy = f"give --{key}=FILE, {NOTOP} of Keras or torchvision's vgg19 (.pth), or {other}"
    if weights == "keras":
        found = keras_weights() is not None
        return None if found else f"Keras has no VGG-19 weights cached and could not download them; {remedy}"
    if not weights:
        return f"{key} names no VGG-19; {remedy}"
    return None if os.path.isfile(weights) else f"{key}: no file {weights!r}; {remedy}"


def keras_weights():
    """Keras' file of VGG-19's weights, from its cache or by download; None where there is neither."""
    from keras.src.applications import vgg19  # the address is in no public name

    try:
        return keras.utils.get_file(
            NOTOP, vgg19.WEIGHTS_PATH_NO_TOP, cache_subdir="models", file_hash="253f8cb515780f3b799900260a226db6"
        )
    except Exception:  # no network: Keras raises whatever urllib, socket or ssl raised
        return None


def make_vgg_features(weights):
    """VGG-19 with the preprocessing that its weights belong to.

    The releases feed images of [-1, 1] as they are, which no public weights ever saw.

    Args:
        weights: path of a Keras weights file of VGG-19 without its top; or of torchvision's vgg19 (.pth); or "keras"
            for the package's own, from its cache or by download.
    Returns:
        `PerceptualNetwork`.
    """
    mistake = vgg_mistake(weights)
    if mistake:
        raise RequestError(f"{mistake}, or set config.loss.perceptual=0.")
    prepare = prepare_torchvision if weights.endswith(TORCH_SUFFIXES) else prepare_caffe
    return PerceptualNetwork(f"VGG-19 ({weights})", features_of(open_vgg19(weights), LAYERS, prepare))


def open_vgg19(weights):
    """VGG-19 with weights as `make_vgg_features` takes them: keras.Model as `make_vgg` gives it."""
    network = make_vgg(VGG19, "vgg19")
    if weights.endswith(TORCH_SUFFIXES):
        assign_torchvision(network, read_torch_arrays(weights), weights)
    else:
        _load_keras(network, keras_weights() if weights == "keras" else weights)
    return network


def make_vgg(blocks, name, pool_padding="valid"):
    """The convolutions of a VGG (Simonyan and Zisserman, ICLR 2015), frozen; every layer computes in float32.

    A mixed policy of the run must not reach it: inputs of 0..255 leave half precision in the deep layers.

    Args:
        blocks: `VGG16` or `VGG19`.
        name: of the network.
        pool_padding: of the pools, "same" or "valid".
    Returns:
        keras.Model whose layers have Keras' names, block1_conv1 to block5_pool.
    """
    x = inputs = keras.Input((None, None, 3), dtype="float32")
    for block, (count, filters) in enumerate(zip(blocks, FILTERS), start=1):
        for index in range(1, count + 1):
            convolution = keras.layers.Conv2D(
                filters, 3, padding="same", activation="relu", dtype="float32", name=f"block{block}_conv{index}"
            )
            x = convolution(x)
        x = keras.layers.MaxPooling2D(2, padding=pool_padding, dtype="float32", name=f"block{block}_pool")(x)
    return keras.Model(inputs, x, name=name, dtype="float32", trainable=False)


def features_of(network, layers, prepare):
    """A function of images in [-1, 1] to the outputs of the named layers; `prepare` makes the network's input."""
    features = keras.Model(network.input, [network.get_layer(name).output for name in layers], dtype="float32")
    return lambda images: features(prepare(images))


def prepare_caffe(images, mean=CAFFE_MEAN):
    """Images in [-1, 1] as Caffe's weights, and so Keras', want them: BGR in 0..255 without the mean."""
    return (ops.cast(images, "float32") + 1.0)[..., ::-1] * 127.5 - np.array(mean, "float32")


def prepare_torchvision(images):
    """Images in [-1, 1] as torchvision's weights want them: RGB in 0..1 without ImageNet's mean, by its deviation."""
    images = (ops.cast(images, "float32") + 1.0) * 0.5
    return (images - np.array(IMAGENET_MEAN, "float32")) / np.array(IMAGENET_DEVIATION, "float32")


def convolutions(network):
    """The convolutions of a VGG, in their order."""
    return [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)]


def assign_torchvision(network, arrays, path):
    """Gives a VGG the arrays `features.N.weight` and `features.N.bias` of torchvision, in the order of N.

    Args:
        path: where they come from, for the message.
    """
    layers = convolutions(network)
    parts = [name.split(".") for name in arrays if name.startswith("features.")]
    numbers = sorted({int(number) for _, number, *_ in parts if number.isascii() and number.isdigit()})
    values = [arrays.get(f"features.{number}.{kind}") for number in numbers for kind in ("weight", "bias")]
    values = [v.transpose(2, 3, 1, 0) if v is not None and v.ndim == 4 else v for v in values]
    wanted = [tuple(variable.shape) for layer in layers for variable in (layer.kernel, layer.bias)]
    found = [None if value is None else value.shape for value in values]
    if found != wanted:
        raise RequestError(
            f"{path}: not the {len(layers)} convolutions of torchvision's {network.name} (features.0.weight, "
            f"features.0.bias, ...): it has {len(numbers)}, or other shapes."
        )
    for layer, kernel, bias in zip(layers, values[::2], values[1::2]):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)


def _load_keras(network, path):
    try:
        network.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
        raise RequestError(
            f"{path}: not VGG-19 weights without the top ({error}); give the file {NOTOP} of Keras."
        ) from error
