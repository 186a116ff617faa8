"""What a network says of pictures: label ids, pooled features, feature maps, probabilities of classes."""

import hashlib
import os
import pathlib

import numpy as np

from ecgan_tf.errors import RequestError

CHUNK = 8  # images at a time: Inception's first maps of one image take 18 MB


class JudgeNetwork:
    """A frozen network that sees pictures and computes in float32.

    Attributes:
        name: for the names of numbers, such as "own" or "inception2015".
        title: for people.
        hash: the first 12 digits of the SHA-256 of its file, in hex.
        network_hash: of a network with a description that of the network's file alone, else the same.
        kind: "segmenter", "classifier" or "features".
        num_classes: of a segmenter's ids, or None where its file does not say.
        channel_weights: of LPIPS's networks, how much each channel of each of the `feature_maps` counts: list of
            float32 (channels,); else None.
    """

    def __init__(
        self, name, title, hash, segment=None, features=None, feature_maps=None, num_classes=None,
        channel_weights=None, stride=1, smallest=1, known=None, classify=None,
        network_hash=None,
    ):  # fmt: skip
        """The functions take images float32 (batch, height, width, 3) in [-1, 1], and give what the methods give.

        Args:
            stride: what height and width must be multiples of.
            smallest: height and width.
            known: of a segmenter that knows a part of the classes alone, their ids.
        """
        self.name, self.title, self.hash = name, title, hash
        self.network_hash = network_hash or hash
        self.kind = "segmenter" if segment else "classifier" if classify else "features"
        self.num_classes, self.channel_weights = num_classes, channel_weights
        self.known = None if known is None else np.array(sorted(known))
        self._functions = {
            "segment": segment, "features": features, "feature_maps": feature_maps, "classify": classify
        }  # fmt: skip
        self._stride, self._smallest = stride, smallest

    @property
    def word(self):
        """Its name inside the name of a number, where _ parts the words."""
        return self.name.replace("_", "")

    def segment(self, images):
        """Label ids int64 (batch, height, width); `descriptions.UNKNOWN` for one the data set does not have."""
        return np.concatenate(self._run("segment", images))

    def asked(self, labels, num_classes):
        """Labels as it can be asked for them: what it does not know is unknown, `num_classes`."""
        return labels if self.known is None else np.where(np.isin(labels, self.known), labels, num_classes)

    def features(self, images):
        """Pooled features for Frechet and kernel distances: float32 (batch, dims)."""
        return np.concatenate(self._run("features", images))

    def feature_maps(self, images):
        """Feature maps for LPIPS-like distances: list of float32 (batch, rows, columns, channels)."""
        return [np.concatenate(maps) for maps in zip(*self._run("feature_maps", images))]

    def classify(self, images):
        """Probabilities of classes that need not be the data set's: float32 (batch, classes)."""
        return np.concatenate(self._run("classify", images))

    def gives(self, what):
        """Whether it has "segment", "features", "feature_maps" or "classify"."""
        return self._functions[what] is not None

    def _run(self, what, images):
        if not self.gives(what):
            given = ", ".join(name for name in self._functions if self.gives(name))
            raise RequestError(f"{self.title} gives no {what}; it gives {given}. Take another judge.")
        images = np.asarray(images)
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype.kind != "f" or not images.size:
            raise RequestError(
                f"a judge takes images float (batch, height, width, 3) in [-1, 1], not {images.dtype} {images.shape}."
            )
        size = images.shape[1:3]
        if any(length % self._stride or length < self._smallest for length in size):
            raise RequestError(
                f"{self.title} takes images whose sides are multiples of {self._stride} and not below "
                f"{self._smallest}, not {size}."
            )
        images = np.clip(images.astype(np.float32), -1.0, 1.0)
        return [self._functions[what](images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)]


def file_hash(*paths):
    """The first 12 hex digits of the SHA-256 of files one after the other; of a folder all its files, by name."""
    digest = hashlib.sha256()
    for path in paths:
        for file in _files(path):
            if os.path.isdir(path):
                digest.update(pathlib.Path(file).relative_to(path).as_posix().encode())
            with open(file, "rb") as content:
                while block := content.read(1024 * 1024):
                    digest.update(block)
    return digest.hexdigest()[:12]


def _files(path):
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def mean_over_positions(maps):
    """(batch, rows, columns, channels) to (batch, channels)."""
    return np.mean(maps, axis=(1, 2))
