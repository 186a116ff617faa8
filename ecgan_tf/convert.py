"""Brings weights of the authors' PyTorch releases into a run, and takes a run's weights out again.

Example:
    python -m ecgan_tf.convert --from=latest_net_G.pth --to=runs/imported --config=configs/ecgan_cityscapes.py
    python -m ecgan_tf.convert --from=runs/imported --to=latest_net_G.npz

--from is a state dict of the generator of the ECGAN release, of SPADE (config.model.name="spade") or of LGGAN (one of
its configs, with config.model.mask_mode="input", the release's semantics): a .pth, read with weights-only safety
(needs the torch extra), or an .npz with the same names. --to=FOLDER makes a run folder that synthesises and exports at
once; --to=FILE.npz writes a state dict. A discriminator goes along by --discriminator=FILE, read on the way in and
written on the way out.
"""

import os
import re

import numpy as np
from absl import flags
from ml_collections import config_flags

from ecgan_tf import commands
from ecgan_tf.commands import RequestError, say

FROM = flags.DEFINE_string("from", None, "A state dict (.pth or .npz), or a run folder.")
TO = flags.DEFINE_string("to", None, "A run folder to make, or an .npz to write.")
DISCRIMINATOR = flags.DEFINE_string("discriminator", None, "State dict of the discriminator, to read or to write.")
CONFIG = config_flags.DEFINE_config_file("config", None, "The config of the model and its data.", lock_config=True)

# Names of this project, piece by piece, against those of the PyTorch modules.
BLOCKS = {"middle_0": "G_middle_0", "middle_1": "G_middle_1"}
SPADE_NAMES = {
    "norm/moving_mean": "param_free_norm.running_mean",
    "norm/moving_variance": "param_free_norm.running_var",
    "shared": "mlp_shared.0",
    "gamma": "mlp_gamma",
    "beta": "mlp_beta",
}
HEADS = {
    "edge_generator/conv_0": "conv_edge1",
    "edge_generator/conv_1": "conv_edge2",
    "edge_generator/conv_2": "conv_edge3",
    "edge_generator/to_image": "conv_edge4",
    "image_generator/conv_0": "conv_img1",
    "image_generator/conv_1": "conv_img2",
    "image_generator/conv_2": "conv_img3",
    "image_generator/to_image": "conv_img4",
    "semantic_preserving/to_classes": "conv_comb1",
    "semantic_preserving/to_features": "conv_comb2",
    "semantic_preserving/to_image": "conv_comb",
    "to_image": "conv_img",  # SPADE's own last convolution
}
LGGAN_PARTS = {
    "encoder/start": "conv1",
    **{f"encoder/conv_{index}": f"conv{index + 2}" for index in range(4)},
    "local_decoder/up_0/convolution": "deconv3_local",
    "local_decoder/up_1/convolution": "deconv4_local",
    "weight_decoder/up_0/convolution": "deconv3_attention",
    "weight_decoder/up_1/convolution": "deconv4_attention",
    "to_weights": "deconv5_attention",
    "to_global": "conv_img",
}
LGGAN_BRANCHES = {"kernel": "deconv5.weight", "bias": "deconv5.bias",
                  "fusion_kernel": "deconv9.weight", "fusion_bias": "deconv9.bias"}  # fmt: skip
BRANCH = re.compile(r"deconv5_(\d+)\.(weight|bias)")
# In the releases, but not in a generator here: a dense layer of an abandoned variant, PyTorch's step counters; of LGGAN
# the start of SPADE's trunk, which nothing reads, and the classifier of the training.
UNUSED = ("fc1.weight", "fc1.bias", "num_batches_tracked", "fc.weight", "fc.bias", "fc2.weight", "fc2.bias")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(**{"from": FROM.value, "to": TO.value})
    commands.quiet_tensorflow()
    if os.path.isdir(FROM.value):
        take_out(FROM.value, TO.value)
    else:
        bring_in(FROM.value, TO.value)


def bring_in(path, folder):
    """Makes a run folder at step 0 from a state dict and --config."""
    commands.need_flags(config=CONFIG.value)
    config = commands.read_config(CONFIG)
    if os.path.isfile(folder) or (os.path.isdir(folder) and os.listdir(folder)):
        raise RequestError(f"--to={folder} is not empty; give a new folder.")
    from ecgan_tf.config import check_config
    from ecgan_tf.data import open_dataset
    from ecgan_tf.training.gan import GAN, generator_arguments, model_description
    from ecgan_tf.training.run_folder import RunFolder, layouts_to_keep

    check_config(config)
    data = open_dataset(config.data, "validation")
    arrays = read_state_dict(path)
    gan = GAN(config, generator_arguments(config, data))
    for generator in (gan.generator, gan.ema_generator):
        load_state_dict(generator, arrays)
    if DISCRIMINATOR.value:
        load_state_dict(gan.discriminator, read_state_dict(DISCRIMINATOR.value))
    run = RunFolder(folder)
    run.start(config, model_description(config, data), layouts_to_keep(data, 8))
    run.save(0, gan.named_variables(), keep=1)
    say(f"{folder} paints with the weights of {path}; train_main.py --workdir={folder} continues from them")


def take_out(folder, path):
    """Writes the state dict of a run's averaged generator, and of its discriminator where it is asked for."""
    for flag, file in (("to", path), ("discriminator", DISCRIMINATOR.value)):
        if file and not file.endswith(".npz"):
            raise RequestError(f"--{flag}={file}: the state dict of a run is written as .npz.")
    from ecgan_tf.files import atomic_path
    from ecgan_tf.training.run_folder import open_discriminator, open_run

    networks = {path: open_run(folder)[0]}
    if DISCRIMINATOR.value:
        networks[DISCRIMINATOR.value] = open_discriminator(folder)
    for file, network in networks.items():
        with atomic_path(file) as temporary:
            np.savez(temporary, **state_dict(network))
        say(f"wrote {file}")


