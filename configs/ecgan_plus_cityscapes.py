"""ECGAN++ on Cityscapes at 256x512, the published setting.

Terms:    L, L_f, L_p (needs VGG-19), L_s (needs a label generator), L_c, L_pix.
Values:   published: steps (epochs: 100, and 100 of falling rates), final_weight 2, similarity and contrastive 1, all
          as remembered; the release's: hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0,
          0.9), xavier_0.02, base_filters 64, image_size, upsampling, use_instances, global_batch_size 16 (its
          default); ours: contrastive_temperature 0.1, contrastive_samples_per_class, and the rest of contrastive_*,
          class_pixel 1, ema_decay 0.999, checkpoint_every, ms_scales 3 with its weights and pairs (the paper's were
          not found).
Run:      python train_main.py --config=configs/ecgan_plus_cityscapes.py \
              --workdir=runs/plus_cityscapes --config.data.dir=DIR
Hardware: as configs/ecgan_cityscapes.py.
Result:   not measured.
"""

from ecgan_tf.configs import ecgan_cityscapes

from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    return use_multi_scale_contrast(ecgan_cityscapes.get_config(variant))
