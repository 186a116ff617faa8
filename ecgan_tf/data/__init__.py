"""Label maps and photographs in, arrays out; batches for training are in `pipeline`, which alone needs TensorFlow."""

from ecgan_tf.data.classes import ClassList, load_class_list
from ecgan_tf.data.dataset import LabelledPhotographs, open_dataset
from ecgan_tf.data.folders import Example, find_classes, find_examples
from ecgan_tf.data.label_maps import read_layout

__all__ = [
    "ClassList",
    "Example",
    "LabelledPhotographs",
    "find_classes",
    "find_examples",
    "load_class_list",
    "open_dataset",
    "read_layout",
]
