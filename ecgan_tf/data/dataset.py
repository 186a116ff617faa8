"""A split of a data set as arrays: photograph, labels, edges and instance boundaries of each example."""

import functools
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ecgan_tf.data.earth import earth_mosaic
from ecgan_tf.data.edges import canny_edges
from ecgan_tf.data.exemplars import Matches, label_histogram
from ecgan_tf.data.folders import find_classes, find_examples
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.data.label_maps import (
    check_same_size,
    label_boundaries,
    labels_from_file,
    read_instances,
    resize_labels,
    resize_photograph,
)
from ecgan_tf.data.panels import panel_readers
from ecgan_tf.data.records import decode, encode, fields_of
from ecgan_tf.errors import RequestError

PICTURES = ("image", "source")  # of an example's arrays; they are large, and cannot be squeezed
OVERHEAD = 1000  # bytes, of what Python keeps beside a record


def open_dataset(data_config, split):
    """Finds the files of a split, or its shards; nothing is decoded yet.

    Args:
        data_config: `config.data`.
        split: "train" or "validation".
    Returns:
        `LabelledPhotographs`.
    """
    from ecgan_tf.data.packed import is_packed, open_packed

    if is_packed(data_config):
        return open_packed(data_config, split)
    examples = find_examples(data_config, split)
    if split == "train" and data_config.limit:
        examples = tuple(examples[index] for index in evenly_spread(len(examples), data_config.limit))
    return LabelledPhotographs(data_config, split, find_classes(data_config), examples)


def evenly_spread(count, wanted):
    """Up to `wanted` indices below `count`, spread over all of them."""
    return np.unique(np.linspace(0, count - 1, min(wanted, count)).round().astype(int)).tolist()


