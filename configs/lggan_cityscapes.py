"""LGGAN on Cityscapes at 256x512, the published setting: 35 classes, each with a branch of its own.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   published: class_features and local_l1 1, all as remembered; the release's: steps (epochs: 100, and 100 of
          falling rates), hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0, 0.9),
          xavier_0.02, base_filters 64, image_size, upsampling, use_instances, global_batch_size 8; ours: mask_mode
          output, class_pool area, ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_cityscapes.py \
              --workdir=runs/lggan_cityscapes --config.data.dir=DIR
          For the release's weights add --config.model.mask_mode=input; README.md has the command.
Hardware: 8 GPUs, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="lggan"):
    config = base_config(method)
    config.data.name = "cityscapes"
    config.data.image_size = (256, 512)
    config.data.use_instances = True
    config.model.upsampling = "more"
    config.train.global_batch_size = 8
    config.train.steps = 74_400  # 200 epochs of 2,975 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
