"""A student for phones on CamVid at 64x64, taught by a run of `ecgan_camvid_small`.

Run:      python train_main.py --config=configs/mobile_camvid.py --workdir=runs/mobile --config.data.dir=CAMVID \
              --config.loss.distill_from=runs/camvid --config.loss.segmenter=segmenter.npz
          where runs/camvid is a run of ecgan_camvid_small, and segmenter.npz is made by ecgan segmenter \
              --config=ecgan_camvid_small --config.data.dir=CAMVID --output=segmenter.npz --stride=1 \
              --config.train.seed=1; without a teacher it learns from the photographs alone.
Hardware: one CPU thread is enough: 800 CPU seconds (time).
Result:   mIoU 0.491 where its teacher has 0.509 and photographs 0.506, fd_own 3.5 where its teacher has 4.3; one seed,
          by ecgan evaluate --model=runs/mobile --judge=judge.npz, and ecgan segmenter --config=ecgan_camvid_small \
              --config.data.dir=CAMVID --output=judge.npz --stride=1 --steps=2600 --config.train.seed=100
          Without the segmenter 0.451 after 1500 steps, 0.466 after 4000.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, textured

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = student("folder", (64, 64), cells=8)
    config.train.steps = 3000
    return apply_variant(config, variant)


def student(data, image_size, cells):
    """The recipe that learns fast, with textures, for `MobileGenerator`; `cells` as in `textured`."""
    config = base_config("mobile")
    config.data.name = data
    config.data.image_size = image_size
    fast_recipe(config)
    textured(config, cells)
    config.model.base_filters = 16
    # What the teacher knows of classes does not come through its pictures and features alone.
    config.loss.similarity = 2.0
    config.loss.label_loss = "cross_entropy"
    return config
