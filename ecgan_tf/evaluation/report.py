"""The page that an evaluation leaves to look at."""

import html
import os

from ecgan_tf.atomic_files import write_image, write_text


def write_page(folder, numbers, pictures):
    """index.html: the numbers as a table, the pictures beside it.

    Args:
        folder: for index.html and evaluation.png.
        numbers: of `evaluate`.
        pictures: grid, uint8 (height, width, 3).
    """
    write_image(os.path.join(folder, "evaluation.png"), pictures)
    rows = "\n".join(
        f"<tr><td>{html.escape(name)}</td><td>{'-' if error is None else f'{error:.1f}'}</td></tr>"
        for name, error in numbers["colour_error_per_class"].items()
    )
    style = ""
    if "style_cases" in numbers:
        share = numbers["style_followed"]
        style = (
            f"<tr><td>exemplar's colours followed, of {numbers['style_cases']} cases</td>"
            f"<td>{'-' if share is None else f'{share:.1%}'}</td></tr>"
        ) + "".join(
            f"<tr><td>L1, {task} the exemplar</td><td>{numbers[f'l1_{task}']:.3f}</td></tr>"
            for task in ("duplicating", "mirroring", "retrieving")
        )
    page = f"""<!doctype html>
<meta charset="utf-8"><title>Evaluation of {html.escape(numbers["model"])}</title>
<style>
  body {{ font: 15px system-ui, sans-serif; margin: 2rem; display: flex; gap: 3rem; flex-wrap: wrap }}
  td {{ padding: .15rem 1rem .15rem 0 }} td + td {{ text-align: right }} img {{ max-width: 100% }}
</style>
<section><h1>{html.escape(numbers["model"])}</h1>
<p>{numbers["layouts"]} validation layouts.</p>
<table>
<tr><th align="left">colour error</th><th>of 255</th></tr>
<tr><td><b>mean over the classes</b></td><td><b>{numbers["colour_error"]:.1f}</b></td></tr>
{rows}
<tr><td>L1 to the photograph, in [0, 2]</td><td>{numbers["l1"]:.3f}</td></tr>
{style}
</table>
<p>Colour error: distance of a class's mean colour<br>from the photograph's. Our own measure.</p></section>
<section><img src="evaluation.png" alt="label map, picture, photograph">
{'<img src="style.png" alt="three exemplars for each layout">' if style else ""}</section>
"""
    write_text(os.path.join(folder, "index.html"), page)
