"""Weights of the authors' PyTorch releases: their state dicts into a network, and a network's into a state dict."""

import os
import re

import numpy as np

from ecgan_tf.arrays import read_arrays
from ecgan_tf.errors import RequestError
from ecgan_tf.torch_files import read_torch_arrays

BRANCH = re.compile(r"deconv5_(\d+)\.(weight|bias)")
# In the releases, but not in a generator here: a dense layer of an abandoned variant, PyTorch's step counters; of LGGAN
# the start of SPADE's trunk, which nothing reads, and the classifier of the training.
UNUSED = ("fc1.weight", "fc1.bias", "num_batches_tracked", "fc.weight", "fc.bias", "fc2.weight", "fc2.bias")


def read_state_dict(path):
    """The arrays of a state dict, by PyTorch name.

    Args:
        path: .npz, or a .pth of tensors alone: nothing else is loaded from it. PyTorch is not needed.
    """
    if not os.path.isfile(path):
        raise RequestError(f"{path}: no such file; give a state dict (.pth or .npz) or a run folder.")
    if path.endswith(".npz"):
        return read_arrays(path)
    return read_torch_arrays(path)


def load_state_dict(model, arrays):
    """Assigns the arrays of a PyTorch state dict to the variables of a model.

    Args:
        model: built generator or `MultiscaleDiscriminator`.
        arrays: mapping from the state dict's names to arrays. Spectrally normalised weights are `weight_orig`, with
            `weight_u` and, from PyTorch 1.0 on, `weight_v`. A discriminator's `model1.0.0.weight_orig` may also be
            written `model1.0.weight_orig`.
    Raises:
        RequestError: naming every unknown, missing and misshapen key; no variable is changed then.
    """
    arrays = _join_branches({_plain_name(name): np.asarray(array) for name, array in arrays.items()})
    arrays = {name: _with_channels(model, name, array) for name, array in arrays.items()}
    names = torch_names(model)
    values, problems = {}, []
    for name, variable in names.items():
        array = arrays.get(name)
        if array is None and name.endswith("weight_v"):
            array = _left_vector(arrays, name)
        if array is None:
            problems.append(f"missing {name}")
        elif array.shape != to_torch(name, np.zeros(variable.shape, np.float32), names).shape:
            problems.append(
                f"{name} has shape {array.shape}, the model needs "
                f"{to_torch(name, np.zeros(variable.shape, np.float32), names).shape}"
            )
        else:
            values[name] = array
    problems += [f"unknown {name}" for name in arrays if name not in names and not name.endswith(UNUSED)]
    if problems:
        raise RequestError(f"the state dict does not fit model {model.name!r}: {'; '.join(problems)}")
    for name, variable in names.items():
        variable.assign(from_torch(name, values[name], names))


def state_dict(model):
    """The inverse of `load_state_dict`: dictionary from PyTorch names to float32 arrays."""
    names = torch_names(model)
    arrays = {name: to_torch(name, variable.value.numpy(), names) for name, variable in names.items()}
    return _split_branches({name: _with_channels(model, name, array, back=True) for name, array in arrays.items()})


def torch_names(model):
    """Dictionary from the PyTorch name to the Keras variable, for all variables of a model.

    The model's class says how, by `torch_name`; one that does not has no names that anybody knows, and is refused.
    """
    name_of = getattr(type(model), "torch_name", None)
    if name_of is None:
        raise RequestError(f"no PyTorch release of model {model.name!r} is known here, so its weights have no names.")
    if getattr(model, "noise", "none") == "classes" and not hasattr(model, "torch_channels"):
        raise RequestError(
            f"model {model.name!r} with noise='classes' is of no PyTorch release; OASIS has such noise, see "
            "configs/oasis_ade20k.py."
        )
    if "exemplar" in getattr(model, "input_specs", {}):
        raise RequestError(
            "this model synthesises after exemplars, which no PyTorch release does: there are no names for it."
        )
    return {name_of(variable.path.split("/", 1)[1]): variable for variable in model.variables}


