"""LGGAN on ADE20K at 256x256, with a branch for each of the 150 classes and one for unknown.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   published: class_features and local_l1 1, all as remembered; the release's: steps (epochs: 100, and 100 of
          falling rates), hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0, 0.9),
          xavier_0.02, base_filters 64, image_size, load_size, global_batch_size 24; ours: mask_mode output,
          class_pool area, ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/lggan_ade20k.py --workdir=runs/lggan_ade20k --config.data.dir=DIR
          --config.model.local_classes=top_k gives the 51 most frequent classes a branch each and the others one, which
          is near the release, which takes the first 51; for its weights see README.md.
Hardware: 8 GPUs, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="lggan"):
    config = base_config(method)
    config.data.name = "ade20k"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.train.global_batch_size = 24
    config.train.steps = 168_400  # 200 epochs of 20,210 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
