"""Reads every file of a data set and reports its classes, sizes and edges, and what is wrong."""

import collections

import numpy as np
import tqdm

from ecgan_tf.data.dataset import LabelledPhotographs
from ecgan_tf.data.edges import canny_edges
from ecgan_tf.data.folders import SPLITS, find_classes, find_examples
from ecgan_tf.data.keys import EDGE_KEYS
from ecgan_tf.data.label_maps import resize_photograph
from ecgan_tf.errors import RequestError

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
        list of every mistake found, one string each, those of one kind together.
    """
    return [mistake for mistakes in find_mistakes(data_config).values() for mistake in mistakes]


def find_mistakes(data_config):
    """As `validate`: dictionary from each kind of mistake, in words, to all mistakes of it."""
    errors, classes = [], None
    try:
        classes = find_classes(data_config)
    except RequestError as error:
        errors.append(error)
    for split in SPLITS:
        try:
            examples = find_examples(data_config, split, errors)
        except RequestError as error:
            errors.append(error)
            continue
        dataset = LabelledPhotographs(data_config, split, classes, examples)
        report = SplitReport(classes) if classes else None
        for index in tqdm.trange(len(dataset), desc=split, unit="image", disable=None):
            _add_example(report, dataset, index, data_config, errors)
        if report:
            print(f"{dataset.name}, {split}:", *report.lines(), sep="\n")
    kinds = {}
    for error in errors:
        kinds.setdefault(error.kind, {})[str(error)] = None  # a missing folder is found once per split
    return {kind: list(mistakes) for kind, mistakes in kinds.items()}


def described(mistakes, most=5):
    """Lines on the mistakes of `find_mistakes`: the first of each kind, and how many more there are."""
    for kind, found in mistakes.items():
        yield from found[:most]
        if len(found) > most:
            yield f"... and {len(found) - most} more {kind}"


def counted(mistakes):
    """How many mistakes there are, of each kind."""
    counts = [f"{len(found)} {kind}" for kind, found in mistakes.items()]
    return f"Errors found: {sum(map(len, mistakes.values()))} ({'; '.join(counts)})."


def _thresholds(data_config):
    """Those of the config, or the release's where its method learns no edges."""
    return (data_config.get(f"canny_{key}", EDGE_KEYS[f"data.canny_{key}"].default) for key in ("low", "high"))


def _add_example(report, dataset, index, data_config, errors):
    before = len(errors)
    arrays = dataset.read(index, errors)
    if report and len(errors) == before and {"image", "labels"} <= arrays.keys():
        photograph = resize_photograph(arrays["image"], dataset.image_size)
        report.add(arrays["labels"], canny_edges(photograph, *_thresholds(data_config)))


if __name__ == "__main__":
    from ecgan_tf.__main__ import main

    main("validate")
