"""LGGAN++ on CamVid street scenes: semantic-aware upsampling after the encoder and in the decoders.

Run:      python train_main.py --config=configs/lggan_plus_camvid.py \
              --workdir=runs/lggan_plus_camvid --config.data.dir=CAMVID
Hardware: as configs/lggan_camvid.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid


def get_config(variant=None):
    return ecgan_camvid.get_config(variant, method="lggan_plus")
