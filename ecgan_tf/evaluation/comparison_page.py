"""The page that compares several models."""

import os

from ecgan_tf.atomic_files import write_text
from ecgan_tf.evaluation import page
from ecgan_tf.evaluation.compare import best_of, names_of, reference_of
from ecgan_tf.evaluation.report import MEANINGS, class_drawings, described, run_curves, spectrum_drawing


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
        page.section("Classes", *class_drawings([(caption, each.per_class) for caption, each in measured.items()])),
        page.section("Texture", spectrum_drawing([(caption, each.spectrum) for caption, each in measured.items()])),
        page.section("The runs", *run_curves(runs)),
    )
    write_text(os.path.join(folder, "index.html"), text)


def comparison_table(measured):
    """A row per number with every model's value, the best in bold, and what real photographs reach."""
    rows, bold = [], set()
    for name in names_of(measured):
        best, cells = best_of(measured, name), [name]
        for caption, each in measured.items():
            if caption == best:
                bold.add((len(rows), len(cells)))
            spread = f" ± {each.spreads[name]:.2g}" if name in each.spreads else ""
            cells.append(f"{each.numbers[name]:.4g}{spread}" if name in each.numbers else "-")
        reference = reference_of(measured, name)
        metric = next(m.protocols[name].metric for m in measured.values() if name in m.protocols)
        rows.append([*cells, "-" if reference is None else f"{reference:.4g}", MEANINGS[metric]])
    return page.table(("number", *measured, "photographs", "what it is"), rows, bold)
