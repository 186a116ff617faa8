"""Semantic image synthesis: a label map in, a photograph out.

model = ecgan_tf.open_model("runs/earth")          # a run folder or what was exported of it
picture = model(labels)                            # ids (height, width) -> uint8 (height, width, 3)
config = ecgan_tf.load_config("ecgan_earth_tiles", train__steps=100)
ecgan_tf.train(config, "runs/earth")
ecgan_tf.evaluate("runs/earth", "evaluated")
ecgan_tf.export("runs/earth", "exported")
"""

from __future__ import annotations

import importlib
import os
import sys
import typing

__version__ = "0.3.0"
__all__ = ["METHODS", "RequestError", "evaluate", "export", "load_config", "open_model", "synthesize", "train"]

if "keras" not in sys.modules:  # Keras reads it when it is imported
    FOREIGN_BACKEND = os.environ.get("KERAS_BACKEND", "tensorflow")
    os.environ["KERAS_BACKEND"] = "tensorflow"
else:
    FOREIGN_BACKEND = "tensorflow"

_HOMES = {
    "METHODS": "ecgan_tf.methods",
    "RequestError": "ecgan_tf.errors",
    "evaluate": "ecgan_tf.evaluation.evaluate",
    "export": "export.export_run",
    "load_config": "ecgan_tf.config",
    "open_model": "ecgan_tf.inference.runtimes",
    "synthesize": "ecgan_tf.inference.requests",
    "train": "ecgan_tf.training.train",
}

if typing.TYPE_CHECKING:
    from ecgan_tf.config import load_config
    from ecgan_tf.errors import RequestError
    from ecgan_tf.evaluation.evaluate import evaluate
    from ecgan_tf.inference.requests import synthesize
    from ecgan_tf.inference.runtimes import open_model
    from ecgan_tf.methods import METHODS
    from ecgan_tf.training.train import train
    from export.export_run import export_run as export


def __getattr__(name: str) -> object:
    """The public surface, each part loaded when it is asked for: TensorFlow takes seconds, and a .tflite needs none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), "export_run" if name == "export" else name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
