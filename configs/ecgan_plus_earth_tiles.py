"""ECGAN++ on the embedded earth_tiles, by the recipe that learns fast.

Run:      python train_main.py --config=configs/ecgan_plus_earth_tiles.py --workdir=runs/plus_earth_tiles
Hardware: as configs/ecgan_earth_tiles.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_earth_tiles

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_earth_tiles.get_config(variant))
