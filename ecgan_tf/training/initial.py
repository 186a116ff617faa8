"""Where a new run starts: from the weights of another one."""

from ecgan_tf.arrays import compare_arrays, not_finite
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.runs.checkpoints import checkpoint_path, read_checkpoint
from ecgan_tf.runs.folder import RunFolder, read_model

NETWORKS = ("generator/", "ema_generator/")


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
