"""Measures a model, or pictures, on the validation split, and writes a page to look at.

Example:
    ecgan segmenter --config=ecgan_earth_tiles --output=judge.npz
    ecgan evaluate --model=runs/demo --judge=judge.npz --output=evaluated/
    ecgan evaluate --model=exported/model_float16.tflite --config=ecgan_earth_tiles --output=E
    ecgan evaluate --pictures=made_elsewhere --config=ecgan_earth_tiles --output=E

The data set is that of --config, else the one that the run was trained on. Writes evaluation.json and index.html, a
page that needs no other file. SSIM, PSNR, L1, sharpness, spectra, edges and our colour error need no network. A
--judge gives the others: the .npz of `ecgan segmenter` mIoU, accuracies (with the photographs' as their ceiling),
Frechet and kernel distance of its features (fd_own, kd_own); the .pth of the FID's Inception fid and kid; a .json that
describes a network in another file whatever it has (docs/evaluation.md); hed or stlpips the networks of these packages.
Every number is named after its protocol, and compares with numbers of that name alone. No network judges that the
run's loss has used. Of a model that synthesises after exemplars it also asks whether each class takes the exemplar's
colour.
"""

from absl import flags
from ml_collections import config_flags

from ecgan_tf import cli, console

MODEL = flags.DEFINE_string("model", None, "A run folder, a SavedModel or OpenVINO folder, a .tflite or an .onnx file.")
CONFIG = config_flags.DEFINE_config_file("config", None, "A file of configs/, or its name.", lock_config=True)
STEP = flags.DEFINE_string("step", None, "Which checkpoint of a run: its step, best, or last, which is the default.")
JUDGE = flags.DEFINE_multi_string("judge", [], "A network that measures; may be repeated.")
PICTURES = flags.DEFINE_string("pictures", None, "A folder of pictures of the layouts, in place of --model.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the numbers and the page.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(output=OUTPUT.value)
    console.quiet_tensorflow()
    from ecgan_tf.evaluation.evaluate import evaluate

    config = None if CONFIG.value is None else cli.read_config(CONFIG)
    evaluate(MODEL.value, OUTPUT.value, config, STEP.value, JUDGE.value, PICTURES.value)
