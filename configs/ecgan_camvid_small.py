"""A small ECGAN on CamVid at 64x64, by the recipe that learns fast."""

from ecgan_tf.config import base_config


def get_config():
    config = base_config()
    fast_recipe(config)
    config.data.name = "folder"
    config.data.image_size = (64, 64)
    return config


def fast_recipe(config):
    config.model.base_filters = 16
    config.discriminator.base_filters = 16
    config.model.spade_hidden_filters = 32
    config.train.global_batch_size = 4
    config.train.update_order = "simultaneous"
    config.loss.perceptual = 0.0
    config.loss.reconstruction = 10.0
    config.model.initializer = config.model.head_initializer = "he"
    config.loss.contrastive_warmup_steps = 200
