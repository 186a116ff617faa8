"""OASIS on Cityscapes at 256x512: the paper's objective, without a perceptual loss and without instance maps.

Terms:    L, L_LM.
Values:   published: the terms (ICLR 2021), betas (0, 0.999), global_batch_size 20;
          the release's: label_mix 5, ema_decay 0.999, generator_lr 4e-4, image_size, xavier_0.02, base_filters 64,
          rates that do not fall, steps (200 epochs);
          ours: checkpoint_every, LabelMix by example, classes counted over all replicas, rows of the noise that
          start at an eighth of the others, batch statistics averaged as weights are, and class
          0, which is unlabeled, counts as any other.
Run:      python train_main.py --config=configs/oasis_cityscapes.py \
              --workdir=runs/oasis_cityscapes --config.data.dir=DIR
Hardware: 4 GPUs, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("oasis")
    config.data.name = "cityscapes"
    config.data.image_size = (256, 512)
    config.loss.label_mix = 5.0
    config.optimizer.generator_lr = 4e-4
    config.optimizer.ema_decay = 0.999
    config.train.global_batch_size = 20
    config.train.steps = 29_750  # 200 epochs of 2,975 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
