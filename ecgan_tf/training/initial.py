"""Where a new run starts: with the weights of frozen parts, or from those of another run."""

from ecgan_tf.arrays import compare_arrays, not_finite
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import method_of
from ecgan_tf.runs.checkpoints import checkpoint_path, read_checkpoint
from ecgan_tf.runs.folder import RunFolder, read_model

NETWORKS = ("generator/", "ema_generator/")


def check_begin(config):
    """Refuses a new run whose generator cannot begin: a frozen part of it has no weights."""
    mistake = method_of(config.model.name).begin_mistake(config)
    if mistake:
        raise RequestError(f"{mistake}.")


def begin(gan, config, examples):
    """Gives a new GAN what its generators begin with, see `Method.begin`.

    Args:
        gan: `GAN`, new.
        config: the run's.
        examples: of `layouts_to_keep`, of the training split.
    """
    gan.method.begin(config, gan.generator, examples)
    for average, variable in zip(gan.ema_generator.variables, gan.generator.variables):
        average.assign(variable)
    if config.train.init_from:
        init_from(gan, config.train.init_from)


def init_from(gan, path):
    """Gives a GAN the newest weights of a run: both generators, and the discriminators and heads that fit.

    Optimizers and the step start anew.

    Args:
        gan: `GAN`, new.
        path: run folder; its generator must have the same variables.
    """
    read_model(path)  # a folder that is no run says so
    run = RunFolder(path)
    step = run.steps[-1]
    arrays = read_checkpoint(run.checkpoints, step)
    variables = {name: v for name, v in gan.named_variables().items() if "optimizer/" not in name and name != "step"}
    needed = {name: variable for name, variable in variables.items() if name.startswith(NETWORKS)}
    compare_arrays(checkpoint_path(run.checkpoints, step), {n: arrays[n] for n in needed if n in arrays}, needed)
    wrong = not_finite({name: arrays[name] for name in needed})
    if wrong:
        raise RequestError(f"config.train.init_from={path}: its weights are not finite ({wrong[0]}).")
    taken = {n: v for n, v in variables.items() if n in arrays and arrays[n].shape == tuple(v.shape)}
    for name, variable in taken.items():
        variable.assign(arrays[name])
    fresh = sorted({name.split("/")[0] for name in variables if name not in taken})
    rest = f"; new: {', '.join(fresh)}" if fresh else ""
    say(f"starting from the weights of {path}, step {step}{rest}")
