"""A student for phones on CamVid at 64x64, taught by a run of `ecgan_camvid_small`.

Run:      python train_main.py --config=configs/mobile_camvid.py --workdir=runs/mobile --config.data.dir=CAMVID \
              --config.loss.distill_from=runs/camvid
          where runs/camvid is a run of ecgan_camvid_small; without a teacher it learns from the photographs alone.
Hardware: one CPU thread is enough.
Result:   mIoU 0.45 where its teacher has 0.51 and photographs 0.51, fd_own 3.5 where its teacher has 4.3; one seed, by
          ecgan evaluate --model=runs/mobile --judge=judge.npz, and ecgan segmenter --config=ecgan_camvid_small \
              --config.data.dir=CAMVID --output=judge.npz --stride=1 --steps=2600 --config.train.seed=100
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, textured

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = student("folder", (64, 64), cells=8)
    config.train.steps = 1500
    return apply_variant(config, variant)


def student(data, image_size, cells):
    """The recipe that learns fast, with textures, for `MobileGenerator`; `cells` as in `textured`."""
    config = base_config("mobile")
    config.data.name = data
    config.data.image_size = image_size
    fast_recipe(config)
    textured(config, cells)
    config.model.base_filters = 16
    return config
