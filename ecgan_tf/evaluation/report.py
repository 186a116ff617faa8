"""The page that an evaluation leaves to look at."""

import os

import numpy as np
from PIL import Image

from ecgan_tf.atomic_files import write_image, write_text
from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.pipeline import layout_batch
from ecgan_tf.evaluation import page, plots
from ecgan_tf.evaluation.measures import outputs_of
from ecgan_tf.evaluation.style import TASKS
from ecgan_tf.json_lines import read_lines
from ecgan_tf.pictures import captioned_grid, legend_of
from ecgan_tf.pixels import to_uint8
from ecgan_tf.runs.folder import RunFolder

SHOWN = 8  # layouts of evaluation.png
CURVES = ("fid", "fd", "miou", "perceptual", "ssim", "sharpness")  # of what a run measured on its way
EXTREMES = 3  # of the best and of the worst
MEANINGS = {
    "fid": "Frechet distance of Inception features", "fd": "Frechet distance of the judge's features",
    "kid": "kernel distance of Inception features", "kd": "kernel distance of the judge's features",
    "miou": "mean intersection over union", "fwiou": "the same, by frequency",
    "accuracy_valid": "pixels that the judge sees as asked, unknown left out",
    "accuracy_all": "the same, unknown counted as wrong",
    "perceptual": "LPIPS-style distance to the photograph", "ssim": "structural similarity to the photograph",
    "psnr": "peak signal-to-noise ratio, dB", "sharpness_difference": "of the cross-view papers, dB",
    "top1": "pictures in which the classifier sees first what it sees in the photograph",
    "top5": "the same, among the first five",
    "kl": "divergence of what the classifier sees from the photograph's, nats",
    "l1": "distance to the photograph, of 2",
    "sharpness": "gradient magnitude over the photographs'", "edge_f": "Canny edges where the photograph's are, F",
    "edge_map_f": "generated edge map against the photograph's Canny edges, F",
    "colour_error": "of a class's mean colour, of 255; our own",
}  # fmt: skip


def write_report(folder, numbers, measured, data, generate, run=None):
    """index.html, which holds everything, and evaluation.png.

    Args:
        folder: to write to.
        numbers: of `evaluate`.
        measured: `Measured`.
        data: `LabelledPhotographs`.
        generate: function of (index, batch) to a picture, as `Measures.measure` takes it.
        run: path of what was measured, whose curves are drawn where it is a run folder; or None.
    """
    some = examples_grid(data, {"picture": generate}, evenly_spread(len(data), SHOWN))
    write_image(os.path.join(folder, "evaluation.png"), some)
    style, samples = (os.path.join(folder, name) for name in ("style.png", "samples.png"))
    text = page.page(
        f"Evaluation of {numbers['model']}",
        page.note(described(data, numbers["layouts"])),
        page.section("Numbers", number_table(measured), exemplar_table(numbers)),
        page.section("Some pictures", page.picture(some, "label map, picture, photograph")),
        page.section("Best and worst", *extremes(measured, data, generate)),
        page.section("After exemplars", _file(style, "each layout after three exemplars", "style_cases" in numbers)),
        page.section(
            "Samples",
            samples_table(numbers),
            _file(samples, "each layout by the same four codes", "samples" in numbers),
        ),
        page.section("Classes", *class_drawings([("pictures", measured.per_class)]), confusion_drawing(measured)),
        page.section("Texture", spectrum_drawing([("pictures", measured.spectrum)])),
        page.section("The run", *run_curves([("", run)])),
    )
    write_text(os.path.join(folder, "index.html"), text)


def described(data, count):
    """What was measured on, in a line."""
    height, width = data.image_size
    return (
        f"{count} validation layouts of {data.name} at {height}x{width}. "
        "A number compares only with numbers of its full name and judge."
    )


def number_table(measured):
    """Every number with what real photographs reach."""
    rows = [
        (name, f"{value:.4g}", _or_dash(measured.spreads.get(name)), _or_dash(measured.references.get(name)),
         MEANINGS[measured.protocols[name].metric])
        for name, value in measured.numbers.items()
    ]  # fmt: skip
    return page.table(("number", "value", "+-", "photographs", "what it is"), rows)


TASK_MEASURES = {
    "l1": "L1 to the photograph",
    "ssim": "SSIM to the photograph",
    "perceptual": "LPIPS-style distance to the photograph",
    "style": "style distance to the exemplar",
}


def exemplar_table(numbers):
    if "style_cases" not in numbers:
        return ""
    share = numbers["style_followed"]
    followed = "-" if share is None else f"{share:.1%}"
    rows = [(f"exemplar's colours followed, of {numbers['style_cases']} cases", followed)]
    rows += [(f"nearer to their exemplar than others of their layout, by {judge}", f"{share:.1%}")
             for judge, share in numbers["nearer_to_exemplar"].items()]  # fmt: skip
    rows += [(f"the same of photographs recoloured class by class, by {judge}", f"{share:.1%}")
             for judge, share in numbers.get("nearer_to_exemplar_recoloured", {}).items()]  # fmt: skip
    rows += [
        (f"{TASK_MEASURES[measure.partition('_')[0]]}, {task} the exemplar", f"{numbers[name]:.3f}")
        for name in numbers
        for measure, _, task in [name.rpartition("_")]
        if task in TASKS
    ]
    rows += [(name, f"{value:.4g}") for name, value in numbers["diversity"].items()]
    return page.table(("after exemplars", ""), rows)


