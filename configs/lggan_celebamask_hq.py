"""LGGAN on CelebAMask-HQ at 256x256: the label-to-image recipe, as published for other data sets.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   published: class_features and local_l1 1, all as remembered; the release's (for Cityscapes and ADE20K):
          hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0, 0.9), xavier_0.02,
          base_filters 64; the sister repository DAGAN's command: global_batch_size 16, steps (100 epochs: 50, and 50
          of falling rates, of 24,000 training photographs, as remembered); the paper's own were not found; ours:
          image_size and load_size (those of ADE20K), mask_mode output, class_pool area, ema_decay 0.999,
          checkpoint_every.
Run:      python train_main.py --config=configs/lggan_celebamask_hq.py \
              --workdir=runs/lggan_celebamask_hq --config.data.dir=DIR
          DIR holds train|val/{images,labels} and classes.json with CelebAMask-HQ's 19 labels.
Hardware: 4 to 8 GPUs with 32 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="lggan"):
    config = base_config(method)
    config.data.name = "folder"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.train.global_batch_size = 16
    config.train.steps = 150_000  # 100 epochs of 24,000 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
