"""`ecgan <command>`, and `python -m ecgan_tf <command>`: one command for all that the project does."""

import dataclasses
import importlib
import sys

from ecgan_tf import cli


@dataclasses.dataclass(frozen=True)
class Command:
    """A command: the module that has its flags and `main`, and one line on what it does."""

    module: str
    does: str


# By name of the module: flags are global to a process, and TensorFlow takes seconds, so one alone is imported.
GROUPS = {
    "This machine": {
        "doctor": Command("ecgan_tf.commands.doctor", "says what this machine is and lacks, and checks its GPUs"),
    },
    "Data": {
        "validate": Command("ecgan_tf.commands.validate", "reads every file of a data set and says what is wrong"),
        "convert-data": Command(
            "ecgan_tf.commands.convert_data", "packs a data set into shards, which it is read from faster"
        ),
        "scenes": Command("ecgan_tf.commands.scenes", "lists the scenes of COCO-Stuff, which MSCA is trained on"),
    },
    "Training": {
        "configs": Command("ecgan_tf.commands.configs", "lists the experiments that ship with the package"),
        "keys": Command("ecgan_tf.commands.keys", "lists the config keys of a method"),
        "train": Command("ecgan_tf.commands.train", "trains or continues a run"),
        "launch": Command("ecgan_tf.commands.launch", "trains one run by several workers on this machine"),
        "segmenter": Command(
            "ecgan_tf.commands.segmenter", "trains a segmenter: a judge, or the label generator of L_s"
        ),
        "ablations": Command("ecgan_tf.commands.ablations", "trains the papers' ablations and compares them"),
        "convert": Command("ecgan_tf.commands.convert", "takes weights of the PyTorch releases in and out"),
    },
    "Pictures": {
        "studio": Command("ecgan_tf.commands.studio", "paints in the browser: a layout, and its picture meanwhile"),
        "synthesize": Command("ecgan_tf.commands.synthesize", "label maps to pictures, by a run or what was exported"),
        "evaluate": Command("ecgan_tf.commands.evaluate", "measures a model on a validation split, and shows it"),
        "compare": Command("ecgan_tf.commands.compare", "measures several models alike, and shows them side by side"),
    },
    "Devices and servers": {
        "export": Command("export.command", "turns a run into SavedModel, .tflite, .onnx, OpenVINO and TensorRT files"),
        "tensorrt": Command("export.tensorrt", "builds TensorRT engines of an export, on a machine with a GPU"),
        "client": Command("export.serving.client", "label maps to pictures, by a model that TF Serving serves"),
    },
}
COMMANDS = {name: command for group in GROUPS.values() for name, command in group.items()}


def usage():
    """The list of commands, in groups."""
    lines = ["ecgan <command> [flags]", "", "  ecgan <command> --help tells of one."]
    for group, commands in GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:12s} {command.does}" for name, command in commands.items())]
    return "\n".join(lines)


def main(word=None):
    """Runs the command that the first argument names; or `word`, for the modules that are commands of their own."""
    words = sys.argv[1:] if word is None else [word, *sys.argv[1:]]
    word = words[0] if words else "--help"
    if word in ("--help", "-h", "help", "-help"):
        with cli.reader_may_leave():
            print(usage())
        return
    if word not in COMMANDS:
        sys.exit(f"error: unknown command {word!r}; choose from {', '.join(COMMANDS)}. See ecgan --help.")
    module = importlib.import_module(COMMANDS[word].module)
    sys.argv = [f"ecgan {word}", *words[1:]]
    cli.run(module.main, module.__doc__, getattr(module, "INTERRUPTED", cli.WHOLE))


if __name__ == "__main__":
    main()
