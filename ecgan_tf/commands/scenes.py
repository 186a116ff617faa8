"""Lists the scenes of COCO-Stuff, which MSCA is trained on: no indoor and no object-centred photographs.

Example:
    ecgan scenes --config=msca_coco_stuff --output=scenes.json --config.data.dir=DIR
    ecgan train --config=msca_coco_stuff --workdir=runs/msca --config.data.dir=DIR --config.data.selection=scenes.json

A scene is a photograph of which classes of the outdoors cover at least 40%, and no thing covers 30% or more. All label
maps of both splits are read; the list may be published with what was trained on it.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
OUTPUT = flags.DEFINE_string("output", None, "The .json to write.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(config=CONFIG.value, output=OUTPUT.value)
    config = cli.read_config(CONFIG)
    from ecgan_tf.atomic_files import write_json
    from ecgan_tf.data.scenes import find_scenes
    from ecgan_tf.outputs import plan_file

    output, shows = plan_file(OUTPUT.value), {}

    def show(done, count, split):
        shows.setdefault(split, console.progress_bar(f"reading the {split} split"))(done, count)

    scenes = find_scenes(config.data, show)
    write_json(output, scenes)
    counts = ", ".join(f"{len(names)} of {split}" for split, names in scenes.items())
    console.say(f"{counts}; use them with --config.data.selection={output}")
