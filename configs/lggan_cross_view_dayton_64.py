"""LGGAN's cross-view translation on Dayton at 64x64, as published.

Terms:    L, L_p (needs VGG-19), L_1, L_local, L_tv.
Values:   the release's: image_size and load_size, no flip, initializer normal_0.02, update_order discriminator_first,
          gan_mode log, local_fusion sum, local_l1 and reconstruction 100, perceptual 10, total_variation 1e-6, no
          feature_matching, no class_features, generator_lr and discriminator_lr 2e-4, beta_1 0.5 and beta_2 0.999,
          global_batch_size 16, steps (100 epochs) and constant_fraction (50 of them); published: the
          55,000 pairs of Dayton, as remembered; ours: ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_cross_view_dayton_64.py \
              --workdir=runs/lggan_cross_view_dayton_64 --config.data.dir=DIR
          DIR holds train|test/ with the release's pictures, six panels side by side (ecgan_tf/data/panels.py).
          --config.data.direction=g2a translates the other way. For other photographs: configs/lggan_cross_view.py.
Hardware: one GPU with 11 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.configs.lggan_cross_view_dayton import released

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = released(base_config("lggan_cross_view"))
    config.data.image_size = (64, 64)
    config.data.load_size = (72, 72)
    config.train.global_batch_size = 16
    config.train.steps = 343_750  # 100 epochs of 55,000 pairs
    config.optimizer.constant_fraction = 50 / 100
    return apply_variant(config, variant)
