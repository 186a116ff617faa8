"""ECGAN++ on COCO-Stuff at 256x256, smaller, for one GPU with 12 GB.

Run:      python train_main.py --config=configs/ecgan_plus_coco_stuff_small.py \
              --workdir=runs/plus_coco_stuff_small --config.data.dir=DIR
Hardware: as configs/ecgan_coco_stuff_small.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_coco_stuff_small

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_coco_stuff_small.get_config(variant))
