"""VGG-19 features for the perceptual loss. No weights ship with the package: they come by path or from Keras."""

import os

import keras
import numpy as np
from keras import ops

from ecgan_tf.errors import RequestError

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")  # relu1_1 .. relu5_1
NOTOP = "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"


def vgg_mistake(weights):
    """What is wrong with `config.loss.vgg_weights`, with the remedy, in one line; or None where they are at hand."""
    remedy = f"give --config.loss.vgg_weights=FILE, {NOTOP} of Keras"
    if weights == "keras":
        found = keras_weights() is not None
        return None if found else f"Keras has no VGG-19 weights cached and could not download them; {remedy}"
    if not weights:
        return f"config.loss.vgg_weights names no VGG-19; {remedy}"
    return None if os.path.isfile(weights) else f"config.loss.vgg_weights: no file {weights!r}; {remedy}"


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
    """A frozen network from images to the five features of `losses.features.VGG_WEIGHTS`.

    Args:
        weights: path of a Keras weights file of VGG-19 without its top; or "keras" for the package's own, from its
            cache or by download.
    Returns:
        function of images float (batch, height, width, 3) in [-1, 1] to a list of five feature maps.
    """
    mistake = vgg_mistake(weights)
    if mistake:
        raise RequestError(f"{mistake}, or set config.loss.perceptual=0.")
    file = keras_weights() if weights == "keras" else weights
    network = keras.applications.VGG19(include_top=False, weights=None)
    try:
        network.load_weights(file)
    except (OSError, ValueError, KeyError) as error:
        raise RequestError(
            f"{file}: not VGG-19 weights without the top ({error}); give the file {NOTOP} of Keras."
        ) from error
    network.trainable = False
    features = keras.Model(network.input, [network.get_layer(name).output for name in LAYERS], dtype="float32")
    return lambda images: features(normalize_for_vgg(images))


def normalize_for_vgg(images):
    """The input that Keras' VGG-19 weights belong to: BGR in 0..255 without the ImageNet mean.

    The release feeds [-1, 1] images as they are, which the weights never saw.
    """
    mean = np.array([103.939, 116.779, 123.68], dtype="float32")
    return (ops.cast(images, "float32") + 1.0)[..., ::-1] * 127.5 - mean
