"""LGGAN++ on the embedded earth_tiles, by the recipe that learns fast.

Run:      python train_main.py --config=configs/lggan_plus_earth_tiles.py --workdir=runs/lggan_plus_earth_tiles
Hardware: as configs/lggan_earth_tiles.py.
Result:   not measured.
"""

from configs import lggan_earth_tiles


def get_config(variant=None):
    config = lggan_earth_tiles.get_config(variant)
    config.model.name = "lggan_plus"
    return config
