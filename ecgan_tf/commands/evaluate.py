"""Measures a trained or exported model on the validation split, and writes a page to look at.

Example:
    ecgan evaluate --model=runs/demo --output=evaluated/
    ecgan evaluate --model=exported/model_float16.tflite --config=ecgan_earth_tiles --output=E

The data set is that of --config, else the one that the run was trained on. Writes evaluation.json and index.html with
evaluation.png. The measures are our own: the colour error per class, and the L1 distance to the photograph. Of a model
that synthesises after exemplars it also asks whether each class takes the exemplar's colour, and writes style.png.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

MODEL = flags.DEFINE_string("model", None, "A run folder, a SavedModel folder, a .tflite or an .onnx file.")
CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
STEP = flags.DEFINE_string("step", None, "Which checkpoint of a run: its step, best, or last, which is the default.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the numbers and the page.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(model=MODEL.value, output=OUTPUT.value)
    console.quiet_tensorflow()
    from ecgan_tf.evaluation.evaluate import evaluate

    evaluate(MODEL.value, OUTPUT.value, None if CONFIG.value is None else cli.read_config(CONFIG), STEP.value)
