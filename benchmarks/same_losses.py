"""Whether this tree trains exactly as another revision did: from the same initial values, no bit of any loss differs.

Example:
    python -m benchmarks.same_losses --revision=319713d --keep=/tmp/same_losses
    python -m benchmarks.same_losses --revision=319713d --only=ecgan,spade --expected=spade

Prints a table with a row per method and order of updates; exit code 1 if one differs. --keep holds what the revision
gave, for this machine and its packages alone: the next call trains this tree only.
"""

import hashlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from absl import app, flags
from PIL import Image

# Nothing of ecgan_tf is imported at the top: `record` runs in processes that each import one of two trees.

REVISION = flags.DEFINE_string("revision", None, "What to compare with, a name that git knows.", required=True)
AGAINST = flags.DEFINE_string("against", None, "A revision in place of this tree, by the old program.")
STEPS = flags.DEFINE_integer("steps", 20, "Training steps of each.", lower_bound=1)
ONLY = flags.DEFINE_list("only", None, "These methods alone.")
EXPECTED = flags.DEFINE_list("expected", [], "Methods whose terms are meant to have changed.")
KEEP = flags.DEFINE_string("keep", None, "Folder for the revision's recordings; a temporary one by default.")

ORDERS = ("alternating", "simultaneous")
TOTALS = ("L_G", "L_D")
# What the recipe of configs/ecgan_camvid_small.py has changed since there are textures: set back where it is followed.
AS_BEFORE = {
    "model.enlarging": "nearest",
    "model.noise": "none",
    "discriminator.segmentation": 0.0,
    "loss.adversarial": 1.0,
    "loss.feature_matching": 10.0,
    "loss.reconstruction_pool": 1,
    "loss.texture": 0.0,
}
PAIRS = "<pairs>"  # stands for the folder of `write_pairs`


class Case(NamedTuple):
    """A method at toy size: a file of configs/, and what is changed in it beside what all have changed."""

    config: str
    overrides: dict = {}


class Side(NamedTuple):
    """One of the two trees: what the table calls it, where it lies, and the program that knows its API."""

    name: str
    tree: Path
    program: str


OLD_CASES = {
    "ecgan": Case("ecgan_earth_tiles"),
    "ecgan_plus": Case("ecgan_plus_earth_tiles"),
    "ecgan_memory": Case("ecgan_earth_tiles", {"loss.contrastive_memory": 8}),
    "lggan": Case("lggan_earth_tiles"),
    "lggan_plus": Case("lggan_plus_earth_tiles"),
    "lggan_cross_view": Case("lggan_cross_view", {"data.dir": PAIRS}),
    "msca": Case("msca_earth_tiles"),
    "spade": Case("ecgan_earth_tiles", {"model.name": "spade", "loss.contrastive": 0.0, "loss.class_pixel": 0.0}),
}
NEW_CASES = {**OLD_CASES, "spade": Case("spade_earth_tiles")}
CASES = {"old_program": OLD_CASES, "new_program": NEW_CASES}


def main(argv):
    from benchmarks.revisions import ROOT, commit_of, extract

    if len(argv) > 1:
        raise app.UsageError(f"unexpected argument {argv[1]!r}; flags are written --name=value.")
    unknown = sorted({*(ONLY.value or ()), *EXPECTED.value} - OLD_CASES.keys())
    if unknown:
        raise app.UsageError(f"no method is called {', '.join(unknown)}; choose from {', '.join(OLD_CASES)}.")
    commit, against = commit_of(REVISION.value), AGAINST.value and commit_of(AGAINST.value)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        recordings = (Path(KEEP.value).expanduser().resolve() if KEEP.value else scratch) / commit
        recordings.mkdir(parents=True, exist_ok=True)
        write_pairs(scratch / "pairs")
        old = Side(commit[:7], extract(commit, scratch / "old_tree"), "old_program")
        new = Side("this tree", ROOT, "new_program")
        if against:
            new = Side(f"{against[:7]} again", extract(against, scratch / "new_tree"), "old_program")
        say(f"{old.name} against {new.name}")
        say("\n| method | order | steps | terms | verdict |\n|---|---|---:|---:|---|")
        rows = [row(name, order, old, new, recordings, scratch) for name in ONLY.value or OLD_CASES for order in ORDERS]
    return 0 if all(rows) else 1


def row(name, order, old, new, recordings, scratch):
    """Trains a method on both sides and says how they compare; returns whether that is as it should be."""
    kept, pairs = recordings / f"{name}_{order}", scratch / "pairs"
    try:
        recall(kept, old, name, order, pairs)
        run_record(new, name, order, pairs, kept.with_suffix(".npz"), True, scratch / "new.json")
    except RecordingError as error:
        count, is_right, verdict = 0, False, str(error)
    else:
        before, after = read_json(kept.with_suffix(".json")), read_json(scratch / "new.json")
        if name in EXPECTED.value:
            count, is_right, verdict = compare_changed(before, after, order)
        else:
            count, is_right, verdict = compare_all(before, after)
    say(f"| {name} | {order} | {STEPS.value} | {count} | {verdict} |")
    return is_right


