"""Everything that turns a config and a data set into a run folder: objective, step, loop, checkpoints, summaries."""

from ecgan_tf import backend  # noqa: F401 (Keras as this project needs it, before any layer is made)
