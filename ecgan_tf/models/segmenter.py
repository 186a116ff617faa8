"""The label generator G_l: a small segmentation network, trained beforehand and frozen (ECGAN, section 3.3).

The paper takes a pretrained SegFormer, as `label_generators` can by a description; this one is trained by
`ecgan segmenter` on the run's own training split, and must not be the network that scores a final mIoU.
"""

import cv2
import keras
import numpy as np
import tensorflow as tf
from keras import ops

from ecgan_tf.arrays import assign_arrays, read_arrays
from ecgan_tf.errors import RequestError
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.upsampling import upsample_nearest
from ecgan_tf.pixels import as_float, nearest_rows

MOST_CLASSES = 2**16  # ids of a label map
DEEPEST = 16  # stride of the last stage: height and width are multiples of it


@keras.saving.register_keras_serializable("ecgan_tf")
class Segmenter(FromArguments, keras.Model):
    """Image to label logits: stages of stride 2 to 16, and what they see summed up.

    At stride 4 the logits are the sum of three stages' own, enough for a label generator. At stride 1 a decoder with
    skip connections (U-Net, Ronneberger et al., 2015) goes back to the pixels, for a judge that sees thin things.

    Args:
        num_classes: N.
        base_filters: of the stem.
        stride: 4, or 1 with the decoder.
    Call arguments:
        images: float (batch, height, width, 3) in [-1, 1], height and width multiples of 16.
        training: whether batch statistics are those of the batch.
    Returns:
        float32 (batch, height / stride, width / stride, N).
    """

    def __init__(self, num_classes, base_filters=32, stride=4, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.base_filters = base_filters
        self.stride = stride
        widths = [base_filters, 2 * base_filters, 4 * base_filters, 4 * base_filters]
        self.stages = [
            [self._convolution(width, 2, f"down_{index}"), self._convolution(width, 1, f"conv_{index}")]
            for index, width in enumerate(widths)
        ]
        sides = (1, 2, 3) if stride == 4 else (0,)
        self.sides = [keras.layers.Conv2D(num_classes, 1, name=f"side_{index}", dtype="float32") for index in sides]
        wider = [base_filters, *widths[:-1]] if stride == 1 else []  # finest first: of the pixels, and of three stages
        self.decoder = [self._convolution(width, 1, f"up_{index}") for index, width in enumerate(wider)]

    def build(self, input_shape=None):
        widths = [3]
        for stage in self.stages:
            for block in stage:
                block.build((None, None, None, widths[-1]))
                widths.append(block.layers[0].filters)
            del widths[-2]
        below = widths[-1]
        for block, skipped in zip(reversed(self.decoder), reversed(widths[:-1])):
            block.build((None, None, None, skipped + below))
            below = block.layers[0].filters
        for side, width in zip(self.sides, widths[2:] if self.stride == 4 else [below]):
            side.build((None, None, None, width))
        self.built = True

    def call(self, images, training=False):
        if self.stride == 1:
            *skipped, x = [images, *self.feature_maps(images, training)]
            for block, finer in zip(reversed(self.decoder), reversed(skipped)):
                both = [ops.cast(finer, x.dtype), upsample_nearest(x, 2)]
                x = block(ops.concatenate(both, axis=-1), training=training)
            return self.sides[0](x)
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


def predict_exemplars(data, path):
    """Lets the photographs of a data set come with the labels of a segmenter, for exemplars.

    Args:
        data: `LabelledPhotographs`.
        path: of `ecgan segmenter`, or "" for none.
    """
    data.predict_labels = label_predictor(path, data.classes.num_classes) if path else None


def label_predictor(path, num_classes):
    """What gives photographs labels where nobody drew any.

    Args:
        path: of `ecgan segmenter`.
        num_classes: how many it must have.
    Returns:
        function of a photograph uint8 (height, width, 3) of any size to label ids int32 (height, width).
    """
    segmenter = load_segmenter(path, num_classes)

    def predict(photograph):
        size = photograph.shape[:2]
        sides = [max(round(side / DEEPEST), 1) * DEEPEST for side in size]
        logits = segmenter(as_float(cv2.resize(photograph, sides[::-1], interpolation=cv2.INTER_AREA))[None])
        ids = np.argmax(tf.image.resize(logits, sides), axis=-1)[0]
        rows, columns = (nearest_rows(side, other) for side, other in zip(size, sides))
        return ids[rows][:, columns].astype(np.int32)

    return predict


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
    stride = 1 if any("/up_0/" in name for name in arrays) else 4
    segmenter = Segmenter(known, stride=stride, name="segmenter", dtype="float32")
    segmenter.build()
    assign_arrays(path, arrays, {variable.path: variable.value for variable in segmenter.variables})
    return segmenter


def segmenter_arrays(segmenter):
    """What `load_segmenter` reads: dictionary of named arrays."""
    arrays = {variable.path: variable.value.numpy() for variable in segmenter.variables}
    return {**arrays, "num_classes": np.array(segmenter.num_classes)}
