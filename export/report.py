"""What an export leaves for people to read: export_report.json, a picture sheet, a model card."""

import os

import numpy as np

from ecgan_tf.atomic_files import write_image, write_text
from ecgan_tf.data.classes import ClassList
from ecgan_tf.inference.runtimes import OPENVINO_FILE, is_openvino
from ecgan_tf.latents import LATENTS
from ecgan_tf.pictures import captioned_grid
from ecgan_tf.pixels import to_uint8
from export.build_engine import FOLDER
from export.tensorrt_parser import in_words, parsed

ALIKE = 30.0  # dB between a file's pictures on the CPU and on a GPU, whose int8 rounds otherwise


def inspect(path):
    """What is inside an artefact, for its entry of the report: its operators, and what runtimes take of them."""
    if path.endswith(".tflite"):
        from export.tflite import delegation, operators

        with open(path, "rb") as file:
            content = file.read()
        return {"operators": dict(sorted(operators(content).items())), "xnnpack": delegation(content)}
    if path.endswith(".onnx"):
        from export.onnx import operators

        of_tensorrt = os.path.basename(os.path.dirname(path)) == FOLDER
        return {
            "operators": dict(sorted(operators(path).items())),
            **({"tensorrt_parser": parsed(path)} if of_tensorrt else {}),
        }
    if is_openvino(path):
        from export.openvino import operators

        return {"operators": dict(sorted(operators(os.path.join(path, OPENVINO_FILE)).items()))}
    return {}


def delegate_lines(entries):
    """What there is to say of LiteRT's GPU delegate: a line for all .tflite that it takes whole, one for each other."""
    found = {name: entry["gpu"] for name, entry in entries.items() if "gpu" in entry}
    whole = [name for name, gpu in found.items() if gpu["checked"] and gpu["whole"] and gpu["psnr"] >= ALIKE]
    if whole:
        least, adapter = min(found[name]["psnr"] for name in whole), found[whole[0]]["adapter"]
        yield f"GPU delegate: {', '.join(whole)} run whole on {adapter}, {least:.0f} dB or more from the CPU's pictures"
    for why in dict.fromkeys(gpu["why"] for gpu in found.values() if not gpu["checked"]):
        names = [name for name, gpu in found.items() if gpu.get("why") == why]
        yield f"GPU delegate: {', '.join(names)} not checked: {why}"
    for name, gpu in found.items():
        if gpu["checked"] and not gpu["whole"]:
            yield f"warning: GPU delegate: {name} does not run whole on {gpu['adapter']}: {'; '.join(gpu['refused'])}"
        elif gpu["checked"] and name not in whole:
            yield f"warning: GPU delegate: {name} paints otherwise on {gpu['adapter']}: {gpu['psnr']:.0f} dB"


def write_sheet(path, model, expected, synthesised):
    """Two rows per layout: label map, Keras and each artefact; below each artefact its difference times ten.

    Args:
        model: `InferenceModel`.
        expected: Keras' images, float (layouts, height, width, 3).
        synthesised: dictionary from artefact name to its images.
    """
    classes = ClassList.from_dict(model.description["classes"])
    keras = to_uint8(expected)
    blank = np.full_like(keras, 255)
    columns = {
        "label map": interleave(classes.colorize(model.layouts["labels"]), blank),
        "Keras | below: diff. x10": interleave(keras, blank),
    }
    for name, images in synthesised.items():
        difference = np.abs(keras.astype(int) - to_uint8(images).astype(int))
        caption = name.replace("model_", "").replace("tensorrt", "trt").replace("dynamic", "dyn")
        columns[caption] = interleave(to_uint8(images), np.minimum(10 * difference, 255).astype(np.uint8))
    write_image(path, captioned_grid(columns))


def interleave(first, second):
    """Examples of two arrays in turn."""
    return np.stack([first, second], axis=1).reshape(-1, *first.shape[1:])


def _codes(model):
    """What the random inputs are, of a model that has some."""
    found = [name for name in LATENTS if name in model.signature(None)]
    if not found:
        return ""
    names = " and ".join(f"`{name}`" for name in found)
    line = f"\n- {names}: any numbers from N(0, 1), which choose one of a layout's many pictures."
    if "noise" in found:
        line += " `noise` is a code for each label: one for all of them, as compared here, or others for some."
    return line


