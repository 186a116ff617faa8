"""Building blocks of the networks: tensors with shapes in, tensors with shapes out."""