def _with_channels(model, name, array, back=False):
    """A release's array with its channels in the order here, or `back`, where the two differ (`torch_channels`)."""
    found = model.torch_channels(name) if hasattr(model, "torch_channels") else None
    if found is None:
        return array
    axis, places = found
    if array.ndim <= axis or array.shape[axis] != len(places):
        return array  # misshapen, as will be said
    return np.take(array, np.argsort(places) if back else places, axis=axis)


def _join_branches(arrays):
    """`deconv5_0.weight`, `deconv5_1.weight`, ... as one `deconv5.weight`, the branches one after the other."""
    joined = {name: array for name, array in arrays.items() if not BRANCH.fullmatch(name)}
    for kind in ("weight", "bias"):
        numbers = sorted(int(match[1]) for match in map(BRANCH.fullmatch, arrays) if match and match[2] == kind)
        parts = [arrays[f"deconv5_{number}.{kind}"] for number in numbers]
        if numbers != list(range(len(numbers))) or len({part.shape for part in parts}) > 1:
            raise RequestError(f"the state dict's deconv5_<i>.{kind}, one per branch, have gaps or differ in shape.")
        if parts:
            joined[f"deconv5.{kind}"] = np.concatenate(parts)
    return joined


def _split_branches(arrays):
    """The inverse of `_join_branches`."""
    split = {}
    for name, array in arrays.items():
        if name in ("deconv5.weight", "deconv5.bias"):
            kind = name.split(".")[1]
            parts = np.split(array, len(array) // 3)
            split.update({f"deconv5_{index}.{kind}": part for index, part in enumerate(parts)})
        else:
            split[name] = array
    return split


def _plain_name(name):
    """`module.discriminator_0.model1.0.weight_orig` -> `discriminator_0.model1.0.0.weight_orig`."""
    name = name.removeprefix("module.")
    parts = name.split(".")
    flat = name.startswith("discriminator_") and len(parts) == 4 and parts[1] in ("model1", "model2", "model3")
    return ".".join([*parts[:3], "0", parts[3]]) if flat else name


def _left_vector(arrays, name):
    """v of a state dict from before PyTorch 1.0, which kept u alone: one half of a power iteration."""
    weight, u = (arrays.get(name.replace("weight_v", part)) for part in ("weight_orig", "weight_u"))
    if weight is None or u is None:
        return None
    v = weight.reshape(len(weight), -1).T @ u
    return v / max(np.linalg.norm(v), 1e-12)


def from_torch(name, array, names):
    """Kernels [out, in, kh, kw] -> (kh, kw, in, out); v alike, as the rows of W are numbered by (kh, kw, in) here.

    SPADE's dense layer from z gives [channels, rows, columns] there.
    """
    if _is_latent_start(name, names):
        rows, columns, filters = names["fc.bias"].shape
        array = array.reshape(filters, rows, columns, -1)
        return array.transpose(3, 1, 2, 0) if name == "fc.weight" else array[..., 0].transpose(1, 2, 0)
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if name.endswith("weight_v"):
        kh, kw, channels, _ = names[name.replace("weight_v", "weight_orig")].shape
        return array.reshape(channels, kh, kw).transpose(1, 2, 0).reshape(-1)
    return array


def to_torch(name, array, names):
    """The inverse of `from_torch`."""
    if _is_latent_start(name, names):
        channels_first = array.transpose(3, 1, 2, 0) if name == "fc.weight" else array.transpose(2, 0, 1)[..., None]
        matrix = channels_first.reshape(-1, channels_first.shape[-1])
        return matrix if name == "fc.weight" else matrix[:, 0]
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)
    if name.endswith("weight_v"):
        kh, kw, channels, _ = names[name.replace("weight_v", "weight_orig")].shape
        return array.reshape(kh, kw, channels).transpose(2, 0, 1).reshape(-1)
    return array


def _is_latent_start(name, names):
    return name in ("fc.weight", "fc.bias") and "fc.bias" in names and len(names["fc.bias"].shape) == 3


if __name__ == "__main__":
    from ecgan_tf.__main__ import main

    main("convert")
