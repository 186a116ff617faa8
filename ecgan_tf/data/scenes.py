"""Which photographs of COCO-Stuff are scenes, as MSCA's paper trains on them.

The paper takes out indoor and object-centred photographs; its list was not found. The rule is the specification's
(docs/papers/msca.md, section 7): classes of the outdoors cover at least 40% of the picture, and no thing 30% or more.
"""

import cv2
import numpy as np

from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.folders import SPLITS
from ecgan_tf.errors import RequestError

SMALLEST_OUTDOORS = 0.4
LARGEST_THING = 0.3
# Of COCO-Stuff's stuff; the choice is ours.
OUTDOORS = (
    "branch", "bridge", "building-other", "bush", "clouds", "dirt", "fence", "flower", "fog", "grass", "gravel",
    "ground-other", "hill", "house", "leaves", "moss", "mountain", "mud", "pavement", "plant-other", "platform",
    "playingfield", "railing", "railroad", "river", "road", "rock", "roof", "sand", "sea", "sky-other", "skyscraper",
    "snow", "stone", "straw", "structural-other", "tree", "water-other", "waterdrops",
)  # fmt: skip
NUM_THINGS = 91  # the first classes of COCO-Stuff


def find_scenes(data_config, progress=None):
    """The names of the scenes of both splits: dictionary from split to list of names, as a selection file holds it.

    Reads every label map, and with config.data.use_instances every instance map; without, a thing is what hangs
    together of one class.

    Args:
        data_config: `config.data`.
        progress: function of (photographs done, photographs in all, split).
    """
    found = {}
    for split in SPLITS:
        data, found[split] = open_dataset(data_config, split), []
        outdoors = [label for label, name in enumerate(data.classes.names) if name in OUTDOORS]
        if len(outdoors) < len(OUTDOORS):
            missing = [name for name in OUTDOORS if name not in data.classes.names]
            raise RequestError(
                f"data set {data.name!r} lacks {len(missing)} of the {len(OUTDOORS)} classes by which a scene is told, "
                f"such as {missing[0]!r}; the rule is made for coco_stuff."
            )
        for index, example in enumerate(data.examples):
            arrays = data.read(index)
            if is_scene(arrays["labels"], arrays.get("instances"), outdoors):
                found[split].append(example.name)
            if progress:
                progress(index + 1, len(data), split)
    return found


def is_scene(labels, instances, outdoors):
    """Whether a layout is of a scene.

    Args:
        labels: int (height, width).
        instances: integers (height, width), or None.
        outdoors: ids of the classes of the outdoors.
    """
    return np.isin(labels, outdoors).mean() >= SMALLEST_OUTDOORS and largest_thing(labels, instances) < LARGEST_THING


def largest_thing(labels, instances=None):
    """The share of the picture that its largest thing fills."""
    largest = 0
    for label in np.unique(labels[labels < NUM_THINGS]):
        region = labels == label
        if instances is None:
            numbers = cv2.connectedComponents(region.astype(np.uint8))[1][region]
        else:
            numbers = instances[region]
        largest = max(largest, np.unique(numbers, return_counts=True)[1].max())
    return largest / labels.size
