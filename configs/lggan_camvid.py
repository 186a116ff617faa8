"""LGGAN on CamVid street scenes (11 classes, unknown), by the paper's recipe at half the filters.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   the recipe's: every value of the loss and the optimizer, as configs/lggan_ade20k.py has them; ours: the
          data set, image_size, load_size, base_filters 32, global_batch_size, steps, log_every.
Run:      python train_main.py --config=configs/lggan_camvid.py --workdir=runs/lggan_camvid --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one GPU.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_camvid


def get_config(variant=None):
    return ecgan_camvid.get_config(variant, method="lggan")
