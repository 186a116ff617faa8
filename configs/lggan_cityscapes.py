"""LGGAN on Cityscapes at 256x512, the published setting: 35 classes, each with a branch of its own.

Run:      python train_main.py --config=configs/lggan_cityscapes.py \
              --workdir=runs/lggan_cityscapes --config.data.dir=DIR
          For the release's weights add --config.model.mask_mode=input; README.md has the command.
Hardware: 8 GPUs, as the authors.
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config


def get_config(variant=None, method="lggan"):
    config = base_config(method)
    config.data.name = "cityscapes"
    config.data.image_size = (256, 512)
    config.data.use_instances = True
    config.model.upsampling = "more"
    config.train.global_batch_size = 8
    config.train.steps = 74_400  # 200 epochs of 2,975 photographs
    config.train.checkpoint_every = 2000
    return apply_variant(config, variant)
