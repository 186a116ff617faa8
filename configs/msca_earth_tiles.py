"""A small MSCA on the embedded earth_tiles: 64x64 patches of 128x128 photographs, by the recipe that learns fast.

Run:      python train_main.py --config=configs/msca_earth_tiles.py --workdir=runs/msca_earth_tiles
Hardware: two CPU cores.
Result:   not measured.
"""

from configs.ecgan_camvid_small import fast_recipe
from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config()
    config.data.name = "earth_tiles"
    config.data.image_size = (64, 64)
    config.data.load_size = (128, 128)
    paint_after_exemplars(config)
    fast_recipe(config)
    config.model.attention_slots = (16, 32, 32, 32, 32)
    config.train.global_batch_size = 8
    config.train.steps = 600
    # A short run sees few exemplars from elsewhere: more of them, and a stronger word for their colours.
    config.data.retrieved_share = 0.25
    config.loss.style = 5.0
    return apply_variant(config, variant)


def paint_after_exemplars(config):
    """MSCA's objective and data: pairs of patches, and none of the terms that are ECGAN's own."""
    config.model.name = "msca"
    config.data.exemplars = "cross+self"
    config.loss.style = 1.0
    config.loss.reconstruction = 1.0
    config.loss.similarity = config.loss.contrastive = config.loss.class_pixel = 0.0
    config.data.edge_source = "none"  # no Canny for an edge that nobody learns
    # Scores of either attention start with a deviation of 0.2 to 0.5 over slots or positions (measured on earth_tiles
    # with "he"): next to uniform, and so they stay for hundreds of steps. ECGAN's initialiser makes them smaller yet.
    config.model.initializer = "he"
    config.model.attention_sharpness = 8.0
