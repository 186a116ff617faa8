"""A smaller ECGAN on Cityscapes at 256x512 for one GPU with 12 GB; not comparable with published figures.

Run:      python train_main.py --config=configs/ecgan_cityscapes_small.py \
              --workdir=runs/cityscapes_small --config.data.dir=DIR
Hardware: one GPU with 12 GB (memory not measured: no GPU was at hand).
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_cityscapes

from ecgan_tf.config import apply_variant, make_small


def get_config(variant=None):
    return apply_variant(make_small(ecgan_cityscapes.get_config()), variant)
