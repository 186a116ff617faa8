"""Several models on the same layouts, by the same judges: one table, one page, one figure for a paper."""

import csv
import io
import os
from collections.abc import Sequence
from typing import Any

import ml_collections
import numpy as np
from PIL import Image

from ecgan_tf.atomic_files import atomic_path, write_image, write_json, write_text
from ecgan_tf.console import progress_bar, say
from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.evaluate import NO_SEGMENTER, generate_of, open_request, to_json, with_hed
from ecgan_tf.evaluation.measures import Measures
from ecgan_tf.evaluation.networks.choice import open_judges
from ecgan_tf.evaluation.protocols import check_comparable, score_of
from ecgan_tf.outputs import expand, plan_folder
from ecgan_tf.pretrained import find_model


def compare(
    models: Sequence[str],
    output: str,
    config: ml_collections.ConfigDict | None = None,
    step: int | str | None = None,
    judges: Sequence[str] = (),
    shown: int = 5,
) -> dict[str, Any]:
    """Measures models alike, and writes compare.json, table.csv, index.html, and figure.png and figure.pdf.

    Args:
        models: run folders, or what was exported.
        output: folder to write to.
        config: of the data set, or None for that of each run, which must be one and the same.
        step: of the runs' checkpoints, as in `open_model`.
        judges: as `ecgan_tf.evaluation.evaluate.evaluate` takes them; none may be of any run's loss.
        shown: layouts in the figure.
    Returns:
        dictionary from each model's caption to its numbers, as `to_json` gives them.
    Raises:
        RequestError: where the models' data, sizes or layouts differ, so that their numbers would not compare.
    """
    from ecgan_tf.evaluation.comparison_page import write_comparison  # they draw, which takes a second to load
    from ecgan_tf.evaluation.report import examples_grid

    captions = captions_of(models)
    opened = [open_request(model, None, config, step) for model in models]
    data = opened[0][1]
    for model, (_, other, _) in zip(models, opened):
        check_same_layouts(models[0], data, model, other)
    losses = [loss for _, _, loss in opened]
    networks = open_judges(with_hed(judges, losses), data, losses)
    output = plan_folder(output)
    measures = Measures(data, networks)
    generators = {caption: generate_of(each, None, data) for caption, (each, _, _) in zip(captions, opened)}
    measured = {
        caption: measures.measure(generate, progress_bar(f"measuring {caption}"))
        for caption, generate in generators.items()
    }
    check_all_comparable(measured)
    figure = examples_grid(data, generators, evenly_spread(len(data), shown))
    result = {caption: {"model": model, **to_json(each)} for model, (caption, each) in zip(models, measured.items())}
    write_json(os.path.join(output, "compare.json"), result)
    write_text(os.path.join(output, "table.csv"), to_csv(measured))
    write_image(os.path.join(output, "figure.png"), figure)
    write_pdf(os.path.join(output, "figure.pdf"), figure)
    runs = [(caption, find_model(model)) for caption, model in zip(captions, models)]
    write_comparison(output, data, measured, figure, runs)
    say_table(measured)
    if not any(judge.kind == "segmenter" for judge in networks):
        say(NO_SEGMENTER)
    say(f"look at {os.path.join(output, 'index.html')}")
    return result


def captions_of(models):
    """A short name of each model: the shortest ends of their paths that tell them apart."""
    if len(models) < 2:
        raise RequestError("give two models or more to compare.")
    parts = [os.path.normpath(expand(model)).split(os.sep) for model in models]
    if len({tuple(part) for part in parts}) < len(parts):
        raise RequestError(f"{', '.join(models)}: one model is there twice.")
    depth = next(depth for depth in range(1, 99) if len({tuple(p[-depth:]) for p in parts}) == len(parts))
    return [os.sep.join(part[-depth:]) for part in parts]


def check_same_layouts(first, data, model, other):
    """Refuses models whose numbers would be of other layouts, sizes or classes."""
    differences = [
        (what, mine, theirs)
        for what, mine, theirs in (
            ("pictures of", "{}x{}".format(*data.image_size), "{}x{}".format(*other.image_size)),
            ("layouts", len(data), len(other)),
            ("layouts of", [example.labels for example in data.examples][:1], [e.labels for e in other.examples][:1]),
            ("classes", data.classes.names, other.classes.names),
        )
        if mine != theirs
    ]
    if differences:
        said = "; ".join(f"{what} {mine} against {theirs}" for what, mine, theirs in differences)
        raise RequestError(
            f"{first} and {model} do not compare: {said}. Numbers of other protocols are never compared."
        )


def check_all_comparable(measured):
    """As a proof: every number of a name has one protocol."""
    first, *others = measured.values()
    for other in others:
        for name in first.protocols.keys() & other.protocols.keys():
            check_comparable(first.protocols[name], other.protocols[name])


def names_of(measured):
    """Every number's name that any of the models has, in order."""
    return list(dict.fromkeys(name for each in measured.values() for name in each.numbers))


def best_of(measured, name):
    """The caption of the model that is best by a number; None where it is a matter of one model."""
    scores = {
        caption: score_of(each.protocols[name].metric, each.numbers[name])
        for caption, each in measured.items()
        if name in each.numbers and np.isfinite(each.numbers[name])
    }
    return min(scores, key=scores.get) if len(scores) > 1 else None


def reference_of(measured, name):
    """What real photographs reach by a number, which is the same for all models; None where it says nothing."""
    return next((each.references[name] for each in measured.values() if name in each.references), None)


def to_csv(measured):
    """A line per number: its name, the models' values and spreads, and the photographs' value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    spread = [f"{caption} +-" for caption in measured]
    writer.writerow(["number", *measured, "photographs", *spread])
    for name in names_of(measured):
        each = list(measured.values())
        values, reference = [m.numbers.get(name, "") for m in each], reference_of(measured, name)
        writer.writerow([name, *values, reference, *(m.spreads.get(name, "") for m in each)])  # None: an empty cell
    return text.getvalue()


def say_table(measured):
    width = max(map(len, measured))
    for name in names_of(measured):
        say(name)
        best = best_of(measured, name)
        for caption, each in measured.items():
            if name in each.numbers:
                spread = f" +- {each.spreads[name]:.2g}" if name in each.spreads else ""
                say(f"  {caption:{width}s}  {each.numbers[name]:.4g}{spread}{'  best' if caption == best else ''}")
        reference = reference_of(measured, name)
        if reference is not None:
            say(f"  {'photographs':{width}s}  {reference:.4g}")


def write_pdf(path, pixels):
    """Pixels as a PDF of one page, for a paper."""
    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PDF", resolution=200.0)
