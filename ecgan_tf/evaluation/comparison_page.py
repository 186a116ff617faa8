"""The page that compares several models."""

import html
import os

from ecgan_tf.atomic_files import write_text
from ecgan_tf.evaluation import page, plots
from ecgan_tf.evaluation.compare import best_of, names_of
from ecgan_tf.evaluation.report import MEANINGS, described, run_curves, spectrum_drawing


def write_comparison(folder, data, measured, figure, runs):
    """index.html of a comparison.

    Args:
        folder: to write to.
        data: `LabelledPhotographs`.
        measured: dictionary from caption to `Measured`.
        figure: uint8 (height, width, 3), the same layouts by all.
        runs: list of (caption, path of the model).
    """
    first = next(iter(measured.values()))
    text = page.page(
        f"Comparison of {', '.join(measured)}",
        page.note(described(data, next(iter(first.protocols.values())).count)),
        page.section("Numbers", comparison_table(measured)),
        page.section("The same layouts", page.picture(figure, "label map, each model, photograph")),
        page.section("Classes", *class_drawings(measured)),
        page.section("Texture", spectrum_drawing([(caption, each.spectrum) for caption, each in measured.items()])),
        page.section("The runs", *run_curves(runs)),
    )
    write_text(os.path.join(folder, "index.html"), text)


def comparison_table(measured):
    """A row per number with every model's value, the best in bold, and what real photographs reach."""
    head = "".join(f"<th>{html.escape(word)}</th>" for word in ("number", *measured, "photographs", "what it is"))
    rows = []
    for name in names_of(measured):
        best, cells = best_of(measured, name), []
        for caption, each in measured.items():
            value = "-" if name not in each.numbers else f"{each.numbers[name]:.4g}"
            spread = f" ± {each.spreads[name]:.2g}" if name in each.spreads else ""
            cells.append(f"<b>{value}</b>{spread}" if caption == best else value + spread)
        reference = next((f"{m.references[name]:.4g}" for m in measured.values() if name in m.references), "-")
        metric = next(m.protocols[name].metric for m in measured.values() if name in m.protocols)
        cells = [html.escape(name), *cells, reference, html.escape(MEANINGS[metric])]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>\n' + "\n".join(rows) + "</table></div>"


def class_drawings(measured):
    """Bars of the classes, all models side by side."""
    series = [(caption, each.per_class) for caption, each in measured.items()]
    drawings = []
    if any(value.get("iou") is not None for _, classes in series for value in classes.values()):
        bars = plots.class_bars(series, "iou", "reference", "IoU")
        drawings.append(page.drawing(bars, "IoU by class with its share of the pixels; marks: real photographs"))
    bars = plots.class_bars(series, "colour_error", label="of 255")
    return [*drawings, page.drawing(bars, "error of the mean colour by class")]
