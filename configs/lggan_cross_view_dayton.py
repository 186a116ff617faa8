"""LGGAN's cross-view translation on Dayton at 256x256, aerial to ground, as published.

Terms:    L, L_p (needs VGG-19), L_1, L_local, L_tv.
Values:   the release's: image_size and load_size, no flip, initializer normal_0.02, update_order discriminator_first,
          gan_mode log, local_fusion sum, local_l1 and reconstruction 100, perceptual 10, total_variation 1e-6, no
          feature_matching, no class_features, generator_lr and discriminator_lr 2e-4, beta_1 0.5 and beta_2 0.999,
          global_batch_size 4, steps (35 epochs) and constant_fraction (20 of them); published: the
          55,000 pairs of Dayton, as remembered; ours: ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_cross_view_dayton.py \
              --workdir=runs/lggan_cross_view_dayton --config.data.dir=DIR
          DIR holds train|test/ with the release's pictures, six panels side by side (ecgan_tf/data/panels.py).
          --config.data.direction=g2a translates the other way. For other photographs: configs/lggan_cross_view.py.
Hardware: one GPU with 11 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = released(base_config("lggan_cross_view"))
    config.train.steps = 481_250  # 35 epochs of 55,000 pairs
    config.optimizer.constant_fraction = 20 / 35
    return apply_variant(config, variant)


def released(config):
    """The cross-view release's values, at 256x256 (options and train_*.sh of the release)."""
    config.model.initializer = "normal_0.02"
    config.data.name = "cross_view"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.data.flip = False
    config.loss.gan_mode = "log"
    config.loss.feature_matching = 0.0
    config.loss.class_features = 0.0
    config.loss.local_l1 = 100.0
    config.loss.reconstruction = 100.0
    config.loss.total_variation = 1e-6
    config.optimizer.generator_lr = config.optimizer.discriminator_lr = 2e-4
    config.optimizer.beta_1 = 0.5
    config.optimizer.beta_2 = 0.999
    config.train.global_batch_size = 4
    config.train.update_order = "discriminator_first"
    config.train.checkpoint_every = 2000
    return config
