"""Opens the networks of a run at one of its checkpoints; what its files claim is checked before it is believed."""

from ecgan_tf.arrays import assign_arrays, compare_arrays, not_finite
from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS, make_generator
from ecgan_tf.runs.checkpoints import checkpoint_path, load_checkpoint, read_checkpoint
from ecgan_tf.runs.folder import RunFolder, read_config, read_model


def open_run(path, image_size=None, which="last"):
    """The averaged generator of a run at one of its checkpoints.

    Args:
        path: run folder.
        which: see `RunFolder.step_of`.
        image_size: (height, width) to synthesise at, or None for the run's.
    Returns:
        `keras.Model`, the dictionary of model.json, and the step of the checkpoint.
    """
    run = RunFolder(path)
    model, step = read_model(path), run.step_of(which)
    try:
        if image_size is not None:
            _check_other_size(path, model["arguments"], image_size)
            model["arguments"]["image_size"] = list(image_size)
        ClassList.from_dict(model["classes"])
        if model["name"] not in METHODS:
            raise ValueError(f"method {model['name']!r}; it must be one of {', '.join(sorted(METHODS))}")
        arrays = read_checkpoint(run.checkpoints, step, "ema_generator/")
        check_shapes(run.checkpoints, step, arrays, lambda: make_generator(model["name"], **model["arguments"]))
        generator = make_generator(model["name"], **model["arguments"])
    except RequestError:
        raise
    except Exception as error:  # Keras says of impossible arguments what it likes
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{run.file('model.json')} does not describe a model of this version: {reason}.") from error
    check_finite(run, step, arrays)
    variables = {f"ema_generator/{variable.path}": variable.value for variable in generator.variables}
    assign_arrays(checkpoint_path(run.checkpoints, step), arrays, variables)
    return generator, model, step


def _check_other_size(path, arguments, image_size):
    """Weights fit pictures of any size, but for those that make a trunk's first map of a code."""
    height, width = arguments["image_size"]
    if arguments.get("use_vae") and (height, width) != tuple(image_size):
        raise RequestError(
            f"--image_size={','.join(map(str, image_size))}: {path} has a VAE, whose first map has the size that it "
            f"was trained at; leave --image_size out, or give {height},{width}."
        )


def check_shapes(folder, step, arrays, make):
    """Refuses arguments that do not fit the checkpoint before any weight of them is allocated.

    A model.json that claims a million filters would fill the memory otherwise.
    """
    import keras
    from keras.src.backend.common import global_state  # no public name forgets variables that were never made

    with keras.StatelessScope(initialize_variables=False):
        generator = make()
    global_state.set_global_attribute("uninitialized_variables", [])
    variables = {f"ema_generator/{variable.path}": variable for variable in generator.variables}
    compare_arrays(checkpoint_path(folder, step), arrays, variables)


def check_finite(run, step, arrays):
    """Refuses weights that are not finite, of a run of before this was checked when a checkpoint was written."""
    wrong = not_finite(arrays)
    if wrong:
        earlier = [other for other in run.steps[:-1] if not not_finite(read_checkpoint(run.checkpoints, other))]
        remedy = (
            f"go back to step {earlier[-1]}: ecgan train ... --rollback_to={earlier[-1]}" if earlier else "train anew"
        )
        raise RequestError(
            f"{run.path}: the checkpoint of step {step} is not finite ({len(wrong)} of {len(arrays)} arrays, such as "
            f"{wrong[0]}): the run had diverged; {remedy}."
        )


def open_discriminator(path, which="last"):
    """The main discriminator of a run at one of its checkpoints, see `RunFolder.step_of`."""
    import ml_collections

    run, model = RunFolder(path), read_model(path)
    try:
        config = ml_collections.ConfigDict(read_config(path))
        layout = {key: model["arguments"][key] for key in ("num_classes", "has_unknown", "has_boundaries")}
        main = METHODS[model["name"]].make_judges(config, layout)[0]
    except RequestError:
        raise
    except Exception as error:  # as above
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{run.path}: model.json or config.json does not describe a run: {reason}.") from error
    variables = {f"{main.name}/{variable.path}": variable.value for variable in main.network.variables}
    load_checkpoint(run.checkpoints, run.step_of(which), variables, prefix=f"{main.name}/")
    return main.network
