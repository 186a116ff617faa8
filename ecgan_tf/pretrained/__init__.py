"""Small models that we trained ourselves, named by a word wherever a model is asked for: `--model=earth`."""

import importlib.resources
import os

from ecgan_tf.outputs import expand

SUFFIX = ".tflite"


def pretrained_models():
    """The models of the box: dictionary from name to the path of its .tflite."""
    folder = str(importlib.resources.files("ecgan_tf.pretrained"))
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        for file in sorted(os.listdir(path)) if os.path.isdir(path) else ():
            if file.endswith(SUFFIX):
                found[file.removesuffix(SUFFIX)] = os.path.join(path, file)
    return found


def find_model(model):
    """The absolute path of what a request calls a model: what lies at that path, else the model of the box so named."""
    path = expand(model)
    return path if os.path.exists(path) else pretrained_models().get(model, path)
