"""A smaller ECGAN on COCO-Stuff at 256x256 for one GPU with 12 GB; not comparable with published figures.

Run:      python train_main.py --config=configs/ecgan_coco_stuff_small.py \
              --workdir=runs/coco_stuff_small --config.data.dir=DIR
Hardware: one GPU with 12 GB (memory not measured: no GPU was at hand).
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_coco_stuff

from ecgan_tf.config import apply_variant, make_small


def get_config(variant=None):
    return apply_variant(make_small(ecgan_coco_stuff.get_config()), variant)