# --- the two programs: what differs between the old API and the new --------------------------------------------------


def old_program(config, dataset, strategy):
    """The GAN and its objective, as revision 319713d makes them."""
    from ecgan_tf.training.gan import GAN, generator_arguments
    from ecgan_tf.training.loop import make_objective

    with strategy.scope():
        gan = GAN(config, generator_arguments(config, dataset))
    return gan, make_objective(gan, config, dataset.classes.num_classes)


def new_program(config, dataset, strategy):
    """The GAN and its objective, as this tree makes them."""
    from ecgan_tf.methods import METHODS
    from ecgan_tf.training.gan import GAN
    from ecgan_tf.training.terms import with_missing_terms

    config = with_missing_terms(config)
    with strategy.scope():
        gan = GAN(config, METHODS[config.model.name].generator_arguments(config, dataset))
    return gan, gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)


def record(program, config_name, overrides, steps, values, given, output):
    """Trains with the tree that is the working directory, and writes every term of every step.

    Args:
        program: name of one of the two functions above.
        config_name: file of configs/, without .py.
        overrides: flattened keys of the config and their values.
        steps: how many.
        values: .npz of the initial values of all variables.
        given: whether to start from `values`; else they are written.
        output: JSON file to write: `steps`, for each a dictionary from term to float.hex, and `end`, the digests of all
            variables after the last step.
    """
    import keras
    import tensorflow as tf

    import ecgan_tf
    from ecgan_tf.config import check_config
    from ecgan_tf.data import open_dataset
    from ecgan_tf.data.pipeline import training_batches
    from ecgan_tf.training.step import make_train_step
    from ecgan_tf.training.strategy import make_strategy

    assert Path(ecgan_tf.__file__).is_relative_to(Path.cwd()), f"{ecgan_tf.__file__} is of another tree"
    # TensorFlow's graph optimizer rewrites one graph in several ways, by chance from process to process, and sums then
    # differ in their last bits: nine runs of lggan_cross_view at 319713d, simultaneous, gave six results.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    config = read_toy_config(config_name)
    known = {f"{section}.{key}" for section, keys in config.items() for key in keys}
    if config.loss.get("texture"):  # by the recipe
        config.update_from_flattened_dict({key: value for key, value in AS_BEFORE.items() if key in known})
    config.update_from_flattened_dict(overrides)
    check_config(config)
    dataset = open_dataset(config.data, "train")
    strategy = make_strategy(config.train.devices)
    keras.utils.set_random_seed(config.train.seed)
    gan, objective = globals()[program](config, dataset, strategy)
    variables = gan.named_variables()
    if given:
        with np.load(values) as file:
            assign(variables, dict(file))
    else:
        np.savez(values, **{name: variable.numpy() for name, variable in variables.items()})

    train_step = make_train_step(gan, objective, config, strategy)
    batches = training_batches(dataset, config.data, config.train.global_batch_size, config.train.seed, 0, steps)
    terms = []
    for batch in strategy.experimental_distribute_dataset(batches):
        terms.append({name: float(value) for name, value in train_step(batch).items()})
        # Two that are not numbers would pass for the same.
        assert np.all(np.isfinite([*terms[-1].values()])), f"step {len(terms)}: {terms[-1]}"
    content = {
        "steps": [{name: value.hex() for name, value in step.items()} for step in terms],
        "end": {name: hashlib.sha256(variable.numpy().tobytes()).hexdigest() for name, variable in variables.items()},
    }
    Path(output).write_text(json.dumps(content, indent=1), encoding="utf-8")


def read_toy_config(name):
    """The toy variant of a config of the working directory's tree."""
    places = [Path.cwd() / folder / f"{name}.py" for folder in ("configs", "ecgan_tf/configs")]
    found = [path for path in places if path.is_file()]
    if not found:
        raise FileNotFoundError(f"no config {name}: neither {places[0]} nor {places[1]}")
    return runpy.run_path(str(found[0]))["get_config"]("toy")


def assign(variables, arrays):
    """Gives variables the values of the same names; if names or shapes differ, says which."""
    problems = {
        "in the new tree alone": sorted(variables.keys() - arrays.keys()),
        "in the old tree alone": sorted(arrays.keys() - variables.keys()),
        "of another shape or type": [
            name
            for name, variable in variables.items()
            if name in arrays and (arrays[name].shape, arrays[name].dtype) != (variable.shape, variable.numpy().dtype)
        ],
    }
    described = [f"{len(names)} {where}: {shortened(names)}" for where, names in problems.items() if names]
    if described:
        raise ValueError(f"variables {'; '.join(described)}")
    for name, variable in variables.items():
        variable.assign(arrays[name])
        np.testing.assert_array_equal(variable.numpy(), arrays[name], name)


# --- running them ----------------------------------------------------------------------------------------------------


