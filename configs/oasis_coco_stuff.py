"""OASIS on COCO-Stuff at 256x256: the paper's objective, without a perceptual loss and without instance maps.

Terms:    L, L_LM.
Values:   published: the terms and their weights (ICLR 2021), rates 1e-4 and 4e-4, betas (0, 0.999), ema_decay 0.9999,
          global_batch_size 32;
          the release's: image_size, load_size, xavier_0.02, base_filters 64, rates that do not fall, steps (100
          epochs);
          ours: checkpoint_every, LabelMix by example, classes counted over all replicas, rows of the noise that
          start at an eighth of the others, batch statistics averaged as weights are.
Run:      python train_main.py --config=configs/oasis_coco_stuff.py \
              --workdir=runs/oasis_coco_stuff --config.data.dir=DIR
Hardware: 4 GPUs, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None):
    config = base_config("oasis")
    config.data.name = "coco_stuff"
    config.data.image_size = (256, 256)
    config.data.load_size = (286, 286)
    config.train.global_batch_size = 32
    config.train.steps = 369_600  # 100 epochs of 118,287 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
