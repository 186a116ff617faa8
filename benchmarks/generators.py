"""What a picture and a training step cost, by model, size, number of classes, form and threads, side by side.

Example:
    python -m benchmarks.generators --configs=ecgan_ade20k --size=256,256 --classes=150 --labels=DIR --revision=319713d
    python -m benchmarks.generators --configs=ecgan_camvid --size=192,256 --classes=11 --work=step --output=DIR

Every side has a process of its own, and all are called in turn, so that ratios are fair where a machine's speed drifts:
this tree reading layouts cell by cell ("dense") and by neighbourhoods, and the --revision. Weights are random, of
inference folded; steps have all terms of the config whose networks need no file. --labels is a folder of label PNGs, of
which `--layouts` are taken, evenly spread; values above the number of classes are unknown. Without it, layouts are
made up: --pattern=noise, patches (of 2x2 cells) or one (class). Prints a Markdown table; --output keeps it, and a plot
of the seconds over the number of classes and over the picture's area.
"""

import contextlib
import itertools
import os
import statistics
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import flags

from benchmarks.revisions import ROOT, commit_of, extract
from benchmarks.worker import Worker
from ecgan_tf import cli, console
from ecgan_tf.atomic_files import write_text

CONFIGS = flags.DEFINE_list("configs", ["ecgan_ade20k"], "Experiments that ship with the package.")
SIZES = flags.DEFINE_multi_string("size", ["256,256"], "Height and width; several for a curve over the area.")
CLASSES = flags.DEFINE_list("classes", ["150"], "Numbers of classes, unknown not counted.")
FILTERS = flags.DEFINE_integer("filters", 64, "Base filters of generator and discriminator.", lower_bound=1)
FORMS = flags.DEFINE_list("forms", ["dense", "neighbourhoods"], "Of this tree.")
WORK = flags.DEFINE_list("work", ["picture"], "picture, step or both.")
THREADS = flags.DEFINE_list("threads", ["1"], "Numbers of threads.")
LABELS = flags.DEFINE_string("labels", None, "A folder of label PNGs.")
PATTERN = flags.DEFINE_enum("pattern", "patches", ["noise", "patches", "one"], "Of layouts that are made up.")
LAYOUTS = flags.DEFINE_integer("layouts", 4, "How many.", lower_bound=1)
REVISION = flags.DEFINE_string("revision", None, "What else to time, a name that git knows.")
ROUNDS = flags.DEFINE_integer("rounds", 8, "Calls of each side.", lower_bound=1)
OUTPUT = flags.DEFINE_string("output", None, "Folder for the table and the plot.")
HEADER = "| work | config | size | classes | threads | side | CPU seconds | first / this | peak GB | difference |"
FORM_NAMES = {"dense": "cells", "neighbourhoods": "neighbourhoods"}


class Row(NamedTuple):
    """One side of one case: median CPU seconds, the first side's over it, peak memory, largest difference to it."""

    work: str
    config: str
    size: tuple
    classes: int
    threads: int
    side: str
    seconds: float
    ratio: float
    peak_gb: float
    difference: float


def main(argv):
    cli.no_arguments(argv)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        scratch, sides = Path(scratch), [(form, ROOT) for form in FORMS.value]
        if REVISION.value:
            commit = commit_of(REVISION.value)
            sides.insert(0, (commit[:7], extract(commit, scratch / "tree")))
        sizes = [tuple(map(int, size.split(","))) for size in SIZES.value]
        console.say(f"{HEADER}\n|{'---|' * 10}")
        for work, config, size, classes, threads in itertools.product(
            WORK.value, CONFIGS.value, sizes, CLASSES.value, THREADS.value
        ):
            case = {"work": work, "config": config, "size": size, "classes": int(classes), "threads": int(threads)}
            rows += measure(case, sides, scratch)
    if OUTPUT.value:
        os.makedirs(OUTPUT.value, exist_ok=True)
        write_text(os.path.join(OUTPUT.value, "generators.md"), table_of(rows))
        draw(rows, os.path.join(OUTPUT.value, "generators.svg"))


