"""Turns a run into artefacts for servers and devices, each of which must give the pictures that Keras gives.

Example:
    ecgan export --run=runs/demo --output=exported --targets=all

Targets: saved_model (for TF Serving, a new version beside those that are there, with its files in serving/), tflite
(phones: float32, float16, int8 weights, int8 convolutions), onnx (open batch, and batch 1), openvino (float32, and
weights in float16), tensorrt (ONNX files in three precisions, with all that a machine with a GPU needs to build
engines). Writes them into --output, with model.json (classes, size), export_report.json, comparison.png and
MODEL_CARD.md. An artefact whose pictures differ from Keras' by more than its gate goes to rejected/ instead, and the
exit code is 1.
"""

from absl import flags

from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError
from ecgan_tf.outputs import expand

RUN = flags.DEFINE_string("run", None, "The run folder of a training.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the artefacts.")
TARGETS = flags.DEFINE_list("targets", ["all"], "Which of saved_model, tflite, onnx, openvino, tensorrt; or all.")
IMAGE_SIZE = flags.DEFINE_list("image_size", None, "Height and width to export for, as 128,256; default: the run's.")
STEP = flags.DEFINE_string("step", "last", "Which checkpoint: its step, best, or last.")
VERSION = flags.DEFINE_integer(
    "version",
    None,
    "Of the SavedModel: its folder's number; default: the next free one.",
    lower_bound=1,
    upper_bound=2**63 - 1,
)
NAME = flags.DEFINE_string("name", None, "The model's name on a server; default: as before, at first the method's.")
GPU_CHECK = flags.DEFINE_bool(
    "gpu_check", True, "Tries each .tflite on LiteRT's GPU delegate, where a Vulkan driver is, and reports it."
)
INTERMEDIATES = flags.DEFINE_bool(
    "intermediates", False, "The .tflite, but for split ones, also give edge, first image, and the like."
)
UINT8_IO = flags.DEFINE_bool("uint8_io", False, "The .tflite take ids and give pixels as uint8, as an app has them.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(run=RUN.value, output=OUTPUT.value)
    size = image_size()
    from export.export_run import export_run, is_large

    if not is_large(expand(RUN.value)):  # a large model's stages have processes of their own
        console.quiet_tensorflow()
    export_run(
        RUN.value,
        OUTPUT.value,
        TARGETS.value,
        size,
        UINT8_IO.value,
        STEP.value,
        GPU_CHECK.value,
        VERSION.value,
        NAME.value,
        INTERMEDIATES.value,
    )


def image_size():
    """--image_size as (height, width), or None."""
    if IMAGE_SIZE.value is None:
        return None
    if len(IMAGE_SIZE.value) != 2 or not all(length.strip().isdigit() for length in IMAGE_SIZE.value):
        raise RequestError(f"--image_size={','.join(IMAGE_SIZE.value)}: give height and width, as 128,256.")
    return tuple(map(int, IMAGE_SIZE.value))
