"""Weights of a PyTorch network for a Keras one whose layers bear the names of PyTorch's modules."""

import numpy as np

from ecgan_tf.arrays import misfits
from ecgan_tf.errors import RequestError

PARAMETERS = {
    "kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean",
    "moving_variance": "running_var",
}  # fmt: skip


def torch_variables(network):
    """Dictionary from PyTorch's name, such as `Mixed_5b.branch1x1.bn.running_mean`, to the variable."""
    return {f"{layer.name}.{PARAMETERS[v.name]}": v for layer in network.layers for v in layer.variables}


def assign_torch(network, arrays, what, unused=("num_batches_tracked",)):
    """Gives a network the arrays of a state dict; if one does not fit, names it and changes nothing.

    Args:
        network: keras.Model of convolutions, normalisations and dense layers.
        arrays: from PyTorch's names to arrays.
        what: the network and its file, for the message.
        unused: ends of names that may be there and are not read.
    """
    wanted = torch_variables(network)
    values = {name: _to_keras(array) for name, array in arrays.items() if not name.endswith(unused)}
    problems = misfits(values, wanted, most=3)
    if problems:
        raise RequestError(f"not the weights of {what} ({problems}).")
    for name, variable in wanted.items():
        variable.assign(values[name])


def _to_keras(array):
    """Kernels [out, in, kh, kw] as (kh, kw, in, out), [out, in] as (in, out)."""
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else np.transpose(array) if array.ndim == 2 else array
