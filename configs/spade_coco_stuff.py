"""SPADE on COCO-Stuff at 256x256: the paper's objective on the schedule of configs/ecgan_coco_stuff.py.

Terms:    L, L_f, L_p (needs VGG-19).
Values:   published: the terms and their weights (CVPR 2019), rates 1e-4 and 4e-4; the release's: betas (0, 0.9),
          xavier_0.02, base_filters 64, image_size, load_size, use_instances; ours: global_batch_size 32 (theirs was
          not found), steps (the schedule of ECGAN's config), ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/spade_coco_stuff.py \
              --workdir=runs/spade_coco_stuff --config.data.dir=DIR
Hardware: 8 GPUs with 32 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("spade")
    config.data.name = "coco_stuff"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.data.use_instances = True
    config.train.global_batch_size = 32
    config.train.steps = 369_600  # 100 epochs of 118,287 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
