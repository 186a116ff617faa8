"""A small SPADE on the embedded earth_tiles, by the recipe that learns fast, to be compared with ecgan_earth_tiles.

Run:      python train_main.py --config=configs/spade_earth_tiles.py --workdir=runs/spade_earth_tiles
Hardware: two CPU cores.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_earth_tiles


def get_config(variant=None):
    return ecgan_earth_tiles.get_config(variant, method="spade")
