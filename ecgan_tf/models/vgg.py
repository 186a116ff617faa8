"""VGG-19 features for the perceptual loss. No weights ship with the package: they come by path or from Keras."""

import os

import keras
import numpy as np
from keras import ops

from ecgan_tf.errors import RequestError

LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")  # relu1_1 .. relu5_1


def make_vgg_features(weights):
    """A frozen network from images to the five features of `losses.features.VGG_WEIGHTS`.

    Args:
        weights: path of a Keras weights file of VGG-19 without its top; or "keras" for the package's own, from its
            cache or by download.
    Returns:
        function of images float (batch, height, width, 3) in [-1, 1] to a list of five feature maps; or None where
        "keras" has nothing cached and cannot download.
    """
    if weights == "keras":
        try:
            network = keras.applications.VGG19(include_top=False, weights="imagenet")
        except Exception:  # no network: Keras raises whatever urllib, socket or ssl raised
            return None
    else:
        if not os.path.isfile(weights):
            raise RequestError(
                f"config.loss.vgg_weights: no file {weights!r}; give a Keras weights file of VGG-19 "
                "without its top, 'keras', or set config.loss.perceptual=0."
            )
        network = keras.applications.VGG19(include_top=False, weights=None)
        try:
            network.load_weights(weights)
        except (OSError, ValueError, KeyError) as error:
            raise RequestError(
                f"{weights}: not VGG-19 weights without the top ({error}); give the file "
                "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 of Keras."
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
