"""LGGAN on CamVid street scenes (11 classes, unknown), by the paper's recipe at half the filters.

Run:      python train_main.py --config=configs/lggan_camvid.py --workdir=runs/lggan_camvid --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one GPU.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid


def get_config(variant=None):
    return ecgan_camvid.get_config(variant, method="lggan")
