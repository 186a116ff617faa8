"""A student for phones on crops of the whole Earth at 128x128, taught by a run of `ecgan_earth`.

Run:      python train_main.py --config=configs/mobile_earth.py --workdir=runs/mobile_earth \
              --config.loss.distill_from=runs/earth
          where runs/earth is a run of ecgan_earth; without a teacher it learns from the photographs alone.
Hardware: two CPU cores.
Result:   not measured.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, textured

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("mobile")
    config.data.name = "earth"
    config.data.image_size = (128, 128)
    fast_recipe(config)
    textured(config)
    config.model.base_filters = 24
    config.train.steps = 3000
    return apply_variant(config, variant)
