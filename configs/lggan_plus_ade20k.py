"""LGGAN++ on ADE20K at 256x256: semantic-aware upsampling after the encoder and in the decoders.

Run:      python train_main.py --config=configs/lggan_plus_ade20k.py \
              --workdir=runs/lggan_plus_ade20k --config.data.dir=DIR
Hardware: as configs/lggan_ade20k.py.
Result:   not measured.
"""

from ecgan_tf.configs import lggan_ade20k


def get_config(variant=None):
    return lggan_ade20k.get_config(variant, method="lggan_plus")
