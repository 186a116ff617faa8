"""Networks of other projects that TensorFlow runs itself: tensors in, tensors by name out, and gradients between."""

import contextlib

import keras
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.foreign_files import find_saved_model, foreign_file


def open_keras(path, file, wanted):
    """Opens a .keras; one that holds code is refused.

    Args:
        path: of its description, for messages.
        file: of the network, which has one input.
        wanted: names of the outputs that will be read, or of layers.
    Returns:
        function of images float32 (batch, height, width, 3), or with the channels first, to a dictionary of tensors;
        frozen, with batch statistics as they are.
    """
    with reading(file, "Keras model"), _float32():
        network = keras.saving.load_model(file, compile=False, safe_mode=True)
        if len(network.inputs) != 1:
            raise ValueError(f"it has {len(network.inputs)} inputs")
    return of_layers(path, network, wanted)


def of_layers(path, network, wanted):
    """The outputs of a Keras network's layers; arguments and result as of `open_keras`."""
    known = {layer.name: layer for layer in network.layers}
    check_outputs(path, wanted, known)
    network.trainable = False
    with _float32():
        outputs = keras.Model(network.inputs, {name: known[name].output for name in wanted})
    return lambda images: outputs(images, training=False)


def open_saved_model(path, folder, wanted):
    """Opens the `serving_default` of a SavedModel folder; arguments and result as of `open_keras`."""
    with reading(folder, "SavedModel"):
        found = find_saved_model(folder)
        if found is None:
            raise ValueError("no saved_model.pb")
        module = tf.saved_model.load(found)
        signature = module.signatures["serving_default"]
        ((name, taken),) = signature.structured_input_signature[1].items()
        if taken.dtype != tf.float32:
            raise ValueError(f"its input is {taken.dtype.name}, not float32")
    check_outputs(path, wanted, signature.structured_outputs)

    def run(images, module=module):  # the signature does not keep the module alive, which owns the variables
        answers = signature(**{name: images})
        return {output: answers[output] for output in wanted}

    return run


def check_outputs(path, wanted, known):
    """Refuses a description that names outputs which the network does not have."""
    for name in wanted:
        if name not in known:
            some = ", ".join(list(known)[-12:])
            raise RequestError(f"{path}: the network has no output {name!r}; its last ones are {some}.")


def reading(file, kind):
    """Turns what a runtime says of a network's file into one line about it."""
    return foreign_file(file, kind, "is no {kind} that takes one batch of images ({reason})")


@contextlib.contextmanager
def _float32():
    """Networks that are made inside do not round as the run does."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