class LabelledPhotographs:
    """Examples that are decoded when asked for, and kept in memory as far as `config.data.cache_gb` goes.

    Attributes:
        name, split: of the data set.
        classes: `ClassList`.
        examples: tuple of `Example`.
        image_size: (height, width) of what the networks see.
        load_size: (height, width) of what `load` returns: the size before cropping in the training split.
        has_exemplars: whether each layout comes with a scene whose style it should have, see `exemplars`.
        has_sources: whether each layout comes with a photograph of another view.
        cuts_crops: whether training sees crops of the whole Earth, see `cut`, instead of the examples.
        has_edges: whether each photograph comes with its edges.
        latents: shapes of the random inputs that come with each layout, see `latent_shapes`; whoever has a generator
            sets it.
        class_codes: of `draw_latents`, in training.
        predict_labels: None, or a function of a photograph, uint8 (height, width, 3), to label ids; `load` gives them
            as `predicted` then.
    """

    def __init__(self, data_config, split, classes, examples):
        self.name = data_config.name
        self.split = split
        self.classes = classes
        self.examples = examples
        self.image_size = tuple(data_config.image_size)
        crops = split == "train" and tuple(data_config.load_size) != (0, 0)
        self.load_size = tuple(data_config.load_size) if crops else self.image_size
        self.has_boundaries = data_config.use_instances
        self.has_exemplars = data_config.get("exemplars", "none") != "none"  # a key of methods that read one
        self.has_sources = data_config.get("use_sources", False)  # a key of the cross-view task
        self.latents, self.class_codes = {}, 0.0
        self.predict_labels = None
        self.cuts_crops = data_config.name == "earth" and split == "train"
        self._flip = data_config.flip
        self._panels = data_config.direction if data_config.name == "cross_view" else None
        self._edge_source = data_config.get("edge_source", "none")  # a key of the methods that learn edges
        self._canny = {key: data_config.get(f"canny_{key}") for key in ("low", "high")}
        self._cache = MemoryCache(int(data_config.cache_gb * 1e9))

    def __len__(self):
        return len(self.examples)

    @property
    def words(self):
        """What training sees, in words."""
        return "any crop of the whole Earth" if self.cuts_crops else f"{len(self)} photographs"

    @property
    def has_unknown(self):
        return self.classes.has_unknown

    @property
    def has_edges(self):
        return self._edge_source != "none"

    @functools.cached_property
    def aspect(self):
        """Width over height of the first photograph, as its file has it."""
        height, width = self.read(0)["image"].shape[:2]
        return width / height

    def read(self, index, problems=None, only=()):
        """One example at the size of its files.

        Args:
            only: names of the arrays that are wanted; (): all.
            problems: a list that takes every `RequestError`, for whoever wants to hear all of it; what cannot be read
                is left out then. None: the first one is raised.
        Returns:
            dict of `image` uint8 (height, width, 3), `labels` int32 (height, width), 0..num_classes, and where
            instances are used `instances`, integers (height, width), and with sources `source`, uint8 of any size.
        """
        example, arrays = self.examples[index], {}

        def attempt(action):
            try:
                action()
            except RequestError as error:
                if problems is None:
                    raise
                problems.append(error)

        def read(kind, path, reader):
            arrays[kind] = reader(path)
            if kind in ("labels", "instances") and "image" in arrays:
                check_same_size(example.image, arrays["image"], path, arrays[kind])

        readers = {"image": read_photograph, "labels": lambda path: labels_from_file(path, self.classes)}
        if self.classes is None:  # its list is what is wrong; the files may be, too
            readers["labels"] = read_label_file
        if self.has_boundaries:
            readers["instances"] = read_instances
        if self.has_sources:
            readers["source"] = read_photograph
        if self._panels:
            readers = panel_readers(self._panels)
        for kind, reader in readers.items():
            if only and kind not in only:
                continue
            path = getattr(example, kind)
            if path is not None:  # else it was missed before
                attempt(functools.partial(read, kind, path, reader))
        return arrays

    def load(self, index, size=None):
        """One example at `size` (height, width), by default `load_size`; not to be written to.

        Returns:
            dict of `image` uint8 (height, width, 3), `labels` int32 (height, width), and where they are used `edges`
            uint8 (height, width) of 0 and 255, `boundaries` uint8 (height, width) of 0 and 1, `source` like `image`,
            and `predicted` like `labels`.
        """
        size = self.load_size if size is None else tuple(size)
        arrays = self._cache.get((index, size))
        if arrays is None:
            arrays = self.prepare(index, size)
            self._keep((index, size), arrays)
        elif isinstance(arrays, Derived):
            arrays = {**self._pictures(index, size), **arrays.arrays}
        return _with_ids(arrays)

    def _keep(self, key, arrays):
        """Keeps an example in memory if all of the split fits there, else what takes little room and long to make."""
        if self._cache.is_full:
            return
        if len(self) * sum(array.nbytes for array in arrays.values()) > self._cache.max_bytes:
            arrays = Derived({name: array for name, array in arrays.items() if name not in PICTURES})
        self._cache.put(key, arrays)

    def prepare(self, index, size):
        """One example at `size`, as `load` gives it, but for labels of the smallest type, and decoded at each call."""
        return self.at_size(self.read(index), size)

    def cut(self, seed, position):
        """The crop of the Earth at a position of the training stream, see `EarthMosaic.crop`, as `load` gives it."""
        crop = earth_mosaic().crop(seed, position, self.image_size, self._flip)
        return _with_ids(self.at_size(crop, self.image_size))

    def load_short(self, index, short_side):
        """One example as `load` gives it, in its own aspect, with a short side of so many pixels.

        The files' arrays are kept in memory instead of those of one size.
        """
        arrays = self._cache.get((index, None))
        if arrays is None:
            arrays = self.read(index)
            self._cache.put((index, None), arrays)
        sides = arrays["labels"].shape
        return _with_ids(self.at_size(arrays, tuple(round(side * short_side / min(sides)) for side in sides)))

    @functools.cached_property
    def label_histograms(self):
        """Shares of the classes in each layout, for retrieval: float32 (examples, num_classes).

        Reads every label file once, when first asked for: a second for hundreds, minutes for 100,000.
        """

        def histogram(example):
            return label_histogram(labels_from_file(example.labels, self.classes), self.classes.num_classes)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.stack(list(pool.map(histogram, self.examples)))

    @functools.cached_property
    def matches(self):
        """`Matches`: which photographs may be the exemplar of which layout."""
        return Matches(self.label_histograms)

    def label_counts(self, limit=1000):
        """How many pixels each label has, over up to `limit` examples, evenly spread: int64 (num_classes + 1,)."""
        counts = np.zeros(self.classes.num_classes + 1, np.int64)
        for index in evenly_spread(len(self), limit):
            labels = (
                self.read(index)["labels"]
                if self._panels
                else labels_from_file(self.examples[index].labels, self.classes)
            )
            counts += np.bincount(labels.ravel(), minlength=len(counts))
        return counts

    def check(self, limit, progress=None):
        """Decodes up to `limit` examples, evenly spread, so that a broken file is found before training starts.

        Args:
            limit: how many at most.
            progress: function of (examples done, examples in all).
        """
        indices = evenly_spread(len(self), limit)
        problems = []
        pool = ThreadPoolExecutor(os.cpu_count())
        try:
            for done, problem in enumerate(pool.map(self._problem, indices), start=1):
                if problem:
                    problems.append(problem)
                if progress:
                    progress(done, len(indices))
        finally:
            pool.shutdown(cancel_futures=True)  # an interrupt should not wait for the rest
        if problems:
            more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
            raise RequestError("; ".join(problems[:5]) + more)

    def _problem(self, index):
        try:
            self.load(index)
        except RequestError as error:
            return str(error)
        return None

    def _pictures(self, index, size):
        """Of `prepare`, what `Derived` leaves out."""
        arrays = self.read(index, only=PICTURES)
        return {name: resize_photograph(array, size) for name, array in arrays.items()}

    def at_size(self, arrays, size):
        """What `read` gives at `size` (height, width), as `prepare` gives it."""
        image = resize_photograph(arrays["image"], size)
        smallest = np.min_scalar_type(self.classes.num_classes)  # a quarter of the memory for most data sets
        labels = resize_labels(arrays["labels"].astype(smallest), size)
        result = {"image": image, "labels": labels}
        if self.has_edges:
            result["edges"] = self._edges(image, labels)
        if self.has_boundaries:
            result["boundaries"] = label_boundaries(resize_labels(arrays["instances"], size))
        if self.has_sources:
            result["source"] = resize_photograph(arrays["source"], size)
        return self.with_predicted(result)

    def with_predicted(self, arrays):
        """Arrays at one size, with the labels that a segmenter gives where there is one."""
        if not self.predict_labels:
            return arrays
        smallest = arrays["labels"].dtype
        return {**arrays, "predicted": self.predict_labels(arrays["image"]).astype(smallest)}

    def _edges(self, image, labels):
        if self._edge_source == "canny":
            return canny_edges(image, **self._canny)
        return label_boundaries(labels).astype(np.uint8) * 255


