"""What TensorRT's own ONNX parser says of a file. It needs no GPU, only one of NVIDIA's packages that have it.

`tensorrt-rtx-cu12` (the extra `tensorrt`) is TensorRT for RTX, which also builds engines without a GPU, and runs none
there. `tensorrt`, the one for data centres, has another build of NVIDIA's parser.
"""

import functools
import importlib

from export import build_engine

PACKAGES = ("tensorrt", "tensorrt_rtx")


def parsed(path):
    """What the parser makes of an .onnx: the entry `tensorrt_parser` of export_report.json.

    Args:
        path: of the file.
    Returns:
        dictionary: `parser`, the package and its version; `layers`, how many TensorRT's network has before it is
        optimised; `warnings`, the parser's, a list of lines; `refused`, why it takes the file not, or None. Without a
        parser: `parser` None, and `reason`, why there is none.
    """
    trt, reason = find_parser()
    if trt is None:
        return {"parser": None, "reason": reason}
    with open(path, "rb") as file:
        content = file.read()
    logger, layers, refused = _logger(trt), None, None
    try:
        _, network, _ = build_engine.parse(trt, logger, content)
        layers = network.num_layers
    except build_engine.BuildError as error:
        refused = str(error)
    name = f"{trt.__name__} {trt.__version__}"
    return {"parser": name, "layers": layers, "warnings": logger.warnings, "refused": refused}


@functools.lru_cache(maxsize=1)
def find_parser():
    """The module with TensorRT's parser and None, or None and why there is none."""
    reasons = []
    for package in PACKAGES:
        try:
            trt = importlib.import_module(package)
            trt.Builder(trt.Logger(trt.Logger.ERROR))
            return trt, None
        except ModuleNotFoundError:
            reasons.append(f"{package} is not installed")
        except (ImportError, OSError, TypeError, RuntimeError) as error:  # TypeError: a builder that wants a GPU
            reasons.append(f"{package} does not work here ({error})")
    return None, "; ".join(reasons)


def in_words(found):
    """One line on what `parsed` gives."""
    if found["parser"] is None:
        return f"not parsed by TensorRT's parser: {found['reason']}"
    if found["refused"]:
        return f"REFUSED by TensorRT's parser ({found['parser']}): {found['refused']}"
    warnings = f"; warnings: {'; '.join(found['warnings'])}" if found["warnings"] else ""
    return f"parsed by {found['parser']}: {found['layers']:,} layers{warnings}"


def _logger(trt):
    """A logger of TensorRT that keeps warnings."""

    class Logger(trt.ILogger):
        def __init__(self):
            trt.ILogger.__init__(self)
            self.warnings = []

        def log(self, severity, message):
            if severity == trt.ILogger.Severity.WARNING:
                self.warnings.append(message)

    return Logger()
