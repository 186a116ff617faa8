"""What a machine with a GPU needs to build TensorRT engines: written, and checked, on any machine."""

import os
import shutil

import numpy as np

from ecgan_tf.atomic_files import atomic_path, write_json
from ecgan_tf.pixels import to_uint8
from export import build_engine
from export.parity import GATES

FOLDER = build_engine.FOLDER
LARGEST_BATCH = 8  # of the optimisation profiles


def write_build_folder(model, expected, output):
    """Puts beside the ONNX files what a machine with a GPU needs to build, run and judge the engines.

    Args:
        model: `InferenceModel`.
        expected: Keras' images of its layouts, float (layouts, height, width, 3).
        output: the export's folder.
    """
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
