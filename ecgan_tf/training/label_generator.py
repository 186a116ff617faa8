"""Opens the weights of the label generator G_l."""

import numpy as np

from ecgan_tf.commands import RequestError
from ecgan_tf.models.segmenter import Segmenter, label_logits
from ecgan_tf.training.checkpoints import assign_arrays, read_arrays


def load_label_generator(path, num_classes):
    """G_l from a file of `python -m ecgan_tf.train_segmenter`, frozen.

    Returns:
        function of images float (batch, height, width, 3) in [-1, 1] to logits (batch, height / 4, width / 4, N).
    """
    arrays = read_arrays(path)
    known = int(arrays.pop("num_classes", np.array(-1)))
    if known != num_classes:
        raise RequestError(
            f"{path}: a segmenter of {known} classes, the data set has {num_classes}; train one on this data set with "
            "python -m ecgan_tf.train_segmenter."
        )
    segmenter = Segmenter(num_classes, name="segmenter")
    segmenter.build()
    assign_arrays(path, arrays, {variable.path: variable.value for variable in segmenter.variables})
    return label_logits(segmenter)


def segmenter_arrays(segmenter):
    """What `load_label_generator` reads: dictionary of named arrays."""
    arrays = {variable.path: variable.value.numpy() for variable in segmenter.variables}
    return {**arrays, "num_classes": np.array(segmenter.num_classes)}
