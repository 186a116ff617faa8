"""Packs a data set into shards, from which training reads several times as fast as from photographs and label maps.

Example:
    ecgan convert-data --config=ecgan_coco_stuff --config.data.dir=COCO --output=COCO_256
    ecgan train --config=ecgan_coco_stuff --config.data.dir=COCO_256 --workdir=runs/coco

The shards give the same batches, bit for bit, so that a run may change over to them. They hold both splits at the
config's sizes, with edges and instance boundaries, and a checksum of each example; the data set itself is not read any
more. The same command goes on where it was killed, and makes anew what is missing or broken.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
OUTPUT = flags.DEFINE_string("output", None, "The folder of the shards.")
INTERRUPTED = "the shards that are finished stay; the same command goes on."


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(config=CONFIG.value, output=OUTPUT.value)
    config = cli.read_config(CONFIG)
    from pathlib import Path

    from ecgan_tf.data.keys import check_data
    from ecgan_tf.data.packing import pack
    from ecgan_tf.outputs import plan_folder

    wrong = list(check_data(config.data))
    if wrong:
        raise RequestError("; ".join(wrong))
    folder, shows = Path(plan_folder(OUTPUT.value)), {}

    def show(done, count, part):
        shows.setdefault(part, console.progress_bar(f"packing {part}"))(done, count)

    count, made, size = pack(config.data, folder, show)
    console.say(
        f"{count} shards of {size / 1e6:,.0f} MB, {made} of them made now; use them with --config.data.dir={folder}"
    )
