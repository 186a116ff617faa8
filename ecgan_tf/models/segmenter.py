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
            [_convolution(width, 2, f"down_{index}"), _convolution(width, 1, f"conv_{index}")]
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
        x, logits = images, []
        for index, stage in enumerate(self.stages):
            for block in stage:
                x = block(x, training=training)
            if index:
                logits.append(self.sides[index - 1](x))
        fine, middle, coarse = logits
        return fine + upsample_nearest(middle, 2) + upsample_nearest(coarse, 4)


def _convolution(filters, strides, name):
    return keras.Sequential(
        [
            keras.layers.Conv2D(filters, 3, strides, padding="same", use_bias=False, name="convolution"),
            keras.layers.BatchNormalization(momentum=0.9, name="norm"),
            keras.layers.ReLU(name="relu"),
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
    arrays = read_arrays(path)
    known = int(arrays.pop("num_classes", np.array(-1)))
    if known != num_classes:
        raise RequestError(
            f"{path}: a segmenter of {known} classes, the data set has {num_classes}; train one on this data set with "
            "ecgan segmenter."
        )
    segmenter = Segmenter(num_classes, name="segmenter")
    segmenter.build()
    assign_arrays(path, arrays, {variable.path: variable.value for variable in segmenter.variables})
    return label_logits(segmenter)


def segmenter_arrays(segmenter):
    """What `load_label_generator` reads: dictionary of named arrays."""
    arrays = {variable.path: variable.value.numpy() for variable in segmenter.variables}
    return {**arrays, "num_classes": np.array(segmenter.num_classes)}
