"""What an export leaves for people to read: export_report.json, a picture sheet, a model card."""

import numpy as np

from ecgan_tf.data.classes import ClassList
from ecgan_tf.evaluation.pictures import captioned_grid, to_uint8
from ecgan_tf.files import write_image, write_text


def write_sheet(path, model, expected, painted):
    """A picture per layout: label map, Keras, each artefact, and its difference enlarged ten times.

    Args:
        model: `InferenceModel`.
        expected: Keras' images, float (layouts, height, width, 3).
        painted: dictionary from artefact name to its images.
    """
    classes = ClassList.from_dict(model.description["classes"])
    columns = {"label map": classes.colorize(model.layouts["labels"]), "Keras": to_uint8(expected)}
    for name, images in painted.items():
        difference = np.abs(to_uint8(expected).astype(int) - to_uint8(images).astype(int))
        columns[name] = to_uint8(images)
        columns[f"{name}: difference x10"] = np.minimum(10 * difference, 255).astype(np.uint8)
    write_image(path, captioned_grid(columns, smallest_width=160))


def write_model_card(path, model, report):
    """What the model is, what it takes and gives, and what was measured when it was exported."""
    arguments = model.description["arguments"]
    classes = ClassList.from_dict(model.description["classes"])
    height, width = model.image_size
    rows = "\n".join(
        f"| `{name}` | {entry['bytes'] / 1e6:.2f} | {entry['largest_difference']} | {entry['mean_difference']:.4f} | "
        f"{entry['latency']['median_ms']:.1f} | {'passed' if entry['passed'] else 'REJECTED'} |"
        for name, entry in report["artefacts"].items()
    )
    names = ", ".join(f"{label} {name}" for label, name in enumerate(classes.names))
    unknown = f", {classes.num_classes} unknown" if arguments["has_unknown"] else ""
    boundaries = (
        ("\n- Second input: `boundaries`, float32 (batch, height, width, 1), 1 where an instance borders on another.")
        if arguments["has_boundaries"]
        else ""
    )
    write_text(
        path,
        f"""# {model.description["name"]}, {height}x{width}

Paints a photograph from a label map. Exported from step {report["step"]} of `{report["run"]}`.

- Input: `labels`, int32 (batch, {height}, {width}). Ids: {names}{unknown}.{boundaries}
- Output: `image`, float32 (batch, {height}, {width}, 3), RGB in [-1, 1]; a pixel is floor((x + 1) * 127.5 + 0.5).
- The SavedModel's signature `png` takes 8-bit greyscale PNGs of any size and gives PNGs.
- {report["parameters"]:,} values; base filters {arguments["base_filters"]}.

## Measured at export

Against Keras on {report["layouts"]} layouts of the data set, in units of 1/255; latency of one layout on
{report["machine"]} ({report["threads"]} threads), which says little about any other machine.

| artefact | MB | largest difference | mean difference | median ms | gate |
|---|---|---|---|---|---|
{rows}

## Limits

The model paints what its training set showed: classes that were rare there look poor, and other places, cameras or
seasons are not known to it. The licence of the training data binds its use.
""",
    )
