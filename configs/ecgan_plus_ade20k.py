"""ECGAN++ on ADE20K at 256x256, the published setting.

Run:      python train_main.py --config=configs/ecgan_plus_ade20k.py \
              --workdir=runs/plus_ade20k --config.data.dir=DIR
Hardware: as configs/ecgan_ade20k.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_ade20k

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_ade20k.get_config(variant))
