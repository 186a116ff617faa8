"""A student for phones on CamVid at 64x64, taught by a run of `ecgan_camvid_small`.

Run:      python train_main.py --config=configs/ecgan_camvid_small.py --workdir=runs/camvid --config.data.dir=CAMVID
          python train_main.py --config=configs/ecgan_mobile_camvid.py --workdir=runs/mobile --config.data.dir=CAMVID \
              --config.loss.distill_from=runs/camvid
Hardware: one CPU thread is enough.
Result:   not measured.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, textured

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("mobile")
    config.data.name = "folder"
    config.data.image_size = (64, 64)
    taught(config)
    config.train.steps = 1500
    return apply_variant(config, variant)


def taught(config):
    """The recipe that learns fast, for a student: `textured` leaves its network's own noise and enlarging alone."""
    fast_recipe(config)
    textured(config)
    config.model.base_filters = 24
    return config
