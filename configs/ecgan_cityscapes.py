"""ECGAN on Cityscapes at 256x512, the published setting.

Terms:    L, L_f, L_p (needs VGG-19), L_s (needs a label generator), L_c, L_pix.
Values:   published: steps (epochs: 100, and 100 of falling rates), final_weight 2, similarity and contrastive 1, all
          as remembered; the release's: hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0,
          0.9), xavier_0.02, base_filters 64, image_size, upsampling, use_instances, global_batch_size 16 (its
          default); ours: contrastive_temperature 0.1, contrastive_samples_per_class, and the rest of contrastive_*,
          class_pixel 1, ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/ecgan_cityscapes.py --workdir=runs/cityscapes --config.data.dir=DIR
Hardware: 8 GPUs with 32 GB, as the authors. One GPU with 12 GB: configs/ecgan_cityscapes_small.py.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("ecgan")
    config.data.name = "cityscapes"
    config.data.image_size = (256, 512)
    config.data.use_instances = True
    config.model.upsampling = "more"
    config.loss.contrastive_samples_per_class = 32
    config.train.global_batch_size = 16
    config.train.steps = 37_200  # 200 epochs of 2,975 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
