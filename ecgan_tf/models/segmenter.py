"""The label generator G_l: a small segmentation network, trained beforehand and frozen (ECGAN, section 3.3).

The paper takes a pretrained SegFormer; this one is trained by `ecgan segmenter` on the run's own
training split, and must not be the network that scores a final mIoU.
"""

import keras
import numpy as np
from keras import ops

from ecgan_tf.arrays import assign_arrays, read_arrays
from ecgan_tf.errors import RequestError
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.upsampling import upsample_nearest

MOST_CLASSES = 2**16  # ids of a label map


@keras.saving.register_keras_serializable("ecgan_tf")
class Segmenter(FromArguments, keras.Model):
    """Image to label logits at a quarter of its size: a stem of stride 4, two stages below it, and their sum.

    Args:
        num_classes: N.
        base_filters: of the stem.
    Call arguments:
        images: float (batch, height, width, 3) in [-1, 1], height and width multiples of 16.
        training: whether batch statistics are those of the batch.
    Returns:
        float32 (batch, height / 4, width / 4, N).
    """

    def __init__(self, num_classes, base_filters=32, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.base_filters = base_filters
        widths = [base_filters, 2 * base_filters, 4 * base_filters, 4 * base_filters]
        self.stages = [
            [self._convolution(width, 2, f"down_{index}"), self._convolution(width, 1, f"conv_{index}")]
            for index, width in enumerate(widths)
        ]
        self.sides = [keras.layers.Conv2D(num_classes, 1, name=f"side_{index}", dtype="float32") for index in (1, 2, 3)]

    def build(self, input_shape=None):
        filters = 3
        for stage in self.stages:
            for block in stage:
                block.build((None, None, None, filters))
                filters = block.layers[0].filters
        for side, stage in zip(self.sides, self.stages[1:]):
            side.build((None, None, None, stage[0].layers[0].filters))
        self.built = True

    def call(self, images, training=False):
        fine, middle, coarse = (side(x) for side, x in zip(self.sides, self.feature_maps(images, training)[1:]))
        return fine + upsample_nearest(middle, 2) + upsample_nearest(coarse, 4)

    def feature_maps(self, images, training=False):
        """What the four stages give: list of float (batch, height / n, width / n, filters), n of 2, 4, 8 and 16."""
        x, maps = images, []
        for stage in self.stages:
            for block in stage:
                x = block(x, training=training)
            maps.append(x)
        return maps

    def _convolution(self, filters, strides, name):
        policy = self.dtype_policy
        return keras.Sequential(
            [
                keras.layers.Conv2D(
                    filters, 3, strides, padding="same", use_bias=False, dtype=policy, name="convolution"
                ),
                keras.layers.BatchNormalization(momentum=0.9, dtype=policy, name="norm"),
                keras.layers.ReLU(dtype=policy, name="relu"),
            ],
            name=name,
        )


def label_logits(segmenter):
    """G_l as the objective uses it: a function of images to logits, with frozen weights and statistics."""
    segmenter.trainable = False
    return lambda images: segmenter(ops.cast(images, "float32"), training=False)


def load_label_generator(path, num_classes):
    """G_l from a file of `ecgan segmenter`, frozen.

    Returns:
        function of images float (batch, height, width, 3) in [-1, 1] to logits (batch, height / 4, width / 4, N).
    """
    return label_logits(load_segmenter(path, num_classes))


def load_segmenter(path, num_classes=None):
    """A `Segmenter` from a file of `ecgan segmenter`, in float32 whatever the policy: a judge sees no rounding.

    Args:
        path: the .npz.
        num_classes: how many it must have; None: as many as it has.
    """
    arrays = read_arrays(path)
    stored = arrays.pop("num_classes", np.array(-1))
    known = int(stored) if stored.shape == () and stored.dtype.kind in "iu" else -1
    if not 1 <= known <= MOST_CLASSES:
        raise RequestError(f"{path}: no segmenter of this project; write one with ecgan segmenter.")
    if num_classes not in (None, known):
        raise RequestError(
            f"{path}: a segmenter of {known} classes, the data set has {num_classes}; train one on this data set with "
            "ecgan segmenter."
        )
    segmenter = Segmenter(known, name="segmenter", dtype="float32")
    segmenter.build()
    assign_arrays(path, arrays, {variable.path: variable.value for variable in segmenter.variables})
    return segmenter


def segmenter_arrays(segmenter):
    """What `load_label_generator` reads: dictionary of named arrays."""
    arrays = {variable.path: variable.value.numpy() for variable in segmenter.variables}
    return {**arrays, "num_classes": np.array(segmenter.num_classes)}
