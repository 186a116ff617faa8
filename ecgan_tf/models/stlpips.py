"""The networks of shift-tolerant LPIPS (Ghildyal and Liu, ECCV 2022), whose distance hardly minds a shift of a pixel.

AlexNet and VGG-16 whose every stride is replaced by a blur of [1 2 1] that is sampled at every second pixel. The
weights are in the package stlpips-pytorch.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ecgan_tf.models.torch_weights import assign_torch
from ecgan_tf.wheels import find_in_package

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)  # red, green, blue of [-1, 1]: those of LPIPS 0.1
# The convolutions of each part of VGG-16: numbers of PyTorch's modules, and filters.
VGG_PARTS = (((0, 2), 64), ((6, 8), 128), ((12, 14, 16), 256), ((20, 22, 24), 512), ((28, 30, 32), 512))


def find_stlpips(kind):
    """Path of the package's weights of "alex" or "vgg"; a `RequestError` where it is not installed."""
    return find_in_package("stlpips-pytorch", f"stlpips_pytorch/weights/vST0.0/{kind}_shift_tolerant.pth")


def make_stlpips(kind):
    """A network with random weights, frozen; every layer computes in float32.

    Args:
        kind: "alex" or "vgg".
    Returns:
        keras.Model of images, as `prepare_stlpips` gives them, to the list of five feature maps that LPIPS compares,
        after the last ReLU of each part: float32 (batch, rows, columns, filters).
    """
    inputs = keras.Input((None, None, 3), dtype="float32")
    outputs = {"alex": _alex, "vgg": _vgg}[kind](inputs)
    return keras.Model(inputs, outputs, name=f"stlpips_{kind}", trainable=False)


def prepare_stlpips(images):
    """Images in [-1, 1] as the networks want them."""
    return (ops.cast(images, "float32") - np.array(SHIFT, "float32")) / np.array(SCALE, "float32")


def assign_stlpips(network, arrays):
    """Gives a network the weights of the package's state dict.

    Args:
        network: from `make_stlpips`.
        arrays: by PyTorch's names.
    Returns:
        list of float32 (filters,), none negative: how much each feature counts in the distance.
    """
    unused = ("scaling_layer.shift", "scaling_layer.scale", ".filt", ".model.1.weight")
    assign_torch(network, arrays, f"{network.name}, of stlpips-pytorch 0.0.2", unused)
    return [np.array(arrays[f"lin{part}.model.1.weight"]).reshape(-1) for part in range(5)]


def _alex(x):
    """Convolutions of 11, 5, 3, 3 and 3."""
    outputs = [_relu(Blur(name="net.slice1.1")(_convolve(x, "net.slice1.0", 64, 11, 2)))]
    for name, blur, filters, size in (
        ("net.slice2.5", "net.slice2.4", 192, 5),
        ("net.slice3.9", "net.slice3.8", 384, 3),
    ):
        pooled = keras.layers.MaxPooling2D(3, 1, dtype="float32")(outputs[-1])
        outputs.append(_relu(_convolve(Blur(name=blur)(pooled), name, filters, size, size // 2)))
    for name in ("net.slice4.11", "net.slice5.13"):
        outputs.append(_relu(_convolve(outputs[-1], name, 256, 3, 1)))
    return outputs


def _vgg(x):
    """Five parts of convolutions of 3, a maximum of 2 x 2 pixels and a blur between them."""
    outputs = []
    for part, (numbers, filters) in enumerate(VGG_PARTS, start=1):
        if outputs:
            x = Blur(name=f"net.slice{part}.{numbers[0] - 1}")(keras.layers.MaxPooling2D(2, 1, dtype="float32")(x))
        for number in numbers:
            x = _relu(_convolve(x, f"net.slice{part}.{number}", filters, 3, 1))
        outputs.append(x)
    return outputs


def _convolve(x, name, filters, size, padding):
    """`padding` zeros on all four sides."""
    x = keras.layers.ZeroPadding2D(padding, dtype="float32")(x)
    return keras.layers.Conv2D(filters, size, dtype="float32", name=name)(x)


def _relu(x):
    return keras.layers.ReLU(dtype="float32")(x)


class Blur(keras.layers.Layer):
    """[1 2 1] x [1 2 1] / 16 at every second pixel of a map that is two pixels wider, mirrored (Zhang, ICML 2019)."""

    def __init__(self, **kwargs):
        super().__init__(dtype="float32", **kwargs)

    def call(self, x):
        row = np.array([1, 2, 1], "float32") / 4
        kernel = np.tile((row[:, None] * row)[:, :, None, None], (1, 1, x.shape[-1], 1))
        mirrored = tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]], "REFLECT")
        return tf.nn.depthwise_conv2d(mirrored, kernel, [1, 2, 2, 1], "VALID")
