"""A smaller ECGAN on ADE20K at 256x256 for one GPU with 12 GB; not comparable with published figures.

Run:      python train_main.py --config=configs/ecgan_ade20k_small.py \
              --workdir=runs/ade20k_small --config.data.dir=DIR
Hardware: one GPU with 12 GB (memory not measured: no GPU was at hand).
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_ade20k

from ecgan_tf.config import apply_variant, make_small


def get_config(variant=None):
    return apply_variant(make_small(ecgan_ade20k.get_config()), variant)
