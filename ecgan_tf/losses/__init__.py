"""Pure functions: tensors in, a float32 scalar per example out. Weights and batch means are the caller's."""

from ecgan_tf import backend  # noqa: F401 (Keras as this project needs it, before any layer is made)
