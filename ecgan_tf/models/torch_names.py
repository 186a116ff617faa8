"""The names of the PyTorch releases for the variables of the networks here; a network without a function has none."""

import re

from ecgan_tf.errors import RequestError

# Names of this project, piece by piece, against those of the PyTorch modules.
BLOCKS = {"middle_0": "G_middle_0", "middle_1": "G_middle_1"}
OASIS_BLOCKS = ("head_0", "G_middle_0", "up_0", "up_1", "up_2", "up_3")
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


def spade_torch_name(path):
    """`encoder/up_0/norm_0/gamma/kernel` -> `up_0.norm_0.mlp_gamma.weight`."""
    owner, kind = path.rsplit("/", 1)
    if owner in HEADS:
        return f"{HEADS[owner]}.{_leaf(kind)}"
    if owner == "encoder/start":
        return f"fc.{_leaf(kind)}"
    parts = path.split("/")
    if parts[0] == "encoder" and not parts[1].startswith("noise"):
        block, layer, rest = BLOCKS.get(parts[1], parts[1]), parts[2], "/".join(parts[3:])
        if layer.startswith("conv"):
            return f"{block}.{layer}.{_leaf(rest, spectral=True)}"
        if rest in SPADE_NAMES:
            return f"{block}.{layer}.{SPADE_NAMES[rest]}"
        convolution, kind = rest.split("/")
        return f"{block}.{layer}.{SPADE_NAMES[convolution]}.{_leaf(kind)}"
    raise RequestError(f"{path}: the releases of SPADE and ECGAN have no such part.")


def oasis_torch_name(path):
    """`encoder/middle_0/norm_0/gamma/kernel` -> `body.1.norm_0.mlp_gamma.weight`."""
    name = spade_torch_name(path)
    for number, block in enumerate(OASIS_BLOCKS):
        name = re.sub(rf"^{block}\.", f"body.{number}.", name)
    return name.replace("param_free_norm", "first_norm")


def oasis_discriminator_torch_name(path):
    """`down_1/conv_1/kernel` -> `body_down.1.conv1.1.weight_orig`: activations and enlarging have numbers there."""
    part, *rest = path.split("/")
    if part == "to_logits":
        return f"layer_up_last.{_leaf(rest[0])}"
    way, number = part.split("_")
    layer, kind = rest
    before = {"down_0": "0", "down": "1", "up": "2"}  # modules before a block's first convolution
    first = before.get(part, before[way])
    name = {"conv_1": f"conv1.{first}", "conv_2": "conv2.1", "conv_s": "conv_s"}[layer]
    return f"body_{way}.{number}.{name}.{_leaf(kind, spectral=True)}"


def lggan_torch_name(path):
    """`local_decoder/block_0/conv_1/kernel` -> `resnet_blocks1.conv2.weight`; the trunk's names are those of SPADE."""
    owner, kind = path.rsplit("/", 1)
    parts = path.split("/")
    if owner in LGGAN_PARTS:
        return f"{LGGAN_PARTS[owner]}.{_leaf(kind)}"
    if owner == "class_branches":
        return LGGAN_BRANCHES[kind]
    if parts[0] == "trunk":
        return spade_torch_name("/".join(["encoder", *parts[1:]]))
    if parts[0] == "local_decoder" and parts[1].startswith("block_"):
        block, layer = (int(part.split("_")[1]) + 1 for part in parts[1:3])
        return f"resnet_blocks{block}.conv{layer}.{_leaf(kind)}"
    raise RequestError(f"{path}: LGGAN's release has no such part; it knows upsampler='deconv' and no SAU.")


def discriminator_torch_name(path):
    """`scale_0/conv_1/kernel` -> `discriminator_0.model1.0.0.weight_orig`: convolution and norm are nested there."""
    parts = path.split("/")
    scale = parts[0].replace("scale_", "discriminator_")
    if len(parts) == 2:
        return f"{scale}.model0.0.{_leaf(parts[1])}"
    if parts[1] == "to_logits":
        return f"{scale}.model4.0.{_leaf(parts[2])}"
    return f"{scale}.model{parts[1].removeprefix('conv_')}.0.0.{_leaf(parts[2], spectral=True)}"


def _leaf(kind, spectral=False):
    weight = "weight_orig" if spectral else "weight"
    return {"kernel": weight, "bias": "bias", "u": "weight_u", "v": "weight_v"}[kind]
