"""One stage of an export of a large model, in the process that `export.children` starts for it.

Example:
    python -m export.stage WORK make model_float32.onnx
"""

import os

from ecgan_tf import cli, console
from ecgan_tf.atomic_files import read_json, write_json
from ecgan_tf.memory import let_tensorflow_return, peak_bytes
from export.children import REQUEST, RESULT


def main(argv):
    _, work, name, *arguments = argv
    if arguments not in ([], ["saved_model"]):  # which TensorFlow computes pictures in
        let_tensorflow_return()
    console.quiet_tensorflow()
    from export.stages import Stages

    stages = Stages(read_json(os.path.join(work, REQUEST)), work, beside=peak_bytes(os.getppid()) or 0)
    write_json(os.path.join(work, RESULT), getattr(stages, name)(*arguments))


if __name__ == "__main__":
    cli.run(main, __doc__)
