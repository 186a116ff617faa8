"""A student for phones on crops of the whole Earth at 128x128, taught by a run of `ecgan_earth`.

Run:      python train_main.py --config=configs/mobile_earth.py --workdir=runs/mobile_earth \
              --config.loss.distill_from=runs/earth
          where runs/earth is a run of ecgan_earth; without a teacher it learns from the photographs alone.
Hardware: two CPU cores.
Result:   not measured.
"""

from ecgan_tf.configs.mobile_camvid import student

from ecgan_tf.config import apply_variant


def get_config(variant=None):
    config = student("earth", (128, 128), cells=4)
    config.train.steps = 3000
    return apply_variant(config, variant)
