"""The drawings of a report, as SVG for a page: bars of the classes, spectra, confusion, curves of a run."""

import io

import matplotlib

matplotlib.use("Agg")  # no screen is asked for
import numpy as np
from matplotlib.figure import Figure

STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.fonttype": "none",
         "svg.hashsalt": "ecgan_tf"}  # fmt: skip
TERMS_SHOWN = 8  # curves in one drawing


def svg_of(figure):
    """A figure as an <svg> element, the same for the same data."""
    content = io.StringIO()
    figure.savefig(content, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = content.getvalue()
    return text[text.index("<svg") :]


def class_bars(series, key, reference=None, label=None):
    """Horizontal bars of one value per class, widest class first, with the share of the pixels in the label.

    Args:
        series: list of (caption, classes), whose bars stand side by side: dictionaries from class name to a dictionary
            with `share`, `key` and perhaps `reference`.
        key: what the bars show.
        reference: key of what photographs reach, a mark beside each bar; or None.
        label: of the axis.
    """
    first = series[0][1]
    names = sorted((name for name in first if first[name]["share"]), key=lambda name: first[name]["share"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6, 0.8 + len(names) * (0.16 + 0.12 * len(series))))
        axes, height = figure.subplots(), 0.8 / len(series)
        for number, (caption, classes) in enumerate(series):
            values = [np.nan if classes[name].get(key) is None else classes[name][key] for name in names]
            places = np.arange(len(names)) + (len(series) - 1 - number) * height - 0.4 + height / 2
            axes.barh(places, values, height, label=caption, color=f"C{number}")
        if reference and any(first[name].get(reference) is not None for name in names):
            marks = [np.nan if first[name].get(reference) is None else first[name][reference] for name in names]
            axes.plot(marks, np.arange(len(names)), "k|", markersize=10, label="photographs")
        axes.set_yticks(np.arange(len(names)), [f"{name}  {100 * first[name]['share']:.1f}%" for name in names])
        axes.set_xlabel(label or key)
        if len(series) > 1 or reference:
            axes.legend(frameon=False, loc="best")
        return svg_of(figure)


def spectrum_lines(series):
    """Power over the photographs' by frequency: a line for each of (caption, `Measured.spectrum`)."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 3))
        axes = figure.subplots()
        for number, (caption, spectrum) in enumerate(series):
            bands = (np.arange(len(spectrum["radial"])) + 0.5) / len(spectrum["radial"]) / 2
            axes.plot(bands, spectrum["radial"], color=f"C{number}", label=caption)
            axes.plot(bands, spectrum["diagonal"], "--", color=f"C{number}", label=f"{caption}, diagonal")
        axes.axhline(1.0, color="black", linewidth=0.7)
        axes.set_yscale("log")
        axes.set_xlabel("cycles a pixel")
        axes.set_ylabel("power / photographs'")
        axes.legend(frameon=False, fontsize=7)
        return svg_of(figure)


def confusion_map(matrix, names):
    """Which class the segmenter saw where another one was asked for, as shares of the asked one.

    Args:
        matrix: int (classes, classes or more): rows are what was asked for.
        names: of the classes.
    """
    matrix = np.asarray(matrix, float)
    rows = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = 1.5 + 0.22 * len(names)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(side + 0.8, side))
        axes = figure.subplots()
        picture = axes.imshow(matrix / rows, vmin=0, vmax=1, cmap="Blues", aspect="auto")
        seen = [*names, *["other"] * (matrix.shape[1] - len(names))]
        axes.set_xticks(range(len(seen)), seen, rotation=90, fontsize=7)
        axes.set_yticks(range(len(names)), names, fontsize=7)
        axes.set_xlabel("seen")
        axes.set_ylabel("asked for")
        figure.colorbar(picture, fraction=0.04)
        return svg_of(figure)


def curves(series, keys, title):
    """Curves over the steps.

    Args:
        series: list of (caption, lines), dictionaries with `step`.
        keys: which values of a line; what a line does not have is left out.
        title: of the drawing.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5, 3))
        axes = figure.subplots()
        for caption, lines in series:
            for key in keys:
                points = [(line["step"], line[key]) for line in lines if isinstance(line.get(key), int | float)]
                if points:
                    axes.plot(*zip(*points), label=f"{caption} {key}".strip(), linewidth=1)
        axes.set_xlabel("step")
        axes.set_title(title, fontsize=9)
        if axes.lines:
            axes.legend(frameon=False, fontsize=7)
        return svg_of(figure)
