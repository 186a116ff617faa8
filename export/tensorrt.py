"""TensorRT engines from an exported folder, on a machine with an NVIDIA GPU.

Example:
    python -m export --run=runs/demo --output=exported --targets=tensorrt
    python -m export.tensorrt --exported=exported --precisions=float16,int8

The first command needs no GPU: it writes exported/tensorrt/ with an ONNX file per precision, the optimisation profiles,
the layouts and pictures of the proof, and build_engine.py, which is all that a machine with a GPU needs beside the
packages tensorrt and numpy. The second builds the engines there, runs them and reports parity and latency. Without a
GPU it says so in one line and ends with exit code 3.
"""

import os
import sys

from absl import flags

from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError
from ecgan_tf.outputs import expand
from export import build_engine

EXPORTED = flags.DEFINE_string("exported", None, "The folder that `python -m export` wrote.")
PRECISIONS = flags.DEFINE_list("precisions", list(build_engine.PRECISIONS), "Which of float32, float16, int8.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(exported=EXPORTED.value)
    folder = os.path.join(expand(EXPORTED.value), build_engine.FOLDER)
    wrong = [precision for precision in PRECISIONS.value if precision not in build_engine.PRECISIONS]
    if wrong or not PRECISIONS.value:
        raise RequestError(
            f"--precisions: {', '.join(wrong) or 'none given'}; choose from {', '.join(build_engine.PRECISIONS)}."
        )
    files = ["profiles.json", "proof.npz", *(f"model_{precision}.onnx" for precision in PRECISIONS.value)]
    missing = [name for name in files if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise RequestError(f"{folder} has no {', '.join(missing)}; python -m export --targets=tensorrt writes them.")
    sys.exit(build_engine.build_all(folder, PRECISIONS.value, console.say))


if __name__ == "__main__":
    cli.run(main, __doc__)
