"""A student for phones on CamVid at 64x64, taught by a run of `ecgan_camvid_small`.

Run:      python train_main.py --config=configs/mobile_camvid.py --workdir=runs/mobile --config.data.dir=CAMVID \
              --config.loss.distill_from=runs/camvid
          where runs/camvid is a run of ecgan_camvid_small; without a teacher it learns from the photographs alone.
Hardware: one CPU thread is enough.
Result:   not measured.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, textured

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("mobile")
    config.data.name = "folder"
    config.data.image_size = (64, 64)
    fast_recipe(config)
    textured(config, cells=8)
    config.model.base_filters = 24
    config.train.steps = 1500
    return apply_variant(config, variant)
