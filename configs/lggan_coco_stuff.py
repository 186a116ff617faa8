"""LGGAN on COCO-Stuff at 256x256: the label-to-image recipe, as published for other data sets.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   published: class_features and local_l1 1, all as remembered; the release's (for Cityscapes and ADE20K):
          hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0, 0.9), xavier_0.02,
          base_filters 64, image_size, load_size, use_instances; the sister repository DAGAN's command:
          global_batch_size 32, steps (100 epochs: 50, and 50 of falling rates); the paper's own were not found; ours:
          mask_mode output, class_pool area, ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_coco_stuff.py \
              --workdir=runs/lggan_coco_stuff --config.data.dir=DIR
Hardware: 4 to 8 GPUs with 32 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="lggan"):
    config = base_config(method)
    config.data.name = "coco_stuff"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.data.use_instances = True
    config.train.global_batch_size = 32
    config.train.steps = 369_647  # 100 epochs of 118,287 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
