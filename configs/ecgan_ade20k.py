"""ECGAN on ADE20K at 256x256, the published setting.

Terms:    L, L_f, L_p (needs VGG-19), L_s (needs a label generator), L_c, L_pix.
Values:   published: steps (epochs: 100, and 100 of falling rates), final_weight 2, similarity and contrastive 1, all
          as remembered; the release's: hinge, feature_matching and perceptual 10, rates 1e-4 and 4e-4 with betas (0,
          0.9), xavier_0.02, base_filters 64, image_size, load_size; ours: global_batch_size 32 (theirs was not
          found), contrastive_temperature 0.1, contrastive_samples_per_class, and the rest of contrastive_*,
          class_pixel 1, ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/ecgan_ade20k.py --workdir=runs/ade20k --config.data.dir=DIR
Hardware: 8 GPUs with 32 GB, as the authors. On one GPU with 12, 24 or 32 GB train.accumulate 4, 2 or 2, with
          train.recompute=all 2, 1 or 1: predicted from a CPU, without VGG-19 and label generator, by python -m
          benchmarks.memory --configs=ecgan_ade20k --size=256,256 --classes=150. Less of all: ecgan_ade20k_small.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("ecgan")
    config.data.name = "ade20k"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.loss.contrastive_samples_per_class = 8
    config.train.global_batch_size = 32
    config.train.steps = 126_300  # 200 epochs of 20,210 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
