"""Building blocks of the networks: tensors with shapes in, tensors with shapes out."""

from ecgan_tf import backend  # noqa: F401 (Keras as this project needs it, before any layer is made)
