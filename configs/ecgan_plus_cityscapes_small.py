"""ECGAN++ on Cityscapes at 256x512, smaller, for one GPU with 12 GB.

Run:      python train_main.py --config=configs/ecgan_plus_cityscapes_small.py \
              --workdir=runs/plus_cityscapes_small --config.data.dir=DIR
Hardware: as configs/ecgan_cityscapes_small.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_cityscapes_small

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_cityscapes_small.get_config(variant))
