"""Trains or continues a run.

Example:
    python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=runs/earth_tiles
    ecgan train --config=ecgan_camvid --workdir=runs/camvid --config.data.dir=CAMVID

--config is a file, or the name of one that ships with the package (`ecgan configs`). Every key is a flag:
--config.train.steps=2000; `ecgan keys METHOD` lists them.

The same command continues an interrupted run; SIGTERM and Ctrl-C save before they end it. --rollback_to=STEP takes a
run back to one of its checkpoints, from where other learning rates may be given. A run is made longer by a larger
--config.train.steps, with --config.train.extend to say what its rate does; --config.train.init_from=RUN starts
a new one from another one's weights. --dry_run says what a run would be, with its memory, and writes nothing.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "The run folder.")
ROLLBACK_TO = flags.DEFINE_integer("rollback_to", None, "Step of a checkpoint to go back to; rates may change then.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Checks data, networks, terms and schedule, says them, and ends.")
INTERRUPTED = "nothing was saved since the last checkpoint; the same command goes on from it."


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(config=CONFIG.value, workdir=WORKDIR.value)
    config = cli.read_config(CONFIG)
    console.quiet_tensorflow()
    from ecgan_tf.training.train import train

    train(config, WORKDIR.value, ROLLBACK_TO.value, DRY_RUN.value)