class RecordingError(RuntimeError):
    """A process that failed; its traceback is on stderr."""


def recall(kept, side, name, order, pairs):
    """Sees to the revision's recording: leaves a kept one of the same request, else makes it."""
    request, asked = repr((OLD_CASES[name], every_override(order))), kept.with_suffix(".request")
    if not (asked.is_file() and asked.read_text(encoding="utf-8") == request):
        asked.unlink(missing_ok=True)
        run_record(side, name, order, pairs, kept.with_suffix(".npz"), False, kept.with_suffix(".json"))
        asked.write_text(request, encoding="utf-8")  # last: a recording that was interrupted counts for nothing


def every_override(order):
    """What all cases have changed in their configs."""
    # The rates fall to 0 over train.steps, which a toy has 4 of: from there on it would stand still.
    return {"loss.perceptual": 0.0, "train.steps": STEPS.value, "train.update_order": order}


def run_record(side, name, order, pairs, values, given, output):
    """Calls `record` in a process of its own, in the tree of `side`."""
    case = CASES[side.program][name]
    overrides = {**every_override(order), **case.overrides}
    overrides = {key: str(pairs) if value == PAIRS else value for key, value in overrides.items()}
    arguments = (side.program, case.config, overrides, STEPS.value, str(values), given, str(output))
    command = [sys.executable, "-c", f"import runpy; runpy.run_path({__file__!r})['record'](*{arguments!r})"]
    environment = {
        **os.environ,
        "PYTHONPATH": str(side.tree),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # Nothing that may differ between two runs of one tree: the order of sets, of threads' sums, of a GPU's.
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(command, cwd=side.tree, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr, flush=True)
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise RecordingError(f"{side.name} failed: {lines[-1]}")


def write_pairs(folder):
    """A data set of two views, of noise: the 19 classes of Cityscapes and unknown, the same in every call."""
    rng = np.random.default_rng(0)
    values = np.uint8([*range(19), 255])
    for split, count in (("train", 4), ("val", 2)):
        for kind in ("sources", "images", "labels"):
            (folder / split / kind).mkdir(parents=True)
            for index in range(count):
                array = rng.integers(0, 256, (64, 64, 3), np.uint8)
                if kind == "labels":
                    array = np.kron(rng.choice(values, (8, 8)), np.ones((8, 8), np.uint8))
                Image.fromarray(array).save(folder / split / kind / f"{index}.png")
    classes = [{"id": i, "name": f"class {i}"} for i in range(19)]
    content = json.dumps({"ignore_index": 255, "classes": classes})
    (folder / "classes.json").write_text(content, encoding="utf-8")


# --- comparing what they recorded ------------------------------------------------------------------------------------


def compare_all(old, new):
    """Compares every term of every step, and all variables after the last.

    Returns:
        how many terms a step has in both, whether all is the same, and what to say.
    """
    common, alone = match_terms(old, new)
    if alone:
        return len(common), False, alone
    for step, (before, after) in enumerate(zip(old["steps"], new["steps"]), start=1):
        different = [term for term in common if before[term] != after[term]]
        if different:
            return len(common), False, f"step {step}: {told(different[0], before, after)}"
    moved = [name for name, digest in old["end"].items() if new["end"][name] != digest]
    if moved:  # such as the averaged generator, which no loss sees
        return len(common), False, f"losses identical, but at the end {len(moved)} variables differ: {shortened(moved)}"
    return len(common), True, "identical"


def compare_changed(old, new, order):
    """Compares what a change of the generator's terms leaves alone: the other terms, at the first step.

    The totals are sums of what changed. In the alternating order the discriminator judges the fakes of a generator that
    has already moved, by another gradient.
    """
    common, alone = match_terms(old, new)
    left_out = [term for term in common if term in TOTALS or (order == "alternating" and term.startswith("L_D"))]
    common = [term for term in common if term not in left_out]
    before, after = old["steps"][0], new["steps"][0]
    different = [told(term, before, after) for term in common if before[term] != after[term]]
    notes = [alone or "the same terms", f"not compared: {', '.join(left_out)}"]
    verdict = f"differs at step 1: {'; '.join(different)}" if different else f"step 1 identical in {', '.join(common)}"
    return len(common), bool(common) and not different, f"expected to differ; {verdict}; {'; '.join(notes)}"


def match_terms(old, new):
    """The terms that both have, and what to say of the others, "" if there are none."""
    before, after = old["steps"][0], new["steps"][0]
    sides = {
        "old": [term for term in before if term not in after],
        "new": [term for term in after if term not in before],
    }
    alone = "; ".join(f"in the {side} alone: {', '.join(terms)}" for side, terms in sides.items() if terms)
    return [term for term in before if term in after], alone


def told(term, before, after):
    return f"{term} was {float.fromhex(before[term])!r}, now {float.fromhex(after[term])!r}"


def shortened(names):
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def say(message):
    print(message, flush=True)


if __name__ == "__main__":
    app.run(main)
