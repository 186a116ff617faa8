"""Trains the papers' ablations B1 to B7 on the embedded tiles, measures them alike, and writes the table.

Example:
    ecgan ablations --workdir=runs/ablations
    ecgan ablations --workdir=runs/quick --variants=B1_toy,B6_toy --segmenter_steps=20

Each variant is a run of its name in --workdir; the same command goes on where it was interrupted. The label generator
of the similarity loss and the judge, a segmenter of another seed, are trained first where they are not given. The
table, the page and the figure of `ecgan compare` are in compared/.
"""

from absl import flags

from ecgan_tf import cli, console

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the runs and of what they are compared by.")
VARIANTS = flags.DEFINE_list("variants", None, "Which of ablations_earth_tiles; default: B1 to B7.")
STEPS = flags.DEFINE_integer("steps", None, "Training steps of each; default: the config's.", lower_bound=1)
SEGMENTER = flags.DEFINE_string("segmenter", None, "The label generator of B5 to B7; default: one is trained.")
JUDGE = flags.DEFINE_string("judge", None, "The network that measures; default: one is trained.")
SEGMENTER_STEPS = flags.DEFINE_integer("segmenter_steps", 1000, "Steps of those that are trained.", lower_bound=1)
INTERRUPTED = "what was trained is kept; the same command goes on from it."


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(workdir=WORKDIR.value)
    console.quiet_tensorflow()
    from ecgan_tf.training.ablations import ABLATIONS, ablations

    overrides = {} if STEPS.value is None else {"train.steps": STEPS.value}
    variants = VARIANTS.value or ABLATIONS
    ablations(
        WORKDIR.value,
        variants,
        segmenter=SEGMENTER.value,
        judge=JUDGE.value,
        segmenter_steps=SEGMENTER_STEPS.value,
        **overrides,
    )
