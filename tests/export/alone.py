"""Synthesises layouts with an exported file alone: nothing of this project, nor TensorFlow but as the runtime.

    python -I alone.py RUNTIME MODEL LAYOUTS.npy PICTURES.npy

What the model is, its size and its classes, is read from the file. LAYOUTS holds values as label maps have them, uint8
(layouts, height, width), of which the file tells the ids; PICTURES takes uint8 (layouts, height, width, 3).
"""

import json
import os
import sys
import zipfile

import numpy as np

RUNTIME = sys.argv[1]
FORBIDDEN = {"ecgan_tf", "export", *(() if RUNTIME == "tensorflow" else ("tensorflow", "keras"))}


class Refusal:
    """Refuses what this process is to do without."""

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            raise ImportError(f"{name} was asked for")


sys.meta_path.insert(0, Refusal())


def litert(path):
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.interpreter import Interpreter

    with open(path, "rb") as file:
        content = file.read()
    model = schema.Model.GetRootAs(content, 0)
    entries = {model.Metadata(i).Name(): model.Metadata(i).Buffer() for i in range(model.MetadataLength())}
    description = model.Buffers(entries[b"ecgan_tf"]).DataAsNumpy().tobytes()
    runner = Interpreter(model_content=content, num_threads=1).get_signature_runner("serving_default")
    return description, lambda labels: runner(labels=labels)["image"]


def openvino_of_tflite(path):
    """OpenVINO does not read the metadata of a .tflite; their standard part says where the classes are: in the zip."""
    with zipfile.ZipFile(path) as archive:
        names = archive.read("labels.txt").decode().splitlines()
    classes = [{"id": label, "raw_id": label, "name": name} for label, name in enumerate(names[:-1])]
    assert names[-1] == "unknown"
    model, run = compiled(path)
    arguments = {"image_size": list(model.input(0).shape)[1:]}
    return json.dumps({"classes": {"ignore_index": 255, "classes": classes}, "arguments": arguments}), run


def onnxruntime(path):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    description = session.get_modelmeta().custom_metadata_map["ecgan_tf"]
    return description, lambda labels: session.run(["image"], {"labels": labels})[0]


def openvino(path):
    """Of its own file, or of an .onnx, whose metadata it keeps below "framework"."""
    model, run = compiled(path)
    place = ["ecgan_tf"] if path.endswith(".xml") else ["framework", "ecgan_tf"]
    return model.get_rt_info(place).astype(str), run


def compiled(path):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    network = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    return model, lambda labels: next(iter(network({0: labels}).values()))


def tensorflow(path):
    import tensorflow as tf

    module = tf.saved_model.load(path)
    run = module.signatures["serving_default"]
    return described(path), lambda labels, module=module: run(labels=tf.constant(labels))["image"].numpy()


def described(path):
    with open(os.path.join(path, "assets.extra", "model.json"), "rb") as file:
        return file.read()


def openvino_of_saved_model(path):
    return described(path), compiled(path)[1]


def main():
    path, layouts, pictures = sys.argv[2:]
    description, run = globals()[RUNTIME](path)
    description = json.loads(description)
    classes, (height, width) = description["classes"], description["arguments"]["image_size"]
    ids = np.full(256, -1, np.int32)
    for entry in classes["classes"]:
        ids[entry["raw_id"]] = entry["id"]
    ids[classes["ignore_index"]] = len(classes["classes"])
    values = np.load(layouts)
    rows, columns = ((2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip((height, width), values.shape[1:]))
    labels = ids[values[:, rows[:, None], columns]]
    assert labels.min() >= 0
    images = np.concatenate([run(labels[index : index + 1]) for index in range(len(labels))])
    np.save(pictures, np.floor((np.clip(images, -1, 1) + 1) * 127.5 + 0.5).astype(np.uint8))
    assert not FORBIDDEN & {name.split(".")[0] for name in sys.modules}


main()
