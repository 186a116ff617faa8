"""What a picture costs in each runtime that an export can be opened in, side by side, with its size and its distance.

Example:
    ecgan export --run=runs/demo --output=exported --targets=all
    python -m benchmarks.runtimes --exported=exported --labels=ecgan_tf/data/earth_tiles/val/labels

Every artefact of the export, those that missed their gate too, is opened in one process and called in turn on the same
layouts, so that ratios are fair where a machine's speed drifts. Prints a Markdown table: MB; dB against Keras, from
export_report.json; the median of the CPU milliseconds of a layout, and how many times faster than the first row that
is. OpenVINO is also timed as it computes when it is left to itself, with the dB against its float32: in bfloat16 where
the CPU has it.
"""

import os
import statistics
import time

import numpy as np
from absl import flags

from ecgan_tf import cli, console
from ecgan_tf.atomic_files import read_json
from ecgan_tf.errors import RequestError
from ecgan_tf.openvino_core import openvino_core

EXPORTED = flags.DEFINE_string("exported", None, "The folder of an export.")
LABELS = flags.DEFINE_string("labels", None, "A label map, or a folder of them.")
LAYOUTS = flags.DEFINE_integer("layouts", 4, "How many, evenly spread.", lower_bound=1)
THREADS = flags.DEFINE_integer("threads", 1, "Of each runtime.", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 15, "Calls of each.", lower_bound=1)
HEADER = "| artefact | runtime | MB | dB | CPU ms | times faster |"


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(exported=EXPORTED.value, labels=LABELS.value)
    console.quiet_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    entries = read_json(os.path.join(EXPORTED.value, "export_report.json"))["artefacts"]
    sides = {name: open_side(name, entry) for name, entry in entries.items()}
    layouts = read_layouts(next(iter(sides.values()))[1])
    psnr = {name: entry["difference"]["psnr"] for name, entry in entries.items()}
    size = {name: entry["bytes"] / 1e6 for name, entry in entries.items()}
    own = [name for name in sides if name.startswith("openvino_float32")]
    for name in own:
        other = f"{name}, as it likes"
        sides[other] = ("OpenVINO", open_openvino_as_it_likes(sides[name][1]))
        psnr[other], size[other] = distance(sides[name][1], sides[other][1], layouts), size[name]
    console.say(table_of(sides, size, psnr, measure(sides, layouts)))


def open_side(name, entry):
    """(name of the runtime, synthesizer) of an artefact."""
    from ecgan_tf.inference import runtimes

    path = os.path.join(EXPORTED.value, "" if entry["passed"] else "rejected", name)
    if name.endswith(".tflite"):
        return "LiteRT", runtimes.open_tflite(path, THREADS.value)
    if name.endswith(".onnx"):
        return "ONNX Runtime", runtimes.open_onnx(path, THREADS.value)
    if runtimes.is_openvino(path):
        return "OpenVINO", runtimes.open_openvino(os.path.join(path, runtimes.OPENVINO_FILE), THREADS.value)
    return ("LiteRT" if runtimes.is_split(path) else "TensorFlow"), runtimes.open_model(path)


def open_openvino_as_it_likes(synthesizer):
    """The same file without the precision that this project asks for."""
    core = openvino_core()
    model = core.read_model(synthesizer.source)
    model.reshape({value.get_any_name(): [1, *value.get_partial_shape()[1:]] for value in model.inputs})
    compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": THREADS.value})
    description = {
        "arguments": {"image_size": synthesizer.image_size},
        "classes": synthesizer.classes.to_dict(),
    }
    return type(synthesizer)(
        synthesizer.source, description, synthesizer.inputs, lambda inputs: compiled(inputs)["image"].copy()
    )


def read_layouts(synthesizer):
    """Some layouts at the model's size: a list of dictionaries, one example each."""
    from ecgan_tf.data.label_maps import labels_from_file, list_label_maps, resize_labels

    if set(synthesizer.inputs) - set(synthesizer.latents) != {"labels"}:
        raise RequestError(
            f"--exported={EXPORTED.value}: its model takes {', '.join(synthesizer.inputs)}; only labels."
        )
    files = list_label_maps(LABELS.value)
    files = [files[index] for index in np.unique(np.linspace(0, len(files) - 1, LAYOUTS.value).astype(int))]
    labels = [resize_labels(labels_from_file(file, synthesizer.classes), synthesizer.image_size) for file in files]
    return [{"labels": each[None], **synthesizer.draw(1)} for each in labels]


def distance(synthesizer, other, layouts):
    """PSNR in dB between the pictures of two, of the worst layout."""
    from export.parity import compare

    pairs = [(synthesizer.generate(layout), other.generate(layout)) for layout in layouts]
    return min(compare(*pair, "float32")["difference"]["psnr"] for pair in pairs)


def measure(sides, layouts):
    """Median CPU milliseconds of each, called in turn: dictionary by name."""
    times = {name: [] for name in sides}
    for _, synthesizer in sides.values():
        synthesizer.generate(layouts[0])
    for turn in range(ROUNDS.value):
        for name, (_, synthesizer) in sides.items():
            start = time.process_time()
            synthesizer.generate(layouts[turn % len(layouts)])
            times[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(each) for name, each in times.items()}


def table_of(sides, size, psnr, times):
    first = next(iter(times.values()))
    lines = [HEADER, f"|{'---|' * 6}"]
    for name, (runtime, _) in sides.items():
        facts = f"| `{name}` | {runtime} | {size[name]:.1f} | {psnr[name]:.0f} "
        lines.append(f"{facts}| {times[name]:.0f} | {first / times[name]:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    cli.run(main, __doc__)
