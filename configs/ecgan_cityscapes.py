"""ECGAN on Cityscapes at 256x512, the published setting.

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