def read_state_dict(path):
    """The arrays of a state dict, by PyTorch name.

    Args:
        path: .npz, or a .pth of tensors alone: PyTorch refuses to load anything else from it.
    """
    if not os.path.isfile(path):
        raise RequestError(f"{path}: no such file; give a state dict (.pth or .npz) or a run folder.")
    if path.endswith(".npz"):
        from ecgan_tf.training.checkpoints import read_arrays

        return read_arrays(path)
    try:
        import torch
    except ImportError as error:
        raise RequestError(
            f"{path}: a .pth needs PyTorch; pip install 'ecgan_tf[torch]', or save it as .npz."
        ) from error
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        return {name: tensor.numpy() for name, tensor in tensors.items()}
    except Exception as error:  # damaged, or holding code: PyTorch has an exception for each
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise RequestError(f"{path} is not a state dict of tensors ({reason}).") from error


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
    return _split_branches({name: to_torch(name, variable.value.numpy(), names) for name, variable in names.items()})


def torch_names(model):
    """Dictionary from the PyTorch name to the Keras variable, for all variables of a model."""
    from ecgan_tf.models.cross_view import CrossViewGenerator
    from ecgan_tf.models.lggan import LGGANGenerator

    if "exemplar" in getattr(model, "input_specs", {}):
        raise RequestError(
            "this model paints after exemplars, which no PyTorch release does: there are no names for it."
        )
    if isinstance(model, CrossViewGenerator):
        raise RequestError("the weights of LGGAN's cross-view release are not known here.")
    name_of = _lggan_name if isinstance(model, LGGANGenerator) else _torch_name
    return {name_of(variable.path.split("/", 1)[1]): variable for variable in model.variables}


def _torch_name(path):
    """`encoder/up_0/norm_0/gamma/kernel` -> `up_0.norm_0.mlp_gamma.weight`."""
    owner, kind = path.rsplit("/", 1)
    if owner in HEADS:
        return f"{HEADS[owner]}.{_leaf(kind)}"
    if owner == "encoder/start":
        return f"fc.{_leaf(kind)}"
    parts = path.split("/")
    if parts[0] == "encoder":
        block, layer, rest = BLOCKS.get(parts[1], parts[1]), parts[2], "/".join(parts[3:])
        if layer.startswith("conv"):
            return f"{block}.{layer}.{_leaf(rest, spectral=True)}"
        if rest in SPADE_NAMES:
            return f"{block}.{layer}.{SPADE_NAMES[rest]}"
        convolution, kind = rest.split("/")
        return f"{block}.{layer}.{SPADE_NAMES[convolution]}.{_leaf(kind)}"
    return _discriminator_name(parts)


def _lggan_name(path):
    """`local_decoder/block_0/conv_1/kernel` -> `resnet_blocks1.conv2.weight`; the trunk's names are those of SPADE."""
    owner, kind = path.rsplit("/", 1)
    parts = path.split("/")
    if owner in LGGAN_PARTS:
        return f"{LGGAN_PARTS[owner]}.{_leaf(kind)}"
    if owner == "class_branches":
        return LGGAN_BRANCHES[kind]
    if parts[0] == "trunk":
        return _torch_name("/".join(["encoder", *parts[1:]]))
    if parts[0] == "local_decoder" and parts[1].startswith("block_"):
        block, layer = (int(part.split("_")[1]) + 1 for part in parts[1:3])
        return f"resnet_blocks{block}.conv{layer}.{_leaf(kind)}"
    raise RequestError(f"{path}: LGGAN's release has no such part; it knows upsampler='deconv' and no SAU.")


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


def _discriminator_name(parts):
    """`scale_0/conv_1/kernel` -> `discriminator_0.model1.0.0.weight_orig`: convolution and norm are nested there."""
    scale = parts[0].replace("scale_", "discriminator_")
    if len(parts) == 2:
        return f"{scale}.model0.0.{_leaf(parts[1])}"
    if parts[1] == "to_logits":
        return f"{scale}.model4.0.{_leaf(parts[2])}"
    return f"{scale}.model{parts[1].removeprefix('conv_')}.0.0.{_leaf(parts[2], spectral=True)}"


def _leaf(kind, spectral=False):
    weight = "weight_orig" if spectral else "weight"
    return {"kernel": weight, "bias": "bias", "u": "weight_u", "v": "weight_v"}[kind]


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
    """Kernels [out, in, kh, kw] -> (kh, kw, in, out); v alike, as the rows of W are numbered by (kh, kw, in) here."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    if name.endswith("weight_v"):
        kh, kw, channels, _ = names[name.replace("weight_v", "weight_orig")].shape
        return array.reshape(channels, kh, kw).transpose(1, 2, 0).reshape(-1)
    return array


def to_torch(name, array, names):
    """The inverse of `from_torch`."""
    if array.ndim == 4:
        return array.transpose(3, 2, 0, 1)
    if name.endswith("weight_v"):
        kh, kw, channels, _ = names[name.replace("weight_v", "weight_orig")].shape
        return array.reshape(kh, kw, channels).transpose(2, 0, 1).reshape(-1)
    return array


if __name__ == "__main__":
    commands.run(main, __doc__)
