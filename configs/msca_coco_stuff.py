"""MSCA on COCO-Stuff at 256x256; the numbers are those of the specification, since few of the paper's were found.

Terms:    L, L_f, L_p (needs VGG-19), L_1, L_style.
Values:   published: the terms, as remembered; the weights were not found; SPADE's: feature_matching and perceptual
          10, rates 1e-4 and 4e-4 with betas (0, 0.9), base_filters 64; ours: exemplars and retrieved_share, style and
          reconstruction 1, initializer he, attention_sharpness 8, attention_slots, image_size, load_size,
          global_batch_size, steps, ema_decay, checkpoint_every, log_every.
Run:      python train_main.py --config=configs/msca_coco_stuff.py --workdir=runs/msca_coco --config.data.dir=DIR
          DIR may hold a selection of the scenes: the paper trains on 34,698 of them, without indoor and object-centred
          photographs; its list was not found.
Hardware: 8 GPUs with 32 GB.
Result:   not measured.
"""

from ecgan_tf.configs.msca_earth_tiles import follow_exemplars

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("msca")
    config.data.name = "coco_stuff"
    config.data.image_size = (256, 256)
    config.data.load_size = (400, 533)  # short side in the middle of the specification's 288 to 512
    follow_exemplars(config)
    config.train.global_batch_size = 32
    config.train.steps = 43_400  # 40 epochs of 34,698 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
