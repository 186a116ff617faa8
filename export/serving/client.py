"""Synthesises label maps with a model that TF Serving serves.

Example:
    python -m export.serving.client --address=localhost:8500 --model=ecgan --labels=layouts/ --output=pictures/
    python -m export.serving.client --address=localhost:8501 --protocol=rest --model=ecgan --labels=a.png --output=made/

A label map is a greyscale PNG of any size, the values being those of the label files that the model was trained with.
With --classes=model.json, the file that the export left, maps are checked before they are sent, and may be in colours.
A model that was trained with instance maps takes them from --input=instances=FOLDER. Requests that find no server, or
a busy one, are sent again after a while. Layouts that fail do not keep the others from their pictures; the same command
again synthesises those that are missing or older than their label maps. --overwrite makes all of them anew.
"""

import os

from absl import flags

from ecgan_tf import cli, console
from ecgan_tf.atomic_files import read_json
from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.outputs import expand

ADDRESS = flags.DEFINE_string("address", None, "host:port of the server; 8500 is its port for gRPC, 8501 for REST.")
PROTOCOL = flags.DEFINE_enum("protocol", "grpc", ["grpc", "rest"], "How to talk to the server.")
MODEL = flags.DEFINE_string("model", None, "The model's name on the server.")
LABELS = flags.DEFINE_string("labels", None, "A label map, or a folder of them (.png).")
INPUTS = flags.DEFINE_multi_string("input", [], "Another input of the model, as NAME=FILE_OR_FOLDER; may be repeated.")
OUTPUT = flags.DEFINE_string(
    "output", None, "Folder for the pictures, a .png of each label map's name, with --seed NAME_seed_N."
)
CLASSES = flags.DEFINE_string("classes", None, "The export's model.json: checks label maps, and allows colours.")
BATCH = flags.DEFINE_integer("batch", 1, "Layouts in one request.", lower_bound=1)
DEADLINE = flags.DEFINE_float("deadline", 10.0, "Seconds that a request may take.", lower_bound=1e-3)
RETRIES = flags.DEFINE_integer(
    "retries", 3, "Further tries where the server is busy or not reached; one where it is too slow.", lower_bound=0
)
BY_NEIGHBOURHOODS = flags.DEFINE_bool(
    "neighbourhoods", False, "Asks for the signature of servers without a GPU: the same pictures, sooner."
)
SEED = flags.DEFINE_integer(
    "seed",
    None,
    "Of a model that gives many pictures of a layout, which one; 0 by default.",
    lower_bound=0,
    upper_bound=2**63 - 1,
)
OVERWRITE = flags.DEFINE_bool("overwrite", False, "Makes pictures that are there already anew.")
INTERRUPTED = "the pictures that are there are whole; the same command synthesises those that are missing."


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(address=ADDRESS.value, model=MODEL.value, labels=LABELS.value, output=OUTPUT.value)
    if os.path.isfile(expand(OUTPUT.value)):
        raise RequestError(f"--output={OUTPUT.value} is a file; give a folder.")
    others = dict(_named(text) for text in INPUTS.value)

    from ecgan_tf.data.label_maps import list_label_maps
    from export.serving.connections import connect
    from export.serving.requests import ServedModel, find_inputs, synthesise_files

    paths = list_label_maps(LABELS.value)
    classes = None if CLASSES.value is None else _read_classes(CLASSES.value)
    if PROTOCOL.value == "grpc":
        console.quiet_tensorflow()  # comes with the protos
    connection = connect(PROTOCOL.value, ADDRESS.value, MODEL.value, DEADLINE.value)
    served = ServedModel(connection, RETRIES.value, BY_NEIGHBOURHOODS.value, SEED.value)
    layouts = find_inputs(served, paths, others)
    show = console.progress_bar("synthesis")
    read = [] if CLASSES.value is None else [expand(CLASSES.value)]
    made, left = synthesise_files(
        served, layouts, OUTPUT.value, classes, BATCH.value, show, overwrite=OVERWRITE.value, also_read=read
    )
    there = f"; {left} were there already, newer than their label maps (--overwrite makes them anew)" if left else ""
    say(f"synthesised {made} layouts into {OUTPUT.value}{there}")


def _named(text):
    name, _, path = text.partition("=")
    if not name or not path:
        raise RequestError(f"--input={text}: not NAME=FILE_OR_FOLDER.")
    return name, path


def _read_classes(path):
    """The classes of an export's model.json."""
    from ecgan_tf.data.classes import ClassList

    try:
        return ClassList.from_dict(read_json(expand(path))["classes"])
    except (RequestError, ValueError, KeyError, TypeError) as error:
        raise RequestError(f"--classes={path}: not the model.json of an export ({error}).") from error


if __name__ == "__main__":
    cli.run(main, __doc__, INTERRUPTED)
