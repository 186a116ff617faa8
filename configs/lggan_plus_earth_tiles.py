"""LGGAN++ on the embedded earth_tiles, by the recipe that learns fast.

Run:      python train_main.py --config=configs/lggan_plus_earth_tiles.py --workdir=runs/lggan_plus_earth_tiles
Hardware: as configs/lggan_earth_tiles.py.
Result:   not measured.
"""

from ecgan_tf.configs import lggan_earth_tiles


def get_config(variant=None):
    return lggan_earth_tiles.get_config(variant, method="lggan_plus")
