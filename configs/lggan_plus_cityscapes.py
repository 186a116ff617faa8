"""LGGAN++ on Cityscapes at 256x512: semantic-aware upsampling after the encoder and in the decoders.

Run:      python train_main.py --config=configs/lggan_plus_cityscapes.py \
              --workdir=runs/lggan_plus_cityscapes --config.data.dir=DIR
Hardware: as configs/lggan_cityscapes.py.
Result:   not measured.
"""

from ecgan_tf.configs import lggan_cityscapes


def get_config(variant=None):
    return lggan_cityscapes.get_config(variant, method="lggan_plus")
