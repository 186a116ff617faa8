"""How many examples per second a core makes ready for training, from a data set's folder and from its shards.

Example:
    python -m benchmarks.input_pipeline --config=ecgan_coco_stuff --data=COCO --revision=319713d

Every side has a process of its own, on one core and on several, and all are called in turn, so that ratios are fair
where a machine's speed drifts: the folder as the --revision reads it, the folder and its shards as this tree does. The
shards are made in a temporary folder, of --examples photographs at most. "First epoch" keeps nothing in memory; all
else keeps what config.data.cache_gb allows for a data set of --photographs, of which --data may be a sample, and has
read every example before. CPU seconds are those of all threads. Prints them, what each stage takes, and beside them
what a training step with one example takes in on this machine; --step_seconds gives the seconds of a step of the
config's batch on a GPU in its place, and --nostep leaves it out.
"""

import contextlib
import os
import statistics
import tempfile
import time
from pathlib import Path

from absl import flags

from benchmarks.revisions import ROOT, commit_of, extract
from benchmarks.worker import Worker
from ecgan_tf import cli, console

CONFIG = flags.DEFINE_string("config", "ecgan_coco_stuff", "An experiment that ships with the package.")
DATA = flags.DEFINE_string("data", None, "The folder of its data set.")
EXAMPLES = flags.DEFINE_integer("examples", 200, "Photographs to read, at most.", lower_bound=1)
PHOTOGRAPHS = flags.DEFINE_integer("photographs", 118_287, "Of the whole data set; COCO-Stuff has so many.")
REVISION = flags.DEFINE_string("revision", None, "What else to time, a name that git knows.")
CORES = flags.DEFINE_list("cores", ["1", "2"], "Numbers of cores.")
BATCH = flags.DEFINE_integer("batch", 8, "Examples of a batch.", lower_bound=1)
BATCHES = flags.DEFINE_integer("batches", 30, "Batches of a call.", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 7, "Calls of each side.", lower_bound=1)
STEP = flags.DEFINE_bool("step", True, "Whether to time a training step.")
STEP_SECONDS = flags.DEFINE_float("step_seconds", None, "Of a step of the config's batch on the machine that trains.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(data=DATA.value)
    console.quiet_tensorflow()
    from ecgan_tf.config import load_config
    from ecgan_tf.data import open_dataset
    from ecgan_tf.data.packing import pack

    name = Path(CONFIG.value).stem  # every command takes a name for its file
    config = load_config(name)
    config.data.update({"limit": EXAMPLES.value, "dir": os.path.abspath(DATA.value)})
    share = min(1.0, len(open_dataset(config.data, "train")) / PHOTOGRAPHS.value)
    keys = {"limit": EXAMPLES.value, "cache_gb": config.data.cache_gb * share}
    at_first = {**keys, "cache_gb": 0.0}
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        shards = scratch / "shards"
        shards.mkdir()
        count, _, size = pack(config.data, shards)
        console.say(f"{count} shards of {size / 1e6:.1f} MB")
        case = {"config": name, "batch": BATCH.value, "batches": BATCHES.value, "threads": 1}
        sides = {
            "folder, first epoch": (ROOT, config.data.dir, at_first),
            "folder": (ROOT, config.data.dir, keys),
            "shards": (ROOT, str(shards), keys),
        }
        if REVISION.value:
            commit = commit_of(REVISION.value)
            sides = {f"folder, {commit[:7]}": (extract(commit, scratch / "tree"), config.data.dir, keys), **sides}
        answers = measure(case, sides)
    say_table(answers, list(sides))
    for form in ("folder, first epoch", "shards"):
        say_stages(form, answers[form, int(CORES.value[0])])
    if STEP_SECONDS.value or STEP.value:
        say_step(config, answers)


def measure(case, sides):
    """All answers of each side: dictionary from (side, cores) to a list."""
    answers = {}
    with contextlib.ExitStack() as stack:
        workers = {}
        for cores in map(int, CORES.value):
            for side, (tree, folder, keys) in sides.items():
                with_stages = tree == ROOT and cores == int(CORES.value[0])
                case = {**case, "folder": folder, "keys": keys, "cores": cores, "stages": with_stages}
                workers[side, cores] = stack.enter_context(Worker(tree, case, "input_worker.py"))
        for number in range(ROUNDS.value + 1):
            for key, worker in workers.items():
                answer = worker.call()
                if number:  # the first call opens files, and starts TensorFlow's threads
                    answers.setdefault(key, []).append(answer)
    return answers


def cpu_milliseconds(answers):
    """Of an example: the median over calls."""
    return statistics.median(1e3 * each["cpu_seconds"] / each["examples"] for each in answers)


def say_table(answers, sides):
    console.say(
        "| read from | cores | CPU ms an example | examples a second and core | of the first | a second in all |"
    )
    console.say(f"|{'---|' * 6}")
    for (side, cores), told in answers.items():
        cost, first = cpu_milliseconds(told), cpu_milliseconds(answers[sides[0], cores])
        rate = statistics.median(each["examples"] / each["seconds"] for each in told)
        console.say(f"| {side} | {cores} | {cost:.2f} | {1e3 / cost:.0f} | {first / cost:.2f} | {rate:.0f} |")


def say_stages(form, told):
    """What each stage takes, and which one takes most; the rest is what turns arrays into TensorFlow's tensors."""
    names = told[0]["stages"]
    times = {name: statistics.median(each["stages"][name] for each in told) for name in names}
    times["the rest"] = cpu_milliseconds(told) - sum(times.values())
    most = max(times, key=times.get)
    stages = ", ".join(f"{name} {value:.2f}" for name, value in times.items())
    console.say(f"{form}, CPU ms of each stage: {stages}; most: {most}")


def say_step(config, answers):
    """What a step takes in, beside what a core gives."""
    size = config.train.global_batch_size
    seconds, words = STEP_SECONDS.value, "as given"
    if not seconds:
        seconds, words, size = step_seconds(config), "batch 1, on this machine", 1
    asked = size / seconds
    console.say(f"a step of {size} examples takes {seconds:.2f} s ({words}): it takes in {asked:.2f} examples a second")
    for form in ("folder", "shards"):
        rate = 1e3 / cpu_milliseconds(answers[form, int(CORES.value[0])])
        console.say(f"{form}: a core makes {rate:.0f} a second, {rate / asked:.3g} times as many")


def step_seconds(config):
    """Of a step with one example, after one that traces the graph; without terms that need another's weights."""
    from benchmarks.steps import make_step
    from ecgan_tf.training.strategy import make_strategy

    config.train.global_batch_size = 1
    config.loss.perceptual = 0.0  # terms whose networks are files
    if "similarity" in config.loss:
        config.loss.similarity = 0.0
    step = make_step(config, make_strategy(config.train.devices))
    step()
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


if __name__ == "__main__":
    cli.run(main, __doc__)
