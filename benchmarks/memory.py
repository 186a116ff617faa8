"""How much memory a training step takes, by config and batch: measured, and predicted for larger batches and cards.

Example:
    python -m benchmarks.memory --configs=ecgan_ade20k --size=256,256 --classes=150 --batches=1,2,4 --recompute=,all
    python -m benchmarks.memory --configs=ecgan_camvid_small --size=64,64 --filters=16 --classes=12 --batches=4,8,16

Each batch has a process of its own, which takes two steps on this machine's CPU, reading layouts cell by cell as GPUs
do; the peak is that of the process. From the two smallest batches a line is drawn: what it says of the others is the
prediction, beside which those are measured, and so are the batches that fit into cards of 12, 24 and 32 GB, of which
nothing was measured on a card. Terms whose network needs a file are left out. Prints a Markdown table.
"""

import itertools
import tempfile
from pathlib import Path

import numpy as np
from absl import flags

from benchmarks.revisions import ROOT
from benchmarks.worker import Worker
from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError

CONFIGS = flags.DEFINE_list("configs", ["ecgan_ade20k"], "Experiments that ship with the package.")
SIZE = flags.DEFINE_list("size", ["256", "256"], "Height and width.")
CLASSES = flags.DEFINE_integer("classes", 150, "Classes, unknown not counted.", lower_bound=1)
FILTERS = flags.DEFINE_integer("filters", 64, "Base filters of generator and discriminator.", lower_bound=1)
BATCHES = flags.DEFINE_list("batches", ["1", "2", "4"], "Examples of a step, two or more numbers, smallest first.")
RECOMPUTE = flags.DEFINE_list("recompute", ["", "all"], "Values of config.train.recompute.")
CARDS = flags.DEFINE_list("cards", ["12", "24", "32"], "GB of cards for which the largest batch is predicted.")
HEADER = "| config | recompute | batch | peak GB | predicted | off | CPU seconds a step |"


def main(argv):
    cli.no_arguments(argv)
    batches = sorted({int(each) for each in BATCHES.value})
    if len(batches) < 2 or batches[0] < 1:
        raise RequestError(f"--batches={','.join(BATCHES.value)}: give two or more numbers from 1 on.")
    console.say(f"{HEADER}\n|{'---|' * 7}")
    lines = []
    with tempfile.TemporaryDirectory() as scratch:
        for config, recompute in itertools.product(CONFIGS.value, dict.fromkeys(RECOMPUTE.value or [""])):
            peaks = {}
            for batch in batches:
                peaks[batch], seconds = measure(config, recompute, batch, Path(scratch))
                predicted = line_through(peaks)(batch) if len(peaks) > 2 else None
                off = f"{predicted:.2f} | {predicted / peaks[batch] - 1:+.0%}" if predicted else "| "
                console.say(f"| {config} | {recompute} | {batch} | {peaks[batch]:.2f} | {off} | {seconds:.1f} |")
            fits = ", ".join(f"{card} GB: {largest(peaks, float(card))}" for card in CARDS.value)
            lines.append(f"{config}, recompute {recompute or 'nothing'}: predicted batches for cards of {fits}")
    for line in lines:
        console.say(line)


def measure(config, recompute, batch, scratch):
    """The peak of a process that takes two steps, in GB, and the CPU seconds of the second one."""
    size = tuple(map(int, SIZE.value))
    layouts = scratch / "layouts.npz"
    np.savez(layouts, labels=np.random.default_rng(0).integers(0, CLASSES.value, (batch, *size)).astype(np.int32))
    case = {
        "work": "step", "config": config, "size": size, "classes": CLASSES.value, "filters": FILTERS.value,
        "form": "cells", "threads": 1, "layouts": str(layouts), "result": str(scratch / "first.npz"), "batch": batch,
        "keys": {"train.recompute": recompute},
    }  # fmt: skip
    with Worker(ROOT, case) as worker:
        answer = worker.call()
    return answer["peak_gb"], answer["seconds"]


def line_through(peaks):
    """The line through the first two of the peaks, a function of the batch."""
    (first, low), (second, high) = list(peaks.items())[:2]
    slope = (high - low) / (second - first)
    return lambda batch: low + slope * (batch - first)


def largest(peaks, card):
    """The largest batch that the line predicts to fit into a card, or "none"."""
    line = line_through(peaks)
    fitting = [batch for batch in range(1, 1025) if line(batch) <= card]
    return max(fitting) if fitting else "none"


if __name__ == "__main__":
    cli.run(main, __doc__)
