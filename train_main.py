"""Trains or continues a run.

Example:
    python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=runs/earth_tiles
    python train_main.py --config=configs/ecgan_camvid.py --workdir=runs/camvid --config.data.dir=CAMVID

Every key of ecgan_tf/config.py is a flag: --config.train.steps=2000. The same command continues an interrupted run.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import commands

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "The run folder.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(config=CONFIG.value, workdir=WORKDIR.value)
    config = commands.read_config(CONFIG)

    from ecgan_tf.config import check_config

    check_config(config)

    from ecgan_tf.data import open_dataset

    train_data, validation_data = (open_dataset(config.data, split) for split in ("train", "validation"))
    for data in (train_data, validation_data):
        data.check(config.data.check_examples, commands.progress_bar(f"reading the {data.split} split"))

    commands.quiet_tensorflow()
    import keras

    from ecgan_tf.training.gan import GAN, generator_arguments, model_description
    from ecgan_tf.training.loop import train
    from ecgan_tf.training.run_folder import RunFolder, layouts_to_keep
    from ecgan_tf.training.strategy import check_batch, make_strategy

    strategy = make_strategy(config.train.devices)
    check_batch(config.train.global_batch_size, strategy)
    keras.utils.set_random_seed(config.train.seed)
    commands.say(
        f"{len(train_data)} photographs to train on, {len(validation_data)} to look at; "
        f"{strategy.num_replicas_in_sync} replica(s) on {', '.join(strategy.extended.worker_devices)}"
    )
    run = RunFolder(WORKDIR.value)
    layouts = layouts_to_keep(validation_data, 8), layouts_to_keep(train_data, 32)
    run.start(config, model_description(config, train_data), *layouts)
    with strategy.scope():
        gan = GAN(config, generator_arguments(config, train_data))
    train(gan, strategy, train_data, validation_data, run, config)


if __name__ == "__main__":
    commands.run(main, __doc__)
