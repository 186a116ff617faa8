"""A small ECGAN on the embedded earth_tiles: the demo.

Run:      python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=runs/earth_tiles
"""

from configs.ecgan_camvid_small import fast_recipe
from ecgan_tf.config import base_config


def get_config():
    config = base_config()
    fast_recipe(config)
    config.data.name = "earth_tiles"
    config.data.image_size = (128, 128)
    return config
