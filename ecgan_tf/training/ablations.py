"""Trains the papers' ablations one after the other, and measures them alike."""

import os
from collections.abc import Sequence
from typing import Any

from ecgan_tf.config import load_config
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.compare import compare
from ecgan_tf.outputs import plan_folder
from ecgan_tf.training.segmenter import train_segmenter
from ecgan_tf.training.train import train

ABLATIONS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7")
SEGMENTER_SEED, JUDGE_SEED = 0, 1  # of different networks: what a loss used does not judge


def ablations(
    workdir: str,
    variants: Sequence[str] = ABLATIONS,
    config: str = "ablations_earth_tiles",
    segmenter: str | None = None,
    judge: str | None = None,
    segmenter_steps: int = 1000,
    **overrides: object,
) -> dict[str, Any]:
    """Trains variants of a config, each in a run folder of its name, and compares them.

    Called again, it goes on: finished runs and networks stay, an interrupted run continues.

    Args:
        workdir: folder of the runs, the two segmenters, and `compared/`, which `compare` writes.
        variants: of the config; "_toy" may follow each name.
        config: name of one that ships with the package.
        segmenter: the label generator of the similarity loss, or None to train one.
        judge: what measures, or None to train one of another seed.
        segmenter_steps: of those that are trained.
        overrides: values by key, as `load_config` takes them.
    Returns:
        what `compare` gives.
    """
    if len(set(variants)) < 2 or len(set(variants)) < len(variants):
        raise RequestError(f"variants {', '.join(variants)}: give two or more, each once.")
    configs = {variant: load_config(f"{config}:{variant}", **overrides) for variant in variants}
    for name, given in (("segmenter", segmenter), ("judge", judge)):
        if given and not os.path.isfile(given):
            raise RequestError(f"--{name}={given}: no such file; leave it out, and one is trained.")
    workdir = plan_folder(workdir, "workdir")
    networks = {}
    for name, given, seed in (("segmenter", segmenter, SEGMENTER_SEED), ("judge", judge, JUDGE_SEED)):
        networks[name] = given or os.path.join(workdir, f"{name}.npz")
        if not os.path.isfile(networks[name]):
            say(f"training the {name}")
            first = load_config(f"{config}:{variants[0]}", **{**overrides, "train.seed": seed})
            train_segmenter(first, networks[name], segmenter_steps, stride=1 if name == "judge" else 4)
    for variant, each in configs.items():
        say(f"training {variant}")
        if each.loss.get("label_loss", "none") != "none" and each.loss.similarity:
            each.loss.segmenter = networks["segmenter"]
        train(each, os.path.join(workdir, variant))
    runs = [os.path.join(workdir, variant) for variant in variants]
    return compare(runs, os.path.join(workdir, "compared"), judges=[networks["judge"]])
