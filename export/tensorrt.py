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
import shutil
import sys

import numpy as np
from absl import flags

from ecgan_tf import commands
from ecgan_tf.commands import RequestError
from export import build_engine

FOLDER = "tensorrt"
LARGEST_BATCH = 8  # of the optimisation profiles


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(exported=EXPORTED.value)
    folder = os.path.join(EXPORTED.value, FOLDER)
    wrong = [precision for precision in PRECISIONS.value if precision not in build_engine.PRECISIONS]
    if wrong or not PRECISIONS.value:
        raise RequestError(
            f"--precisions: {', '.join(wrong) or 'none given'}; choose from {', '.join(build_engine.PRECISIONS)}."
        )
    files = ["profiles.json", "proof.npz", *(f"model_{precision}.onnx" for precision in PRECISIONS.value)]
    missing = [name for name in files if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise RequestError(f"{folder} has no {', '.join(missing)}; python -m export --targets=tensorrt writes them.")
    sys.exit(build_engine.build_all(folder, PRECISIONS.value, commands.say))


def write_tensorrt_onnx(model, path, precision):
    """An .onnx that TensorRT's parser takes, by its documented operators; see `write_onnx`."""
    import onnx

    from export.onnx import write_onnx
    from export.tensorrt_operators import unsupported

    write_onnx(model, path, precision)
    mistakes = unsupported(onnx.load(path))
    if mistakes:
        raise ValueError(f"TensorRT's ONNX parser would refuse {path}: {'; '.join(mistakes)}")


def write_build_folder(model, expected, output):
    """Puts beside the ONNX files what a machine with a GPU needs to build, run and judge the engines.

    Args:
        model: `InferenceModel`.
        expected: Keras' images of its layouts, float (layouts, height, width, 3).
        output: the export's folder.
    """
    from ecgan_tf.evaluation.pictures import to_uint8
    from ecgan_tf.files import atomic_path, write_json
    from export.proof import GATES

    folder = os.path.join(output, FOLDER)
    profiles = {
        name: {key: [batch, *spec.shape[1:]] for key, batch in (("min", 1), ("opt", 1), ("max", LARGEST_BATCH))}
        for name, spec in model.signature(None).items()
    }
    gates = {precision: GATES[precision] for precision in build_engine.PRECISIONS}
    write_json(os.path.join(folder, "profiles.json"), {"profiles": profiles, "gates": gates})
    with atomic_path(os.path.join(folder, "proof.npz")) as temporary:
        np.savez_compressed(temporary, expected=to_uint8(expected), **model.layouts)
    with atomic_path(os.path.join(folder, "build_engine.py")) as temporary:
        shutil.copyfile(build_engine.__file__, temporary)


if __name__ == "__main__":
    EXPORTED = flags.DEFINE_string("exported", None, "The folder that `python -m export` wrote.")
    PRECISIONS = flags.DEFINE_list("precisions", list(build_engine.PRECISIONS), "Which of float32, float16, int8.")
    commands.run(main, __doc__)
