"""Which networks may judge: those that fit the data, and that no loss of the run has used."""

import os

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.networks.judge import file_hash
from ecgan_tf.evaluation.networks.opening import open_judge
from ecgan_tf.models.descriptions import read_description


def open_judges(paths, data, losses=(), flag="--judge"):
    """Opens the networks that measure a data set.

    Args:
        paths: as `open_judge` takes them.
        data: `LabelledPhotographs`.
        losses: config.loss of the runs whose pictures are measured; None where nobody knows it.
        flag: of the message.
    Returns:
        list of `JudgeNetwork`.
    Raises:
        RequestError: where one is a segmenter of other classes, was used by the loss, or is there twice.
    """
    judges = []
    for path in paths:
        judge = open_judge(path)
        num_classes = data.classes.num_classes
        if judge.known is not None and max(judge.known, default=0) >= num_classes:
            raise RequestError(
                f"{flag}={path}: field 'classes' names class {max(judge.known)}, the data set has {num_classes}."
            )
        if judge.num_classes not in (None, num_classes):
            raise RequestError(
                f"{flag}={path} tells {judge.num_classes} classes apart, the data set has {num_classes}; "
                "make one by ecgan segmenter with the config of this data set."
            )
        key = next((key for key in (used_by(loss, path, judge) for loss in losses) if key), None)
        if key:
            raise RequestError(
                f"{flag} is {path!r}, the network of config.loss.{key}: it would praise what it was trained to praise; "
                "give another one, such as one of ecgan segmenter --config.train.seed=1."
            )
        if judge.word in [other.word for other in judges]:
            raise RequestError(f"{flag}={path}: a network called {judge.name!r} is there already; give one of each.")
        judges.append(judge)
    return judges


def used_by(loss, path, judge):
    """The key of config.loss that names a judge's own file or package, or None."""
    for key in ("segmenter", "vgg_weights"):
        other = (loss or {}).get(key)
        if not other or (key == "vgg_weights" and not loss.get("perceptual")):
            continue
        if other == path or (os.path.isfile(other) and network_hash(other) == judge.network_hash):
            return key
    return None


def network_hash(path):
    """The hash of a network's own file, which a .json at `path` may describe; None where that cannot be read."""
    try:
        return file_hash(read_description(path)[1] if path.lower().endswith(".json") else path)
    except RequestError:
        return None
