"""A small SPADE on CamVid at 64x64, by the recipe that learns fast, to be compared with configs/ecgan_camvid_small.py.

Run:      python train_main.py --config=configs/spade_camvid_small.py --workdir=runs/spade_camvid_small \
              --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one CPU thread is enough.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid_small


def get_config(variant=None):
    return ecgan_camvid_small.get_config(variant, method="spade")
