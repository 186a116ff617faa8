"""ECGAN++ on CamVid street scenes.

Run:      python train_main.py --config=configs/ecgan_plus_camvid.py --workdir=runs/plus_camvid --config.data.dir=CAMVID
Hardware: as configs/ecgan_camvid.py.
Result:   not measured.
"""

from configs import ecgan_camvid
from ecgan_tf.config import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_camvid.get_config(variant))
