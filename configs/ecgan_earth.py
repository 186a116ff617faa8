"""ECGAN on crops of the whole Earth at 128x128: the model in the box, `--model=earth`.

Run:      python train_main.py --config=configs/ecgan_earth.py --workdir=runs/earth
Hardware: two CPU cores in the background.
Result:   not measured.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, textured

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    """The recipe of `ecgan_earth_tiles`, for a longer run on ground without end."""
    config = base_config("ecgan")
    config.data.name = "earth"
    config.data.image_size = (128, 128)
    fast_recipe(config)
    textured(config)
    config.model.base_filters = 24
    config.model.widest = 4  # the coarse half of the trunk holds most of the weights: float16 files of 3 MB
    config.discriminator.base_filters = 24
    # Rates of the fast recipe for hundreds of steps are too high for thousands.
    config.optimizer.generator_lr = 4e-4
    config.optimizer.discriminator_lr = 4e-4
    config.train.steps = 2400
    config.train.checkpoint_every = 250
    config.train.log_every = 50
    config.train.seed = 16
    return apply_variant(config, variant)
