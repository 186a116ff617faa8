"""ECGAN++ on COCO-Stuff at 256x256, the published setting.

Run:      python train_main.py --config=configs/ecgan_plus_coco_stuff.py \
              --workdir=runs/plus_coco_stuff --config.data.dir=DIR
Hardware: as configs/ecgan_coco_stuff.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_coco_stuff

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_coco_stuff.get_config(variant))