def _with_ids(arrays):
    """The arrays with labels as the networks take them, int32."""
    return {key: array.astype(np.int32) if key in ("labels", "predicted") else array for key, array in arrays.items()}


class MemoryCache:
    """Dictionaries of arrays, or `Derived`, up to a number of bytes.

    Nothing is thrown out again: each epoch comes in another order, so no example is more useful than another.
    """

    def __init__(self, max_bytes):
        self.max_bytes = self._free = max_bytes
        self._entries = {}
        self._lock = threading.Lock()

    @property
    def is_full(self):
        """Whether there is hardly room for anything."""
        return self._free < 10 * OVERHEAD

    def get(self, key):
        return self._entries.get(key)

    def put(self, key, arrays):
        is_derived = isinstance(arrays, Derived)
        size = arrays.nbytes if is_derived else sum(array.nbytes for array in arrays.values())
        with self._lock:
            if key in self._entries or size > self._free:
                return
            for array in () if is_derived else arrays.values():
                array.setflags(write=False)
            self._entries[key] = arrays
            self._free -= size


class Derived:
    """An example's arrays without its pictures, squeezed: some percent of an example's memory, and half of its work."""

    def __init__(self, arrays):
        self._fields = fields_of(arrays)
        self._record = zlib.compress(encode(arrays, self._fields), 1)
        self.nbytes = len(self._record) + OVERHEAD

    @property
    def arrays(self):
        """They, which are not to be written to."""
        return decode(zlib.decompress(self._record), self._fields)
