"""A small ECGAN on the embedded earth_tiles, satellite photographs with land cover in 17 classes: `make demo`.

Run:      python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=runs/earth_tiles
Hardware: two CPU cores.
Result:   RESULT
"""

from configs.ecgan_camvid_small import fast_recipe
from ecgan_tf.config import base_config, shrink_to_toy


def get_config(variant=None):
    config = base_config()
    config.data.name = "earth_tiles"
    config.data.image_size = (128, 128)
    fast_recipe(config)
    config.train.steps = 300
    if variant == "toy":
        shrink_to_toy(config)
    return config
