"""Does an artefact paint what Keras paints? Differences over real layouts, in units of 1/255, against its gate."""

import time

import numpy as np

from ecgan_tf.evaluation.pictures import to_uint8

# Largest difference of any pixel, by precision (float16 rounds the weights).
LARGEST_DIFFERENCE = {"float32": 1, "float16": 4}


def compare(expected, actual, precision):
    """The differences between two sets of pictures.

    Args:
        expected, actual: float (layouts, height, width, 3) in [-1, 1].
        precision: key of `LARGEST_DIFFERENCE`.
    Returns:
        dictionary of plain values; `passed` says whether the gate holds.
    """
    difference = np.abs(to_uint8(expected).astype(int) - to_uint8(actual).astype(int))
    finite = bool(np.isfinite(actual).all())
    return {
        "layouts": len(expected),
        "largest_difference": int(difference.max()),
        "mean_difference": float(difference.mean()),
        "gate": LARGEST_DIFFERENCE[precision],
        "passed": finite and int(difference.max()) <= LARGEST_DIFFERENCE[precision],
    }


def latency(synthesizer, layouts, repeats=5):
    """Median and fastest seconds of one layout, after one call to warm up."""
    one = {key: value[:1] for key, value in layouts.items()}
    synthesizer(one)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        synthesizer(one)
        times.append(time.perf_counter() - start)
    return {"median_ms": 1e3 * float(np.median(times)), "fastest_ms": 1e3 * min(times)}