def samples_table(numbers):
    rows = [(name, f"{value:.4g}") for name, value in numbers.get("samples", {}).items()]
    return page.table(("between the pictures of a layout", ""), rows) if rows else ""


def examples_grid(data, generators, indices, smallest_width=192):
    """The same layouts by every generator, between label maps and photographs: uint8 (height, width, 3).

    Args:
        data: `LabelledPhotographs`.
        generators: dictionary from caption to a function as `Measures.measure` takes it.
        indices: of the layouts.
        smallest_width: of a tile.
    """
    batches = [layout_batch(data, [index]) for index in indices]
    labels, photographs = (np.concatenate([batch[key] for batch in batches]) for key in ("labels", "image"))
    columns = {
        caption: to_uint8(np.concatenate([
            np.asarray(outputs_of(generate(index, batch))["image"]) for index, batch in zip(indices, batches)
        ]))
        for caption, generate in generators.items()
    }  # fmt: skip
    shown = {"label map": data.classes.colorize(labels), **columns, "photograph": to_uint8(photographs)}
    return captioned_grid(shown, smallest_width, data.aspect, legend_of(data.classes, labels))


def extremes(measured, data, generate):
    """The pictures with the best and with the worst score."""
    order = np.argsort(measured.scores, kind="stable")
    count = min(EXTREMES, len(order) // 2)
    if not count:
        return []
    found = []
    for caption, places in (("best", order[::-1][:count]), ("worst", order[:count])):
        scores = ", ".join(f"{measured.scores[place]:.3g}" for place in places)
        grid = examples_grid(data, {"picture": generate}, places.tolist(), smallest_width=128)
        found.append(page.picture(grid, f"{caption} by {measured.scored_by}: {scores}"))
    return found


def class_drawings(series):
    """Bars of the classes.

    Args:
        series: list of (caption, `Measured.per_class`), whose bars stand side by side.
    """
    drawings = []
    if any(each.get("iou") is not None for _, classes in series for each in classes.values()):
        bars = plots.class_bars(series, "iou", "reference", "IoU")
        drawings.append(page.drawing(bars, "IoU by class with its share of the pixels; marks: real photographs"))
    errors = plots.class_bars(series, "colour_error", label="of 255")
    return [*drawings, page.drawing(errors, "error of the mean colour by class")]


def confusion_drawing(measured):
    if measured.confusion is None:
        return ""
    drawing = plots.confusion_map(measured.confusion, list(measured.per_class))
    return page.drawing(drawing, "what the judge saw, by what was asked for")


def spectrum_drawing(series):
    series = [(caption, spectrum) for caption, spectrum in series if spectrum]
    caption = "1 is the photographs' own; below it blur, above it grain or a grid"
    return page.drawing(plots.spectrum_lines(series), caption) if series else ""


def run_curves(runs):
    """Curves of the losses and of what runs measured on their way.

    Args:
        runs: list of (caption, run folder or None).
    """
    runs = [(caption, RunFolder(path)) for caption, path in runs if path and os.path.isdir(path)]
    losses = [(caption, read_lines(run.file("metrics.jsonl"))) for caption, run in runs]
    keys = list(dict.fromkeys(key for _, lines in losses for line in lines for key in line if key.startswith("L_")))
    drawings = []
    if keys:
        totals = [key for key in ("L_G", "L_D") if key in keys]
        drawings.append(page.drawing(plots.curves(losses, totals, "totals of the loss"), "as logged"))
        terms = [key for key in keys if key not in totals][: plots.TERMS_SHOWN]
        if len(runs) == 1 and terms:
            drawings.append(page.drawing(plots.curves(losses, terms, "terms of the loss"), "unweighted"))
    measured = [
        (caption, [{"step": line["step"], **line["numbers"]} for line in run.evaluations]) for caption, run in runs
    ]
    names = list(dict.fromkeys(name for _, lines in measured for line in lines for name in line))
    names = [name for name in names if name.startswith(CURVES)]
    for name in names:
        drawings.append(page.drawing(plots.curves(measured, [name], name), "measured on the way, averaged weights"))
    return drawings


def _file(path, caption, is_new):
    """A picture of this evaluation; what an earlier one left under its name is another model's."""
    if not is_new or not os.path.isfile(path):
        return ""
    with Image.open(path) as image:
        return page.picture(np.asarray(image.convert("RGB")), caption)


def _or_dash(value):
    return "-" if value is None else f"{value:.4g}"
