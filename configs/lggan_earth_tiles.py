"""A small LGGAN on the embedded earth_tiles, satellite photographs with land cover in 17 classes.

Run:      python train_main.py --config=configs/lggan_earth_tiles.py --workdir=runs/lggan_earth_tiles
Hardware: two CPU cores: 14 minutes while the machine also ran tests and other work, 480 CPU seconds (time).
Result:   colour error 10.7 of 255 and L1 0.133 over the 37 validation layouts
          (ecgan evaluate --model=runs/lggan_earth_tiles --output=E). Against the same photographs the
          global image alone has L1 0.136, the local one 0.148, their plain mean 0.133.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="lggan"):
    config = base_config(method)
    config.data.name = "earth_tiles"
    config.data.image_size = (64, 64)
    fast_recipe(config)
    config.model.head_initializer = "xavier_0.02"  # the release's: the class images start grey, not in random colours
    config.model.num_residual_blocks = 3  # of 9: the images are a quarter of the published ones
    config.model.local_kernel_size = 3  # of 7, for the same reason
    config.model.upsampler = "nearest_conv"  # transposed convolutions leave a grid in everything for thousands of steps
    config.loss.local_l1 = 10.0  # of 1, as the L1 of the images in the fast recipe
    config.train.steps = 600
    return apply_variant(config, variant)
