"""Measures a trained or exported model on the validation split, and writes a page to look at.

Example:
    python -m ecgan_tf.evaluate --model=runs/demo --output=evaluated/
    python -m ecgan_tf.evaluate --model=exported/model_float16.tflite --config=configs/ecgan_earth_tiles.py --output=E

The data set is that of --config, else the one that the run was trained on. Writes evaluation.json and index.html with
evaluation.png. The measures are our own: the colour error per class, and the L1 distance to the photograph. Of a model
that paints after exemplars it also asks whether each class takes the exemplar's colour, and writes style.png.
"""

import html
import os

import ml_collections
import numpy as np
from absl import flags
from ml_collections import config_flags

from ecgan_tf import commands
from ecgan_tf.commands import RequestError, say

MODEL = flags.DEFINE_string("model", None, "A run folder, a SavedModel folder, a .tflite or an .onnx file.")
CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, for its data set.", lock_config=True)
OUTPUT = flags.DEFINE_string("output", None, "Folder for the numbers and the page.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(model=MODEL.value, output=OUTPUT.value)

    commands.quiet_tensorflow()
    from ecgan_tf.data import open_dataset
    from ecgan_tf.evaluation.colour import ClassColourError
    from ecgan_tf.files import write_json
    from ecgan_tf.runtimes import open_model

    model = open_model(MODEL.value)
    data = open_dataset(data_config(model), "validation")
    if data.classes.num_classes != model.classes.num_classes:
        raise RequestError(
            f"{MODEL.value} knows {model.classes.num_classes} classes, data set {data.name!r} has "
            f"{data.classes.num_classes}; give the config of the data set that it was trained on."
        )
    colour, distances = ClassColourError(data.classes.num_classes), []
    pictures = paint_all(model, data, colour, distances)
    numbers = {
        "model": MODEL.value,
        "layouts": len(data),
        "colour_error": colour.mean(),
        "colour_error_per_class": {  # None: no image showed the class
            name: None if np.isnan(error) else error for name, error in zip(data.classes.names, colour.per_class())
        },
        "l1": float(np.mean(distances)),
    }
    if "exemplar" in model.inputs:
        numbers.update(follow_exemplars(model, data))
    write_json(os.path.join(OUTPUT.value, "evaluation.json"), numbers)
    write_page(numbers, pictures)
    say(f"colour error {numbers['colour_error']:.1f} of 255, L1 {numbers['l1']:.3f} over {len(data)} layouts")
    say(f"look at {os.path.join(OUTPUT.value, 'index.html')}")


def data_config(model):
    """config.data of --config or of the run, at the model's size."""
    if CONFIG.value is not None:
        data = ml_collections.ConfigDict(commands.read_config(CONFIG).data.to_dict())
    else:
        from ecgan_tf.training.run_folder import RunFolder, read_json

        path = RunFolder(MODEL.value).file("config.json")
        if not os.path.isfile(path):
            raise RequestError(f"{MODEL.value} is no run folder and names no data set; give --config as well.")
        data = ml_collections.ConfigDict(read_json(path)["data"])
    data.image_size = model.image_size
    if "exemplar" in model.inputs and data.get("exemplars", "none") == "none":
        data.exemplars = "cross+self"  # an ECGAN's config knows of none
    return data


def paint_all(model, data, colour, distances, shown=8):
    """Feeds every layout to the measures; returns the grid of some of them, uint8 (height, width, 3)."""
    from ecgan_tf.data.dataset import evenly_spread
    from ecgan_tf.data.pipeline import layout_batch
    from ecgan_tf.evaluation.pictures import captioned_grid, to_uint8

    show = commands.progress_bar("painting")
    rows = {"label map": [], "painted": [], "photograph": []}
    picked = evenly_spread(len(data), shown)
    for index in range(len(data)):
        batch = layout_batch(data, [index])
        image = model(batch)
        colour.add(batch["labels"], batch["image"], image)
        distances.append(np.abs(np.clip(image, -1.0, 1.0) - batch["image"]).mean())
        if index in picked:
            rows["label map"].append(data.classes.colorize(batch["labels"])[0])
            rows["painted"].append(to_uint8(image)[0])
            rows["photograph"].append(to_uint8(batch["image"])[0])
        show(index + 1, len(data))
    return captioned_grid(rows, smallest_width=192)


def follow_exemplars(model, data):
    """Whether the classes take the colours of three exemplars for each layout, and the paper's test tasks.

    Writes style.png.
    """
    from ecgan_tf.evaluation.pictures import captioned_grid
    from ecgan_tf.evaluation.style import measure_style, measure_tasks
    from ecgan_tf.files import write_image

    following, columns = measure_style(model, data, progress=commands.progress_bar("painting after exemplars"))
    if columns:
        write_image(os.path.join(OUTPUT.value, "style.png"), captioned_grid(columns))
    say(f"a class takes its exemplar's colour in {following.share():.1%} of {following.cases} cases; see style.png")
    share = following.share() if following.cases else None
    tasks = measure_tasks(model, data, commands.progress_bar("painting the test tasks"))
    return {"style_followed": share, "style_cases": following.cases, **tasks}


def write_page(numbers, pictures):
    """index.html: the numbers as a table, the pictures beside it."""
    from ecgan_tf.files import write_image, write_text

    write_image(os.path.join(OUTPUT.value, "evaluation.png"), pictures)
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
<section><img src="evaluation.png" alt="label map, painted, photograph">
{'<img src="style.png" alt="three exemplars for each layout">' if style else ""}</section>
"""
    write_text(os.path.join(OUTPUT.value, "index.html"), page)


if __name__ == "__main__":
    commands.run(main, __doc__)
