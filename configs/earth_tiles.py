"""Any method on the embedded earth_tiles at 64x64, by the recipe that learns fast: where a new method is tried first.

Run:      python train_main.py --config=configs/earth_tiles.py --workdir=runs/earth_tiles
          is SPADE; :METHOD is any of `ecgan_tf.METHODS`, and :METHOD_toy the same, tiny, for tests.
Hardware: two CPU cores.
Result:   not measured; the configs of single methods on these tiles say what theirs give.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    name = (variant or "spade").removesuffix("toy").removesuffix("_") or "spade"
    config = base_config(name)
    config.data.image_size = (64, 64)
    if "cross" in config.data.get("exemplars", "none"):
        config.data.load_size = (128, 128)  # room for two patches
    fast_recipe(config)
    config.train.steps = 600
    return apply_variant(config, "toy" if variant and variant.endswith("toy") else None)
