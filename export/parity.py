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
    "static_int8": {"p99": 16, "psnr": 38},
}


# Of the deviation of the last convolution's output, before tanh: how far off it may be. A picture without contrast is
# like any other, however wrong.
RELATIVE = {"float32": 0.01, "float16": 0.05, "dynamic_int8": 0.15, "static_int8": 0.25, "int8": 0.35}
FLAT = 2.0  # of 255: the deviation of a model's pictures below which their likeness proves nothing


def compare(expected, actual, precision, rounded=False):
    """The differences between two sets of pictures.

    Args:
        expected, actual: float (layouts, height, width, 3) in [-1, 1].
        precision: key of `GATES`.
        rounded: whether the actual ones were pixels, which are up to half a level off.
    Returns:
        dictionary of plain values; `passed` says whether the gate holds, `missed` what of it does not; `contrast` is
        the deviation of the expected pictures' colours, of 255, and `flat` whether there is none to speak of;
        `relative` is the error before tanh over the deviation there, which is judged where there is contrast.
    """
    measured = differences(to_uint8(expected), to_uint8(actual))
    failures = missed(GATES[precision], measured)
    if not np.isfinite(actual).all():
        failures.append("values that are not finite")
    contrast, relative = contrast_of(expected), relative_error(expected, actual)
    is_flat = contrast < FLAT
    bound = RELATIVE[precision] + (0.5 / contrast if rounded and not is_flat else 0.0)
    if not is_flat and not relative <= bound:
        failures.append(f"relative error {relative:.3f} > {bound:.3f}")
    return {
        "precision": precision,
        "layouts": len(expected),
        "difference": measured,
        "contrast": contrast,
        "relative": relative,
        "flat": is_flat,
        "gate": GATES[precision],
        "passed": not failures,
        "missed": failures,
    }


def contrast_of(images):
    """The deviation of each channel over all pictures and positions, their mean, of 255."""
    return float(127.5 * np.std(np.asarray(images, np.float64), axis=(0, 1, 2)).mean())


def relative_error(expected, actual):
    """The root mean squared error of what tanh was given, over its deviation; what saturates is left at 0.98."""
    before, other = (np.arctanh(np.clip(np.asarray(x, np.float64), -0.98, 0.98)) for x in (expected, actual))
    return float(np.sqrt(np.mean(np.square(other - before))) / max(np.std(before), 1e-12))


def latency(synthesizer, layouts, repeats=5, seconds=10.0):
    """Median and fastest milliseconds of a layout, of a model that is warm by now; fewer repeats after `seconds`."""
    one = {key: value[:1] for key, value in layouts.items()}
    times = []
    while len(times) < repeats and sum(times) < seconds:
        start = time.perf_counter()
        synthesizer.generate(one)
        times.append(time.perf_counter() - start)
    return {"median_ms": 1e3 * float(np.median(times)), "fastest_ms": 1e3 * min(times)}
