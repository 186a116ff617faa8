"""Trains or continues a run.

Example:
    python train_main.py --config=configs/ecgan_earth_tiles.py --workdir=runs/earth_tiles
    ecgan train --config=ecgan_camvid --workdir=runs/camvid --config.data.dir=CAMVID

--config is a file, or the name of one that ships with the package (`ecgan configs`). Every key is a flag:
--config.train.steps=2000; `ecgan keys METHOD` lists them.

The same command continues an interrupted run, and so does --workdir=RUN alone, by the config that the run keeps;
SIGTERM and Ctrl-C save before they end it. --rollback_to=STEP takes a run back to one of its checkpoints, from where
other learning rates may be given. A run is made longer by a larger --config.train.steps, with --config.train.extend to
say what its rate does; --config.train.init_from=RUN starts a new one from another one's weights. --dry_run says what a
run would be, with its memory, and writes nothing.
"""

import os

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console
from ecgan_tf.outputs import expand

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
WORKDIR = flags.DEFINE_string("workdir", None, "The run folder.")
ROLLBACK_TO = flags.DEFINE_integer("rollback_to", None, "Step of a checkpoint to go back to; rates may change then.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "Checks data, networks, terms and schedule, says them, and ends.")
TASK = flags.DEFINE_integer(
    "task", None, "Which worker of --config.train.cluster=HOST:PORT,HOST:PORT this process is, 0 the chief."
)
PROFILE_STEPS = flags.DEFINE_list(
    "profile_steps", None, "First and last step of a TensorFlow profile, as 10,12; TensorBoard's profile tab reads it."
)
INTERRUPTED = "nothing was saved since the last checkpoint; the same command goes on from it."


def main(argv):
    cli.no_arguments(argv)
    keeps_one = WORKDIR.value is not None and os.path.isfile(os.path.join(expand(WORKDIR.value), "config.json"))
    cli.need_flags(config=CONFIG.value or (keeps_one or None), workdir=WORKDIR.value)
    console.quiet_tensorflow()
    from ecgan_tf.runs.folder import stored_config
    from ecgan_tf.training.train import train

    config = stored_config(WORKDIR.value) if CONFIG.value is None else cli.read_config(CONFIG)

    train(config, WORKDIR.value, ROLLBACK_TO.value, DRY_RUN.value, TASK.value, PROFILE_STEPS.value)
