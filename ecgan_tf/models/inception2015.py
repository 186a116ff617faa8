"""The Inception-v3 of the Frechet Inception distance, TensorFlow's graph of 2015-12-05, by its PyTorch port's names.

It differs from the Inception-v3 of Keras and torchvision: 1008 outputs, average pools that leave the padding out of the
mean, and a maximum in the pool of the last block (Szegedy et al., CVPR 2016; Heusel et al., NeurIPS 2017, whose
distance is defined by this graph). The weights are the public file pt_inception-2015-12-05-6726825d.pth.
"""

import keras
import tensorflow as tf

from ecgan_tf.models.torch_weights import assign_torch

SIZE = 299
FEATURES, OUTPUTS = 2048, 1008
EPSILON = 1e-3
# What a block adds beside its convolutions, in the order of its channels: a pool of its input, by kind.
AVERAGE, MAXIMUM, HALVING = "average", "maximum", "halving"


def make_inception2015():
    """The network, with random weights; every layer computes in float32.

    Returns:
        keras.Model of images float32 (batch, 299, 299, 3), as `scale` gives them, to a dictionary: `features` (batch,
        2048), which the distance compares, and `logits` (batch, 1008). Its layers have the PyTorch names:
        `Mixed_5b.branch1x1.conv`.
    """
    inputs = keras.Input((SIZE, SIZE, 3), dtype="float32")
    x = _convolve(inputs, "Conv2d_1a_3x3", 32, 3, strides=2)
    x = _convolve(x, "Conv2d_2a_3x3", 32, 3, padding="valid")
    x = _convolve(x, "Conv2d_2b_3x3", 64, 3)
    x = _pool(x, HALVING, "MaxPool_1")
    x = _convolve(x, "Conv2d_3b_1x1", 80, 1)
    x = _convolve(x, "Conv2d_4a_3x3", 192, 3, padding="valid")
    x = _pool(x, HALVING, "MaxPool_2")
    for name, pooled in (("Mixed_5b", 32), ("Mixed_5c", 64), ("Mixed_5d", 64)):
        x = block_a(x, name, pooled)
    x = block_b(x, "Mixed_6a")
    for name, narrow in (("Mixed_6b", 128), ("Mixed_6c", 160), ("Mixed_6d", 160), ("Mixed_6e", 192)):
        x = block_c(x, name, narrow)
    x = block_d(x, "Mixed_7a")
    x = block_e(x, "Mixed_7b", AVERAGE)
    x = block_e(x, "Mixed_7c", MAXIMUM)
    features = keras.layers.GlobalAveragePooling2D(dtype="float32", name="AvgPool")(x)
    logits = keras.layers.Dense(OUTPUTS, dtype="float32", name="fc")(features)
    return keras.Model(inputs, {"features": features, "logits": logits}, name="inception2015", trainable=False)


def scale(pixels):
    """What the graph does to an image before its first layer.

    Args:
        pixels: 0..255 (batch, height, width, 3) of any size, red first.
    Returns:
        float32 (batch, 299, 299, 3): (x - 128) / 128 after TensorFlow 1's bilinear resize, which samples at i * old /
        new and not at the pixels' centres, and does not smooth where it makes smaller.
    """
    pixels = tf.cast(pixels, tf.float32)
    resized = tf.raw_ops.ResizeBilinear(images=pixels, size=(SIZE, SIZE), align_corners=False, half_pixel_centers=False)
    return (resized - 128.0) / 128.0


def assign_inception2015(network, arrays):
    """Gives a network the weights of a PyTorch state dict; if one does not fit, names it and changes nothing.

    Args:
        network: from `make_inception2015`.
        arrays: from the names of the PyTorch port to arrays.
    """
    assign_torch(network, arrays, "the FID's Inception of 2015; give pt_inception-2015-12-05-6726825d.pth")


# ---- blocks, by the letters of the PyTorch ports -------------------------------------------------------------------


def block_a(x, name, pooled):
    """35 x 35: 1x1, 5x5, two 3x3, pool."""
    return _joined(
        f"{name}.joined",
        _convolve(x, f"{name}.branch1x1", 64, 1),
        _chain(x, f"{name}.branch5x5", (48, 1), (64, 5)),
        _chain(x, f"{name}.branch3x3dbl", (64, 1), (96, 3), (96, 3)),
        _convolve(_pool(x, AVERAGE, f"{name}.pool"), f"{name}.branch_pool", pooled, 1),
    )


