"""Measures a model on the validation split of a data set: numbers, and a page to look at."""

import os
from typing import Any

import ml_collections
import numpy as np

from ecgan_tf.atomic_files import write_image, write_json
from ecgan_tf.console import progress_bar, say
from ecgan_tf.data import open_dataset
from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.pipeline import layout_batch
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.colour import ClassColourError
from ecgan_tf.evaluation.report import write_page
from ecgan_tf.evaluation.style import measure_style, measure_tasks
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.outputs import expand, plan_folder
from ecgan_tf.pictures import captioned_grid
from ecgan_tf.pixels import to_uint8
from ecgan_tf.runs.folder import RunFolder, read_config


def evaluate(
    model: str, output: str, config: ml_collections.ConfigDict | None = None, step: int | str | None = None
) -> dict[str, Any]:
    """Measures a model, and writes evaluation.json, index.html and its pictures.

    Args:
        model: a run folder, a SavedModel folder, a .tflite or an .onnx file.
        output: folder to write to.
        config: of the data set, or None for that which the run was trained on.
        step: of a run's checkpoint, as in `open_model`.
    Returns:
        dictionary of the numbers: colour_error and colour_error_per_class in units of 1/255, l1 in [0, 2], and of a
        model that synthesises after exemplars what `follow_exemplars` gives.
    """
    opened = open_model(expand(model), step)
    data = open_dataset(data_config(opened, config), "validation")
    if data.classes.num_classes != opened.classes.num_classes:
        raise RequestError(
            f"{model} knows {opened.classes.num_classes} classes, data set {data.name!r} has "
            f"{data.classes.num_classes}; give the config of the data set that it was trained on."
        )
    output = plan_folder(output)
    colour = ClassColourError(data.classes.num_classes)
    distances: list[float] = []
    pictures = measure_all(opened, data, colour, distances)
    numbers = {
        "model": model,
        "layouts": len(data),
        "colour_error": colour.mean(),
        "colour_error_per_class": {  # None: no image showed the class
            name: None if np.isnan(error) else error for name, error in zip(data.classes.names, colour.per_class())
        },
        "l1": float(np.mean(distances)),
    }
    if "exemplar" in opened.inputs:
        numbers.update(follow_exemplars(opened, data, output))
    write_json(os.path.join(output, "evaluation.json"), numbers)
    write_page(output, numbers, pictures)
    say(f"colour error {numbers['colour_error']:.1f} of 255, L1 {numbers['l1']:.3f} over {len(data)} layouts")
    say(f"look at {os.path.join(output, 'index.html')}")
    return numbers


def data_config(model, config=None):
    """The `config.data` of a config or of the model's run, at the model's size."""
    if config is not None:
        data = ml_collections.ConfigDict(config.data.to_dict())
    else:
        if not os.path.isfile(RunFolder(model.source).file("config.json")):
            raise RequestError(f"{model.source} is no run folder and names no data set; give --config as well.")
        data = ml_collections.ConfigDict(read_config(model.source)["data"])
    data.image_size = model.image_size
    if "exemplar" in model.inputs and data.get("exemplars", "none") == "none":
        data.exemplars = "cross+self"  # the config of a method without exemplars knows of none
    return data


def measure_all(model, data, colour, distances, shown=8):
    """Feeds every layout to the measures; returns the grid of some of them, uint8 (height, width, 3)."""
    show = progress_bar("measuring")
    rows = {"label map": [], "picture": [], "photograph": []}
    picked = evenly_spread(len(data), shown)
    for index in range(len(data)):
        batch = layout_batch(data, [index])
        image = model.generate(batch)
        colour.add(batch["labels"], batch["image"], image)
        distances.append(np.abs(np.clip(image, -1.0, 1.0) - batch["image"]).mean())
        if index in picked:
            rows["label map"].append(data.classes.colorize(batch["labels"])[0])
            rows["picture"].append(to_uint8(image)[0])
            rows["photograph"].append(to_uint8(batch["image"])[0])
        show(index + 1, len(data))
    return captioned_grid(rows, smallest_width=192)


def follow_exemplars(model, data, output):
    """Whether the classes take the colours of three exemplars for each layout, and the paper's test tasks.

    Writes style.png.
    """
    following, columns = measure_style(model.generate, data, progress=progress_bar("following exemplars"))
    if columns:
        write_image(os.path.join(output, "style.png"), captioned_grid(columns))
    say(f"a class takes its exemplar's colour in {following.share():.1%} of {following.cases} cases; see style.png")
    share = following.share() if following.cases else None
    tasks = measure_tasks(model.generate, data, progress_bar("the test tasks"))
    return {"style_followed": share, "style_cases": following.cases, **tasks}
