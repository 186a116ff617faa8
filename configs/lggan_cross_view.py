"""LGGAN's cross-view translation, ground from aerial views or the other way round, at 256x256, as published.

Terms:    L, L_p (needs VGG-19), L_1, L_local, L_tv.
Values:   the release's: image_size and load_size, gan_mode log, local_classes and local_groups, local_fusion sum,
          local_l1 and reconstruction 100, perceptual 10, total_variation 1e-6, no feature_matching, no
          class_features, generator_lr and discriminator_lr 2e-4, beta_1 0.5 and beta_2 0.999, global_batch_size 4, no
          flip, initializer normal_0.02, update_order discriminator_first;
          ours: steps (30 epochs; theirs are 35 for Dayton), ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_cross_view.py --workdir=runs/cross_view --config.data.dir=DIR
          DIR holds train|val/{sources,images,labels} and classes.json: photographs of the given view in sources/, of
          the wanted view in images/ and its label maps in labels/, in the 19 classes of Cityscapes with unknown. The
          release's own pictures, six panels each: configs/lggan_cross_view_dayton.py, _dayton_64, _cvusa, _sva.
Hardware: one GPU.
Result:   not measured.
"""

from ecgan_tf.configs.lggan_cross_view_dayton import released

from ecgan_tf.config import apply_variant, base_config

# The release's six groups of Cityscapes' 19 training classes: vehicles; road, sidewalk, terrain; poles, signs, people;
# buildings, walls; sky; vegetation. Unknown has no branch.
GROUPS = (1, 1, 3, 3, 3, 2, 2, 2, 5, 1, 4, 2, 2, 0, 0, 0, 0, 0, 0, -1)


def get_config(variant=None):
    config = released(base_config("lggan_cross_view"))
    config.model.local_classes = "groups"
    config.model.local_groups = GROUPS
    config.data.name = "folder"
    config.train.steps = 412_500  # 30 epochs of 55,000 pairs (Dayton)
    return apply_variant(config, variant)
