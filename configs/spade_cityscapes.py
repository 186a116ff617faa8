"""SPADE on Cityscapes at 256x512: the paper's objective on the schedule of configs/ecgan_cityscapes.py.

Terms:    L, L_f, L_p (needs VGG-19).
Values:   published: the terms and their weights (CVPR 2019), rates 1e-4 and 4e-4; the release's: betas (0, 0.9),
          xavier_0.02, base_filters 64, image_size, upsampling, use_instances, global_batch_size 16 (its default);
          ours: steps (the schedule of ECGAN's config), ema_decay 0.999, checkpoint_every.
Run:      python train_main.py --config=configs/spade_cityscapes.py \
              --workdir=runs/spade_cityscapes --config.data.dir=DIR
Hardware: 8 GPUs with 32 GB, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("spade")
    config.data.name = "cityscapes"
    config.data.image_size = (256, 512)
    config.data.use_instances = True
    config.model.upsampling = "more"
    config.train.global_batch_size = 16
    config.train.steps = 37_200  # 200 epochs of 2,975 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
