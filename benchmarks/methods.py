"""Methods at equal CPU seconds, several seeds each, by judges that no loss has used: the table of the README.

Example:
    python -m benchmarks.methods --data=CAMVID --split=CAMVID/alt_split.json --output=runs/methods
    python -m benchmarks.methods --data=CAMVID --methods=ecgan --size=128,128 --cpu_seconds=1200 --output=runs/larger

Every run is `ecgan train --config=camvid_small:METHOD` on one thread, in a process of its own. How many steps fit into
--cpu_seconds, start-up included, is found by two short runs of each method; what a run took is in the table. The same
command goes on where it was interrupted, and makes what is missing. A --split divides the training photographs anew:
a JSON with the names of `train` and `val`.
"""

import itertools
import os
import resource
import statistics
import subprocess
import sys

from absl import flags

from ecgan_tf import cli, console
from ecgan_tf.atomic_files import read_json, write_json, write_text
from ecgan_tf.errors import RequestError

DATA = flags.DEFINE_string("data", None, "A data set's folder, with train/ and val/.")
SPLIT = flags.DEFINE_string("split", None, "A JSON that divides its training photographs anew.")
METHODS = flags.DEFINE_list("methods", ["spade", "ecgan", "ecgan_plus", "lggan"], "Variants of camvid_small.")
SEEDS = flags.DEFINE_list("seeds", ["0", "1", "2"], "Of the trainings.")
JUDGE_SEEDS = flags.DEFINE_list("judge_seeds", ["100", "101"], "Of the segmenters that judge.")
JUDGE_STEPS = flags.DEFINE_integer("judge_steps", 2600, "Training steps of each.", lower_bound=1)
SIZE = flags.DEFINE_list("size", ["64", "64"], "Height and width.")
CPU_SECONDS = flags.DEFINE_float("cpu_seconds", 420.0, "Of each training, start-up included.", lower_bound=1.0)
OVERRIDES = flags.DEFINE_multi_string("set", [], "More flags of the trainings, such as --set=--config.loss.texture=0")
OUTPUT = flags.DEFINE_string("output", None, "Folder of the runs and of the table.")
SHORT = (10, 60)  # steps of the two runs that tell start-up from steps
MARGIN = 0.97  # of the seconds: steps of a long run are not all alike
COLUMNS = ("miou", "fd", "kd", "accuracy_valid", "perceptual", "ssim", "sharpness")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(data=DATA.value, output=OUTPUT.value)
    console.quiet_tensorflow()
    os.makedirs(OUTPUT.value, exist_ok=True)
    data = os.path.abspath(DATA.value)
    if SPLIT.value:
        data = divided(data, read_json(SPLIT.value), os.path.join(OUTPUT.value, "data"))
    judges = [train_judge(data, seed) for seed in JUDGE_SEEDS.value]
    rows = []
    for method in METHODS.value:
        steps = fitting_steps(method, data)
        measured = [train_and_measure(method, seed, steps, data, judges) for seed in SEEDS.value]
        rows.append(row_of(method, steps, measured))
        write_text(os.path.join(OUTPUT.value, "table.md"), table_of(rows))
    console.say(table_of(rows))


def divided(source, split, folder):
    """A data folder whose files are links into another one's training split, divided as a JSON says."""
    if not all(isinstance(split.get(name), list) for name in ("train", "val")):
        raise RequestError(f"{SPLIT.value} has no lists train and val of photographs' names.")
    for part, kind in itertools.product(("train", "val"), ("images", "labels")):
        whole, linked = os.path.join(source, split.get("from", "train"), kind), os.path.join(folder, part, kind)
        os.makedirs(linked, exist_ok=True)
        names = set(split[part])
        wanted = [file for file in os.listdir(whole) if os.path.splitext(file)[0] in names]
        if len(wanted) != len(names):
            raise RequestError(f"{whole}: {len(names) - len(wanted)} photographs of {SPLIT.value} are not there.")
        for file in wanted:
            if not os.path.exists(os.path.join(linked, file)):
                os.symlink(os.path.abspath(os.path.join(whole, file)), os.path.join(linked, file))
    write_json(os.path.join(folder, "classes.json"), read_json(os.path.join(source, "classes.json")))
    return os.path.abspath(folder)


def flags_of(method, data):
    """The flags that every training of a method shares."""
    size = f"--config.data.image_size={','.join(SIZE.value)}"
    return [f"--config=camvid_small:{method}", f"--config.data.dir={data}", size, *OVERRIDES.value]


