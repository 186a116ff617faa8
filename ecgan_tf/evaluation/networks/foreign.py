"""Networks of other projects in their own runtimes, behind one face: images in, outputs by name."""

import os

import numpy as np

from ecgan_tf import console
from ecgan_tf.errors import RequestError
from ecgan_tf.models.described_networks import check_outputs, of_layers, open_keras, open_saved_model, reading

ENDINGS = ".keras, .weights.h5, .tflite, .onnx or a SavedModel folder"


def open_network(path, file, wanted, architecture=None):
    """Opens a network of one image input.

    Args:
        path: of its description, for messages.
        file: of the network.
        wanted: names of the outputs that will be read; of Keras also of layers.
        architecture: of a .weights.h5, a function of keras.applications.
    Returns:
        function of images float32 (batch, height, width, 3), or with the channels first, to a dictionary of arrays.
    """
    ending = os.path.splitext(file)[1].lower()
    openers = {".tflite": _open_tflite, ".onnx": _open_onnx}
    if file.lower().endswith(".weights.h5"):
        if architecture is None:
            raise RequestError(f"{path}: field 'architecture' is missing, which a .weights.h5 needs.")
        return _open_weights(path, file, wanted, architecture)
    if architecture is not None:
        raise RequestError(f"{path}: field 'architecture' is for a .weights.h5; {file} says what it is by itself.")
    if os.path.isdir(file) or ending == ".keras":
        return _in_arrays((open_saved_model if os.path.isdir(file) else open_keras)(path, file, wanted))
    if ending not in openers:
        raise RequestError(f"{path}: field 'file' is of an unknown kind {ending!r}; give {ENDINGS}.")
    return openers[ending](path, file, wanted)


def _in_arrays(network):
    """A network of tensors as one of arrays."""
    import tensorflow as tf

    run = tf.function(network, autograph=False, reduce_retracing=True)
    return lambda images: {name: answer.numpy() for name, answer in run(tf.constant(images)).items()}


def _open_weights(path, file, wanted, architecture):
    import keras

    builder = getattr(keras.applications, architecture, None)
    if not architecture[:1].isupper() or not callable(builder):
        known = ", ".join(name for name in dir(keras.applications) if name[:1].isupper())
        raise RequestError(f"{path}: field 'architecture' is {architecture!r}; known are {known}.")
    with reading(file, "Keras weights file"):
        network = builder(include_top=False, weights=None, input_shape=(None, None, 3))
        network.load_weights(file)
    return _in_arrays(of_layers(path, network, wanted))


def _open_tflite(path, file, wanted):
    with reading(file, "LiteRT model"):
        from ai_edge_litert.interpreter import Interpreter

        with console.stderr_held_back():  # the runtime says which delegate it made
            interpreter = Interpreter(model_path=file, num_threads=os.cpu_count())
            interpreter.allocate_tensors()
        (taken,) = interpreter.get_input_details()
        if taken["dtype"] != np.float32:
            raise ValueError(f"its input is {taken['dtype'].__name__}, not float32")
        indices = {details["name"]: details["index"] for details in interpreter.get_output_details()}
        for key in list(interpreter.get_signature_list())[:1]:  # whose names are those of the Keras or TensorFlow model
            details = interpreter.get_signature_runner(key).get_output_details()
            indices |= {name: detail["index"] for name, detail in details.items()}
    check_outputs(path, wanted, indices)

    def run_one(image):
        with reading(file, "LiteRT model"):
            if tuple(interpreter.get_input_details()[0]["shape"]) != image.shape:
                interpreter.resize_tensor_input(taken["index"], image.shape, strict=True)
                interpreter.allocate_tensors()
            interpreter.set_tensor(taken["index"], image)
            interpreter.invoke()
            return {name: interpreter.get_tensor(indices[name]) for name in wanted}

    return _one_by_one(run_one)


def _open_onnx(path, file, wanted):
    with reading(file, "ONNX model"):
        import onnxruntime

        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        (taken,) = session.get_inputs()
        if taken.type != "tensor(float)":
            raise ValueError(f"its input is {taken.type}, not tensor(float)")
    check_outputs(path, wanted, [output.name for output in session.get_outputs()])

    def run_one(image):
        with reading(file, "ONNX model"):
            return dict(zip(wanted, session.run(wanted, {taken.name: image})))

    return _one_by_one(run_one)


def _one_by_one(run_one):
    """A batch as single images: an exported file is often of a fixed batch of one."""

    def run(images):
        answers = [run_one(images[index : index + 1]) for index in range(len(images))]
        return {name: np.concatenate([answer[name] for answer in answers]) for name in answers[0]}

    return run
