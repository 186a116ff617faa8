"""ECGAN++ on Cityscapes at 256x512, the published setting.

Run:      python train_main.py --config=configs/ecgan_plus_cityscapes.py \
              --workdir=runs/plus_cityscapes --config.data.dir=DIR
Hardware: as configs/ecgan_cityscapes.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_cityscapes

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_cityscapes.get_config(variant))