def measure(case, sides, scratch):
    """The rows of one case, of all sides; printed as well."""
    layouts = scratch / "layouts.npz"
    np.savez(layouts, labels=read_labels(case["size"], case["classes"]))
    case = {**case, "filters": FILTERS.value, "layouts": str(layouts)}
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, tree in sides:
            form = name if case["work"] == "picture" else FORM_NAMES.get(name)
            result = str(scratch / f"{name}.npz")
            workers[name] = stack.enter_context(Worker(tree, {**case, "form": form, "result": result}))
        answers = {name: [] for name in workers}
        for _ in range(ROUNDS.value):
            for name, worker in workers.items():
                answers[name].append(worker.call())
    seconds = {name: statistics.median(each["seconds"] for each in answers[name]) for name in workers}
    first, rows = sides[0][0], []
    reference = dict(np.load(scratch / f"{first}.npz"))
    for name in workers:
        result = np.load(scratch / f"{name}.npz")
        shared = [key for key in reference if key in result]
        difference = max(float(np.abs(result[key] - reference[key]).max()) for key in shared)
        peak = max(each["peak_gb"] for each in answers[name])
        facts = (case["work"], case["config"], case["size"], case["classes"], case["threads"], name)
        rows.append(Row(*facts, seconds[name], seconds[first] / seconds[name], peak, difference))
        console.say(line_of(rows[-1]))
    return rows


def read_labels(size, classes):
    """Layouts of --labels, or made up: int32 (layouts, height, width), ids 0..classes."""
    if LABELS.value:
        from ecgan_tf.data.images import read_label_file
        from ecgan_tf.data.label_maps import list_label_maps, resize_labels

        files = list_label_maps(LABELS.value)
        chosen = [files[i] for i in np.unique(np.linspace(0, len(files) - 1, LAYOUTS.value).round().astype(int))]
        maps = [resize_labels(read_label_file(path), size) for path in chosen]
        return np.minimum(np.stack(maps), classes).astype(np.int32)
    rng = np.random.default_rng(0)
    if PATTERN.value == "one":
        return np.zeros((LAYOUTS.value, *size), np.int32)
    patch = {"noise": 1, "patches": 2}[PATTERN.value]
    shape = (LAYOUTS.value, size[0] // patch, size[1] // patch)
    return rng.integers(0, classes + 1, shape).repeat(patch, 1).repeat(patch, 2).astype(np.int32)


def line_of(row):
    facts = f"| {row.work} | {row.config} | {row.size[0]}x{row.size[1]} | {row.classes} | {row.threads} | {row.side} "
    return f"{facts}| {row.seconds:.3f} | {row.ratio:.2f} | {row.peak_gb:.2f} | {row.difference:.1e} |"


def table_of(rows):
    return "\n".join([HEADER, "|" + "---|" * 10, *map(line_of, rows), ""])


def draw(rows, path):
    """CPU seconds of each side over the number of classes and over the picture's area, by what varies."""
    import matplotlib

    matplotlib.use("Agg")  # no screen is asked for
    from matplotlib.figure import Figure

    axes_of = {
        "classes": lambda row: row.classes,
        "area in pixels": lambda row: row.size[0] * row.size[1],
    }
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axes, (name, x_of) in zip(figure.subplots(1, 2), axes_of.items()):
        lines = {}
        for row in rows:
            others = [other(row) for key, other in axes_of.items() if key != name]
            lines.setdefault((row.work, row.config, row.threads, row.side, *others), []).append(
                (x_of(row), row.seconds)
            )
        for key, points in lines.items():
            if len(points) > 1:
                axes.plot(*zip(*sorted(points)), marker="o", label=" ".join(map(str, key)))
        axes.set_xlabel(name)
        axes.set_ylabel("CPU seconds")
        axes.set_ylim(bottom=0)
        if axes.lines:
            axes.legend(frameon=False, fontsize=7)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    cli.run(main, __doc__)
