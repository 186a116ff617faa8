"""The command that reads every file of a data set and reports its classes, sizes and edges, and what is wrong."""

import collections
import sys

import numpy as np
import tqdm
from ml_collections import config_flags

from ecgan_tf.commands import RequestError, no_arguments, run
from ecgan_tf.config import base_config, check_config
from ecgan_tf.data.catalog import SPLITS
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.edges import canny_edges
from ecgan_tf.data.layouts import resize_photograph

USAGE = """Reads every file of both splits of a data set: counts, sizes, class frequencies, edge density, errors.

  python -m ecgan_tf.data.validate --data.name=folder --data.dir=DIR [--data.unknown_label=255]

The folder holds train|val/{images,labels[,instances]} and classes.json; --data.name also knows earth_tiles (embedded),
cityscapes, ade20k and coco_stuff in their official layouts. Ends with exit code 1 where anything is wrong.
"""
PLAUSIBLE_EDGES = (0.005, 0.30)  # share of pixels; outside, the Canny thresholds do not suit the photographs


class SplitReport:
    """What was counted over the examples of a split."""

    def __init__(self, classes):
        self.classes = classes
        self.examples = 0
        self.sizes = collections.Counter()
        self.pixels = np.zeros(classes.num_classes + 1, np.int64)  # per class, then unknown
        self.images = np.zeros(classes.num_classes + 1, np.int64)
        self.edge_share = 0.0

    def add(self, labels, edges):
        """Counts one example: label ids at the size of the files, edges at the size of training."""
        pixels = np.bincount(labels.ravel(), minlength=len(self.pixels))
        self.examples += 1
        self.sizes[labels.shape] += 1
        self.pixels += pixels
        self.images += pixels > 0
        self.edge_share += (np.mean(edges > 0) - self.edge_share) / self.examples

    def lines(self):
        sizes = [f"{width}x{height} ({count})" for (height, width), count in self.sizes.most_common(5)]
        shares = self.pixels / max(1, self.pixels.sum())
        yield f"  {self.examples} examples, {len(self.sizes)} sizes: {', '.join(sizes)}{' ...' * (len(self.sizes) > 5)}"
        yield f"  edges    {self.edge_share:7.2%} of the pixels{self._edge_warning()}"
        yield f"  unknown  {shares[-1]:7.2%} of the pixels, in {self.images[-1]} images"
        for i, name in enumerate(self.classes.names):
            if self.pixels[i]:
                yield f"  {i:3d} {name:32s} {shares[i]:7.2%} of the pixels, in {self.images[i]} images"
        absent = [str(i) for i in range(self.classes.num_classes) if not self.pixels[i]]
        if absent:
            yield f"  never seen: {len(absent)} classes: {', '.join(absent)}"

    def _edge_warning(self):
        low, high = PLAUSIBLE_EDGES
        if low <= self.edge_share <= high:
            return ""
        return f"; warning: outside {low:.1%}..{high:.0%}, adjust data.canny_low and data.canny_high"


def validate(data_config):
    """Prints the report of each split.

    Returns:
        list of every mistake found, one string each.
    """
    errors = []
    for split in SPLITS:
        try:
            dataset = open_dataset(data_config, split)
        except RequestError as error:
            errors.append(str(error))
            continue
        report = SplitReport(dataset.classes)
        for index in tqdm.trange(len(dataset), desc=split, unit="image", disable=None):
            try:
                _add_example(report, dataset, index, data_config)
            except RequestError as error:
                errors.append(str(error))
        print(f"{dataset.name}, {split}:", *report.lines(), sep="\n")
    return list(dict.fromkeys(errors))  # a missing folder is found once per split


def _add_example(report, dataset, index, data_config):
    arrays = dataset.read(index)
    photograph = resize_photograph(arrays["image"], dataset.image_size)
    report.add(arrays["labels"], canny_edges(photograph, data_config.canny_low, data_config.canny_high))


def define_flags():
    """`--data.<key>` for every key of config.data; a misspelt one fails here already."""
    try:
        return config_flags.DEFINE_config_dict("data", base_config().data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        sys.exit(f"error: in the flags: {error} See python -m ecgan_tf.data.validate --help.")


def main(argv):
    no_arguments(argv)
    config = base_config()
    config.data.update(_DATA.value)
    check_config(config)
    errors = validate(config.data)
    for error in errors:
        print(f"error: {error}", file=sys.stderr)
    if errors:
        sys.exit(f"Errors found: {len(errors)}.")
    print("No errors.")


if __name__ == "__main__":
    _DATA = define_flags()
    run(main, USAGE)
