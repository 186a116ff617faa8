"""ECGAN++ on CamVid street scenes.

Run:      python train_main.py --config=configs/ecgan_plus_camvid.py --workdir=runs/plus_camvid --config.data.dir=CAMVID
Hardware: as configs/ecgan_camvid.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_camvid.get_config(variant))
