"""State dicts of PyTorch releases as runs, and runs as state dicts."""

import os

import numpy as np

from ecgan_tf.atomic_files import atomic_path
from ecgan_tf.config import check_config
from ecgan_tf.console import say
from ecgan_tf.convert import load_state_dict, read_state_dict, state_dict
from ecgan_tf.data import open_dataset
from ecgan_tf.data.pipeline import layouts_to_keep
from ecgan_tf.errors import RequestError
from ecgan_tf.outputs import emptied_if_it_fails, expand, plan_file, plan_folder
from ecgan_tf.runs.folder import RunFolder, model_description
from ecgan_tf.runs.lock import locked
from ecgan_tf.runs.opening import open_discriminator, open_run
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.latents import with_latents


def bring_in(path, folder, config, discriminator=None):
    """Makes a run folder at step 0 from a state dict.

    Args:
        path: of the generator's state dict, as `read_state_dict` takes it.
        folder: to make.
        config: of the model and its data.
        discriminator: path of the discriminator's state dict, or None.
    """
    path, folder = expand(path), expand(folder)
    if os.path.isfile(folder) or (os.path.isdir(folder) and os.listdir(folder)):
        raise RequestError(f"--to={folder} is not empty; give a new folder.")
    check_config(config)
    data = open_dataset(config.data, "validation")
    arrays = read_state_dict(path)
    model = model_description(config, data)
    with_latents(data, config, model["arguments"])
    gan = GAN(config, model["arguments"])
    for generator in (gan.generator, gan.ema_generator):
        load_state_dict(generator, arrays)
    if discriminator:
        load_state_dict(gan.discriminator, read_state_dict(discriminator))
    run = RunFolder(folder)
    plan_folder(folder, "to")
    with emptied_if_it_fails(run.path), locked(run.path):
        run.start(config, model, layouts_to_keep(data, 8))
        run.save(0, gan.named_variables(), keep=1)
    say(f"{folder} synthesises with the weights of {path}; ecgan train --workdir={folder} continues from them")


def take_out(folder, path, discriminator=None, which="last"):
    """Writes the state dict of a run's averaged generator, and of its discriminator where it is asked for.

    Args:
        folder: of the run.
        path, discriminator: .npz to write; discriminator may be None.
        which: of its checkpoints, see `RunFolder.step_of`.
    """
    for flag, file in (("to", path), ("discriminator", discriminator)):
        if file and not file.endswith(".npz"):
            raise RequestError(f"--{flag}={file}: the state dict of a run is written as .npz.")
    folder, files = expand(folder), [file for file in (path, discriminator) if file]
    if len({expand(file).casefold() for file in files}) < len(files):
        raise RequestError(f"--to and --discriminator are one file, {path}; give two.")
    path, discriminator = (plan_file(file) if file else None for file in (path, discriminator))
    networks = {path: open_run(folder, which=which)[0]}
    if discriminator:
        networks[discriminator] = open_discriminator(folder, which)
    for file, network in networks.items():
        with atomic_path(file) as temporary:
            np.savez(temporary, **state_dict(network))
        say(f"wrote {file}")
