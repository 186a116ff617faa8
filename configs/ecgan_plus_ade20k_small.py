"""ECGAN++ on ADE20K at 256x256, smaller, for one GPU with 12 GB.

Run:      python train_main.py --config=configs/ecgan_plus_ade20k_small.py \
              --workdir=runs/plus_ade20k_small --config.data.dir=DIR
Hardware: as configs/ecgan_ade20k_small.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_ade20k_small

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_ade20k_small.get_config(variant))
