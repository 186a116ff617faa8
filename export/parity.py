"""Does an artefact give Keras' pictures? Differences over real layouts, in units of 1/255, against its gate."""

import time

import numpy as np

from ecgan_tf.pixels import to_uint8
from export.build_engine import differences, missed

# Bounds by precision, for the worst layout: upper ones, but for the PSNR in dB.
GATES = {
    "float32": {"largest": 1},
    "float16": {"largest": 4},
    "dynamic_int8": {"p99_9": 8},
    "int8": {"p99": 16, "psnr": 30},
    "int16": {"p99": 16, "psnr": 30},
}


def compare(expected, actual, precision):
    """The differences between two sets of pictures.

    Args:
        expected, actual: float (layouts, height, width, 3) in [-1, 1].
        precision: key of `GATES`.
    Returns:
        dictionary of plain values; `passed` says whether the gate holds, `missed` what of it does not.
    """
    measured = differences(to_uint8(expected), to_uint8(actual))
    failures = missed(GATES[precision], measured)
    if not np.isfinite(actual).all():
        failures.append("values that are not finite")
    return {
        "precision": precision,
        "layouts": len(expected),
        "difference": measured,
        "gate": GATES[precision],
        "passed": not failures,
        "missed": failures,
    }


def latency(synthesizer, layouts, repeats=5, seconds=10.0):
    """Median and fastest milliseconds of a layout, of a model that is warm by now; fewer repeats after `seconds`."""
    one = {key: value[:1] for key, value in layouts.items()}
    times = []
    while len(times) < repeats and sum(times) < seconds:
        start = time.perf_counter()
        synthesizer.generate(one)
        times.append(time.perf_counter() - start)
    return {"median_ms": 1e3 * float(np.median(times)), "fastest_ms": 1e3 * min(times)}