def block_b(x, name):
    """35 x 35 to 17 x 17."""
    deep = _chain(x, f"{name}.branch3x3dbl", (64, 1), (96, 3))
    return _joined(
        f"{name}.joined",
        _convolve(x, f"{name}.branch3x3", 384, 3, strides=2),
        _convolve(deep, f"{name}.branch3x3dbl_3", 96, 3, strides=2),
        _pool(x, HALVING, f"{name}.pool"),
    )


def block_c(x, name, narrow):
    """17 x 17: 7x7 as rows and columns."""
    row, column = (1, 7), (7, 1)
    twice = ((narrow, 1), (narrow, column), (narrow, row), (narrow, column), (192, row))
    return _joined(
        f"{name}.joined",
        _convolve(x, f"{name}.branch1x1", 192, 1),
        _chain(x, f"{name}.branch7x7", (narrow, 1), (narrow, row), (192, column)),
        _chain(x, f"{name}.branch7x7dbl", *twice),
        _convolve(_pool(x, AVERAGE, f"{name}.pool"), f"{name}.branch_pool", 192, 1),
    )


def block_d(x, name):
    """17 x 17 to 8 x 8."""
    short = _convolve(x, f"{name}.branch3x3_1", 192, 1)
    deep = _chain(x, f"{name}.branch7x7x3", (192, 1), (192, (1, 7)), (192, (7, 1)))
    return _joined(
        f"{name}.joined",
        _convolve(short, f"{name}.branch3x3_2", 320, 3, strides=2),
        _convolve(deep, f"{name}.branch7x7x3_4", 192, 3, strides=2),
        _pool(x, HALVING, f"{name}.pool"),
    )


def block_e(x, name, pool):
    """8 x 8: 3x3 as a row and a column beside each other."""
    short = _convolve(x, f"{name}.branch3x3_1", 384, 1)
    deep = _chain(x, f"{name}.branch3x3dbl", (448, 1), (384, 3))
    return _joined(
        f"{name}.joined",
        _convolve(x, f"{name}.branch1x1", 320, 1),
        _convolve(short, f"{name}.branch3x3_2a", 384, (1, 3)),
        _convolve(short, f"{name}.branch3x3_2b", 384, (3, 1)),
        _convolve(deep, f"{name}.branch3x3dbl_3a", 384, (1, 3)),
        _convolve(deep, f"{name}.branch3x3dbl_3b", 384, (3, 1)),
        _convolve(_pool(x, pool, f"{name}.pool"), f"{name}.branch_pool", 192, 1),
    )


def _chain(x, name, *convolutions):
    """Convolutions of stride 1 one after the other, NAME_1, NAME_2, ...: pairs of filters and kernel size."""
    for number, (filters, size) in enumerate(convolutions, start=1):
        x = _convolve(x, f"{name}_{number}", filters, size)
    return x


def _convolve(x, name, filters, size, strides=1, padding=None):
    """Convolution without bias, normalisation, ReLU; of stride 1 padded to the size, of stride 2 not at all."""
    padding = padding or ("same" if strides == 1 else "valid")
    convolution = keras.layers.Conv2D(
        filters, size, strides, padding, use_bias=False, dtype="float32", name=f"{name}.conv"
    )
    norm = keras.layers.BatchNormalization(epsilon=EPSILON, dtype="float32", name=f"{name}.bn")
    return keras.layers.ReLU(dtype="float32", name=f"{name}.relu")(norm(convolution(x)))


def _joined(name, *parts):
    return keras.layers.Concatenate(dtype="float32", name=name)(parts)


def _pool(x, kind, name):
    """3 x 3: "average" over the pixels that there are and "maximum" keep the size, "halving" is a maximum too."""
    if kind == AVERAGE:  # TensorFlow does not count what lies outside
        return keras.layers.AveragePooling2D(3, 1, "same", dtype="float32", name=name)(x)
    if kind == MAXIMUM:
        return keras.layers.MaxPooling2D(3, 1, "same", dtype="float32", name=name)(x)
    return keras.layers.MaxPooling2D(3, 2, "valid", dtype="float32", name=name)(x)
