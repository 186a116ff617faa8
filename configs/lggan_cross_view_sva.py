"""LGGAN's cross-view translation on SVA at 256x256, as published.

Terms:    L, L_p (needs VGG-19), L_1, L_local, L_tv.
Values:   the release's: image_size and load_size, no flip, initializer normal_0.02, update_order discriminator_first,
          gan_mode log, local_fusion sum, local_l1 and reconstruction 100, perceptual 10, total_variation 1e-6, no
          feature_matching, no class_features, generator_lr and discriminator_lr 2e-4, beta_1 0.5 and beta_2 0.999,
          global_batch_size 4, steps (20 epochs) and constant_fraction (10 of them); published: the
          46,030 pairs of SVA, as remembered; ours: ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_cross_view_sva.py \
              --workdir=runs/lggan_cross_view_sva --config.data.dir=DIR
          DIR holds train|test/ with the release's pictures, six panels side by side (ecgan_tf/data/panels.py).
          --config.data.direction=g2a translates the other way. For other photographs: configs/lggan_cross_view.py.
Hardware: one GPU with 11 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.configs.lggan_cross_view_dayton import released

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = released(base_config("lggan_cross_view"))
    config.train.steps = 230_150  # 20 epochs of 46,030 pairs
    config.optimizer.constant_fraction = 10 / 20
    return apply_variant(config, variant)
