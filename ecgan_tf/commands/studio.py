"""Opens the studio in a browser: paint a label map, watch the picture.

Example:
    ecgan studio
    ecgan studio --model=runs/demo --port=8000

--model is a model of the box (earth, the default), an exported .tflite, the folder of a split one, or a run folder,
which is exported on the way. The page and the model are served to this machine alone, at 127.0.0.1; pictures are made
in the browser, and nothing leaves it.
"""

import os
import tempfile
import webbrowser

from absl import flags

from ecgan_tf import cli, console

MODEL = flags.DEFINE_string("model", "earth", "A model of the box, a .tflite, or a run folder.")
PORT = flags.DEFINE_integer("port", 0, "Port at 127.0.0.1; 0: a free one.")
BROWSER = flags.DEFINE_bool("browser", True, "Opens the default browser; else the address is printed alone.")
INTERRUPTED = "the studio is closed"


def main(argv):
    cli.no_arguments(argv)
    from ecgan_tf.studio import studio_server

    with tempfile.TemporaryDirectory() as folder:
        server = studio_server(PORT.value)  # before an export, which takes a minute
        server.model, server.encoder = files_of(MODEL.value, folder)
        address = f"http://127.0.0.1:{server.server_port}/"
        console.say(f"the studio is at {address}; Ctrl-C closes it")
        if BROWSER.value and not webbrowser.open(address):
            console.say("no browser could be opened: open the address in one")
        with server:
            server.serve_forever()


def files_of(model, folder):
    """The .tflite of what --model names, and the style encoder of a split one, else None.

    A run is exported into the folder.
    """
    from ecgan_tf.errors import RequestError
    from ecgan_tf.inference.runtimes import PAINTER, STYLE_ENCODER, is_run, is_split
    from ecgan_tf.pretrained import find_model, pretrained_models

    path = find_model(model)
    if not os.path.exists(path):
        names = ", ".join(pretrained_models()) or "none"
        raise RequestError(f"--model={model}: no such file or folder, nor a model of the box ({names}).")
    if is_run(path):
        console.quiet_tensorflow()
        from export.export_run import export_run

        export_run(path, folder, ["tflite"], gpu_check=False, intermediates=True)
        split = os.path.join(folder, "split_float16")
        path = split if is_split(split) else os.path.join(folder, "model_float16.tflite")
    if is_split(path):
        return tuple(os.path.join(path, f"{name}.tflite") for name in (PAINTER, STYLE_ENCODER))
    if not path.endswith(".tflite") or not os.path.isfile(path):
        raise RequestError(
            f"--model={model}: the studio opens a .tflite, the two of a split model in a folder, or a run folder."
        )
    return path, None
