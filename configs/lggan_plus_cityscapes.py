"""LGGAN++ on Cityscapes at 256x512: semantic-aware upsampling after the encoder and in the decoders.

Terms:    L, L_f, L_p (needs VGG-19), L_class, L_local.
Values:   published: class_features and local_l1 1, all as remembered; the release's: steps (epochs: 100, and 100 of
          falling rates), hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0, 0.9),
          xavier_0.02, base_filters 64, image_size, upsampling, use_instances, global_batch_size 8; ours: mask_mode
          output, class_pool area, ema_decay 0.999, checkpoint_every, sau_place and sau_patch (the paper's were not
          found).
Run:      python train_main.py --config=configs/lggan_plus_cityscapes.py \
              --workdir=runs/lggan_plus_cityscapes --config.data.dir=DIR
Hardware: as configs/lggan_cityscapes.py.
Result:   not measured.
"""

from ecgan_tf.configs import lggan_cityscapes


def get_config(variant=None):
    return lggan_cityscapes.get_config(variant, method="lggan_plus")
