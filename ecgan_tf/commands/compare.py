"""Measures several models alike, and shows them side by side.

Example:
    ecgan compare runs/spade runs/ecgan --judge=judge.npz --output=compared

Takes run folders and what was exported, measures all of them on the same layouts by the same judges, as `ecgan
evaluate` does, and writes index.html (a page that needs no other file), compare.json, table.csv, and figure.png and
figure.pdf: the same layouts by every model. The data set is that of --config, else the runs' own, which must be one.
Models of other sizes, classes or layouts are refused: their numbers would not compare.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
STEP = flags.DEFINE_string("step", None, "Which checkpoint of the runs: a step, best, or last, which is the default.")
JUDGE = flags.DEFINE_multi_string("judge", [], "A network that measures; may be repeated.")
SHOWN = flags.DEFINE_integer("shown", 5, "Layouts in the figure.", lower_bound=1)
OUTPUT = flags.DEFINE_string("output", None, "Folder for the numbers, the page and the figure.")


def main(argv):
    cli.need_flags(output=OUTPUT.value)
    console.quiet_tensorflow()
    from ecgan_tf.evaluation.compare import compare

    config = None if CONFIG.value is None else cli.read_config(CONFIG)
    compare(argv[1:], OUTPUT.value, config, STEP.value, JUDGE.value, SHOWN.value)