def write_model_card(path, model, report):
    """What the model is, what it takes and gives, and what was measured when it was exported."""
    arguments = model.description["arguments"]
    classes = ClassList.from_dict(model.description["classes"])
    height, width = model.image_size
    names = ", ".join(f"{label} {name}" for label, name in enumerate(classes.names))
    unknown = f", {classes.num_classes} unknown" if arguments["has_unknown"] else ""
    inputs = "\n".join(
        f"- Input: `{name}`, {spec.dtype.name} {('batch', *spec.shape[1:])}.".replace("'", "")
        for name, spec in model.signature(None).items()
    )
    before, after = (report["graph"][key] for key in ("before_folding", "after_folding"))
    write_text(
        path,
        f"""# {model.description["name"]}, {height}x{width}

Label map in, photograph out. Exported from step {report["step"]} of the run `{model.description["source"]}`.

{inputs}{_codes(model)}
- Label ids: {names}{unknown}.
- Output: `image`, float32 (batch, {height}, {width}, 3), RGB in [-1, 1]; a pixel is floor((x + 1) * 127.5 + 0.5).
- The SavedModel's signature `png` takes greyscale PNGs of file values, 8 or 16 bits, of any size, and gives PNGs; its
  `labels_uint8` takes ids as uint8 and gives `pixels`, uint8.
- {after["values"]:,} values, {after["operators"]} operators; before spectral norms and batch statistics went into the
  kernels, {before["operators"]}. Base filters {arguments["base_filters"]}.
- Licence of the training data: {model.description["licence"]}.{_terms(model.description)}

## Measured at export

Against Keras on {report["layouts"]} layouts of the data set, in units of 1/255, the worst layout counting; latency of
one layout on {report["machine"]} ({report["threads"]} threads), which says little about any other machine.
{_peak(report)}{_flat(report)}

| artefact | MB | largest | 99.9% | 99% | mean | PSNR, dB | median ms | gate |
|---|---|---|---|---|---|---|---|---|
{_rows(report)}{_parsed(report)}
{_delegates(report)}
## Limits

The model synthesises what its training set showed: classes that were rare there look poor, and other places, cameras or
seasons are not known to it. The licence of the training data binds its use.
""",
    )


def flat_words(entries):
    """What there is to say of a model whose pictures are constant, which every artefact would pass with; or ""."""
    flat = [entry["contrast"] for entry in entries.values() if entry.get("flat")]
    return f"the pictures are almost constant (contrast {flat[0]:.1f} of 255)" if flat else ""


def _flat(report):
    words = flat_words(report["artefacts"])
    return f"\n\n**{words.capitalize()}: likeness proves little here.**" if words else ""


def _delegates(report):
    lines = list(delegate_lines(report["artefacts"]))
    return "\n" + "\n".join(f"- {line}." for line in lines) + "\n" if lines else ""


def _terms(description):
    """A line of the card on what the model was trained for; none of a run that nobody wrote it down of."""
    if "terms" not in description:
        return ""
    without = ", ".join(description["missing_terms"])
    rest = f"; without {without}, whose network was not at hand" if without else ""
    return f"\n- Terms of the loss: {', '.join(description['terms'])}{rest}."


def _peak(report):
    """What the export took of memory, where the machine says."""
    return (
        f" The export took {report['peak_bytes'] / 1e9:.1f} GB of memory at its peak." if report["peak_bytes"] else ""
    )


def _version(entry):
    return f", version {entry['version']}" if "version" in entry else ""


def _parsed(report):
    """What TensorRT's parser said of the files that are made for it; or that it was not asked."""
    entries = {name: entry for name, entry in report["artefacts"].items() if name.startswith(FOLDER + os.sep)}
    lines = [
        f"\n- `{name}`: {in_words(entry['tensorrt_parser']) if 'tensorrt_parser' in entry else 'not parsed'}."
        for name, entry in entries.items()
    ]
    return "\n\nNo engine was built or run at export." + "".join(["\n", *lines]) if lines else ""


def _rows(report):
    rows = []
    for name, entry in report["artefacts"].items():
        far = entry["difference"]
        gate = ", ".join(
            f"{measure} {'>=' if measure == 'psnr' else '<='} {bound}" for measure, bound in entry["gate"].items()
        )
        rows.append(
            f"| `{name}`{_version(entry)} | {entry['bytes'] / 1e6:.2f} | {far['largest']} | {far['p99_9']:.1f} | "
            f"{far['p99']:.1f} | {far['mean']:.4f} | {far['psnr']:.1f} | {entry['latency']['median_ms']:.1f} | "
            f"{gate}: {'passed' if entry['passed'] else 'REJECTED'} |"
        )
    return "\n".join(rows)
