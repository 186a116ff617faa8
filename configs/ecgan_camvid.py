"""ECGAN on CamVid street scenes (11 classes, unknown), by the paper's recipe: losses, order and initialisation as
released, at a quarter of a Cityscapes image and with half the filters.

Terms:    L, L_f, L_p (needs VGG-19), L_s (needs a label generator), L_c, L_pix.
Values:   the recipe's: every value of the loss and the optimizer, as configs/ecgan_ade20k.py has them; ours: the
          data set, image_size, load_size, base_filters 32, global_batch_size, steps, log_every.
Run:      python train_main.py --config=configs/ecgan_camvid.py --workdir=runs/camvid --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one GPU. On two CPU cores 200 steps (--config.train.steps=200) show that it runs, not what it learns:
          configs/ecgan_camvid_small.py learns within minutes there.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="ecgan"):
    config = base_config(method)
    config.data.name = "folder"
    config.data.image_size = (96, 128)
    config.data.load_size = (108, 144)
    config.model.base_filters = 32
    config.discriminator.base_filters = 32
    config.train.global_batch_size = 4
    config.train.steps = 20_000
    config.train.log_every = 20
    return apply_variant(config, variant)
