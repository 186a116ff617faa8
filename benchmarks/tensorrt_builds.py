"""What TensorRT's own parser and builder make of an export, by a package that needs no GPU for it.

Example:
    python -m export --run=R --output=E --targets=tensorrt
    python -m benchmarks.tensorrt_builds --exported=E

Prints for each ONNX file of E/tensorrt its operators, the layers of its network, CPU seconds and megabytes of the
engine, which is not kept: tensorrt-rtx-cu12 builds for GPUs of other machines, and runs nothing without one.
"""

import os
import time

from absl import flags

from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError

EXPORTED = flags.DEFINE_string("exported", None, "The folder that `python -m export` wrote.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(exported=EXPORTED.value)
    from export import build_engine
    from export.onnx import operators
    from export.tensorrt_parser import find_parser, parsed

    trt, reason = find_parser()
    if trt is None:
        raise RequestError(f"no TensorRT: {reason}; pip install tensorrt-rtx-cu12.")
    folder = os.path.join(EXPORTED.value, build_engine.FOLDER)
    plan, _ = build_engine.read_plan(folder)
    console.say(
        f"{trt.__name__} {trt.__version__}\n| file | operators | layers | CPU seconds | engine, MB |\n|{'---|' * 5}"
    )
    for precision in build_engine.PRECISIONS:
        path = os.path.join(folder, f"model_{precision}.onnx")
        content, found = build_engine.read_whole(path), parsed(path)
        if found["refused"]:
            raise RequestError(f"{path}: {found['refused']}.")
        start = time.process_time()
        engine, _ = build_engine.build(trt, content, plan["profiles"], precision)
        seconds = time.process_time() - start
        counts = f"{operators(path).total():,} | {found['layers']:,}"
        console.say(f"| {precision} | {counts} | {seconds:.1f} | {len(engine) / 1e6:.2f} |")
        for warning in found["warnings"]:
            console.say(f"{precision}: {warning}")


if __name__ == "__main__":
    cli.run(main, __doc__)
