"""MSCA on CamVid street scenes, at the size of configs/ecgan_camvid.py.

Terms:    L, L_f, L_p (needs VGG-19), L_1, L_style.
Values:   published: the terms, as remembered; the weights were not found; SPADE's: feature_matching and perceptual
          10, rates 1e-4 and 4e-4 with betas (0, 0.9), base_filters 64; ours: exemplars and retrieved_share, style and
          reconstruction 1, initializer he, attention_sharpness 8, attention_slots, image_size, load_size,
          global_batch_size, steps, ema_decay, checkpoint_every, log_every.
Run:      python train_main.py --config=configs/msca_camvid.py --workdir=runs/msca_camvid --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one GPU.
Result:   not measured.
"""

from ecgan_tf.configs.msca_earth_tiles import follow_exemplars

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("msca")
    config.data.name = "folder"
    config.data.image_size = (96, 128)
    config.data.load_size = (180, 240)
    follow_exemplars(config)
    config.model.base_filters = 32
    config.discriminator.base_filters = 32
    config.train.global_batch_size = 8
    config.train.steps = 20_000
    config.train.log_every = 20
    return apply_variant(config, variant)
