"""SPADE on CamVid street scenes, by the recipe of configs/ecgan_camvid.py, to be compared with it.

Run:      python train_main.py --config=configs/spade_camvid.py --workdir=runs/spade_camvid --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one GPU.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid


def get_config(variant=None):
    return ecgan_camvid.get_config(variant, method="spade")