def run_command(*words):
    """Runs `ecgan ...` on one thread; returns the CPU seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "ecgan_tf", *words],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RequestError(f"ecgan {' '.join(words)}: {done.stderr.strip().splitlines()[-1]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def train_judge(data, seed):
    path = os.path.join(OUTPUT.value, f"judge_{seed}.npz")
    if not os.path.isfile(path):
        console.say(f"training judge {seed}")
        words = [*flags_of("spade", data), f"--config.train.seed={seed}", f"--output={path}"]
        run_command("segmenter", *words, f"--steps={JUDGE_STEPS.value}", "--stride=1")
    return path


def fitting_steps(method, data):
    """How many steps fit into the seconds, by the cost of two short runs."""
    path = os.path.join(OUTPUT.value, f"steps_{method}.json")
    if not os.path.isfile(path):
        seconds = []
        for steps in SHORT:
            workdir = os.path.join(OUTPUT.value, f"short_{method}_{steps}")
            words = [*flags_of(method, data), f"--workdir={workdir}", f"--config.train.steps={steps}"]
            seconds.append(run_command("train", *words))
        step = (seconds[1] - seconds[0]) / (SHORT[1] - SHORT[0])
        start = seconds[0] - SHORT[0] * step
        write_json(path, {"start": start, "step": step, "steps": int((MARGIN * CPU_SECONDS.value - start) / step)})
    return read_json(path)["steps"]


def train_and_measure(method, seed, steps, data, judges):
    """The numbers of a run by every judge, and the CPU seconds of its training."""
    import ecgan_tf

    name = f"{method}_{seed}"
    path, workdir = (os.path.join(OUTPUT.value, each) for each in (f"{name}.json", name))
    if not os.path.isfile(path):
        console.say(f"training {name}, {steps} steps")
        words = [f"--workdir={workdir}", f"--config.train.steps={steps}", f"--config.train.seed={seed}"]
        seconds = run_command("train", *flags_of(method, data), *words)
        found = [ecgan_tf.evaluate(workdir, f"{workdir}_by_{n}", judges=[judge]) for n, judge in enumerate(judges)]
        write_json(path, {"seconds": seconds, "measured": found})
    return read_json(path)


def by_metric(evaluation):
    """Dictionary from metric to its number, of the first network that gave one, and its reference."""
    values, references = {}, {}
    for name, protocol in evaluation["protocols"].items():
        values.setdefault(protocol["metric"], evaluation["numbers"][name])
        references.setdefault(protocol["metric"], evaluation["references"].get(name))
    return values, references


def row_of(method, steps, runs):
    """A row of the table: each number's mean over the judges, then its mean and range over the seeds."""
    cells = {}
    for metric in COLUMNS:
        seeds = [statistics.mean(by_metric(each)[0][metric] for each in run["measured"]) for run in runs]
        cells[metric] = (statistics.mean(seeds), min(seeds), max(seeds))
    spectra = [run["measured"][0]["spectrum"] for run in runs]
    bands = [value for spectrum in spectra for part in ("radial", "diagonal") for value in spectrum[part]]
    finest = [spectrum[part] for spectrum in spectra for part in ("horizontal", "vertical")]
    references = by_metric(runs[0]["measured"][0])[1]
    return {
        "method": method, "steps": steps, "seconds": [run["seconds"] for run in runs], "cells": cells,
        "bands": (min(bands), max(bands)), "finest": max(finest), "references": references,
    }  # fmt: skip


def table_of(rows):
    """Markdown: means, with the worst and the best seed below each other in brackets."""
    head = ["method", "steps, CPU s", *COLUMNS, "power by band, 8 radial and 8 diagonal", "highest along an axis"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        cells = [f"{mean:.3g} ({low:.3g} to {high:.3g})" for mean, low, high in row["cells"].values()]
        cost = f"{row['steps']}, {min(row['seconds']):.0f} to {max(row['seconds']):.0f}"
        bands = f"{row['bands'][0]:.2f} to {row['bands'][1]:.2f}"
        lines.append(f"| {' | '.join([row['method'], cost, *cells, bands, format(row['finest'], '.2f')])} |")
    references = [rows[0]["references"].get(metric) for metric in COLUMNS]
    shown = ["" if value is None else f"{value:.3g}" for value in references]
    lines.append(f"| {' | '.join(['photographs', '', *shown, '1', '1'])} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    cli.run(main, __doc__)
