"""Label files in, pictures out, through a connection to TF Serving."""

import os
import time

import numpy as np

from ecgan_tf.atomic_files import atomic_path
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.data.label_maps import check_same_size, labels_from_file, read_instances
from ecgan_tf.errors import RequestError
from export.serving.connections import NoAnswerError
from export.serving.pictures import encode_png, file_values

SIGNATURE, OUTPUT = "png", "image_bytes"


class ServedModel:
    """A model on a server, after its description was asked for and found to synthesise PNGs.

    Attributes:
        inputs: names of what it takes, without their ending "_bytes"; labels first.
        image_size: (height, width) of its pictures.
    """

    def __init__(self, connection, retries=3):
        """Asks the server; a wrong model or one without the signature `png` is a `RequestError`."""
        self.connection = connection
        self.retries = retries
        signatures = with_retries(connection.signatures, retries)
        try:
            inputs = signatures[SIGNATURE]["inputs"]
            signatures[SIGNATURE]["outputs"][OUTPUT]
            _, *self.image_size = signatures["serving_default"]["inputs"]["labels"]["shape"]
            names = ["labels", *sorted(name.removesuffix("_bytes") for name in inputs if name != "labels_bytes")]
            foreign = [name for name, tensor in inputs.items() if tensor["dtype"] != "DT_STRING"]
            if foreign or "labels_bytes" not in inputs or len(self.image_size) != 2:
                raise KeyError(foreign)
        except (KeyError, ValueError) as error:
            raise RequestError(
                f"{connection.address}: model {connection.model!r} does not take label maps as PNGs by a signature "
                f"{SIGNATURE!r} (it has {', '.join(sorted(signatures))}); "
                "serve what python -m export --targets=saved_model writes."
            ) from error
        self.inputs = names
        self.image_size = tuple(self.image_size)

    def synthesise(self, contents):
        """Pictures of layouts.

        Args:
            contents: list of dictionaries, each from the names of `inputs` to PNG bytes.
        Returns:
            list of the server's answers as they came: bytes that should be PNGs.
        """
        columns = {f"{name}_bytes": [content[name] for content in contents] for name in self.inputs}
        return with_retries(lambda: self.connection.predict(SIGNATURE, columns, OUTPUT), self.retries)


def with_retries(call, retries, first_wait=0.5):
    """What `call` returns, tried again after growing waits while there is no answer; after a timeout only once."""
    timeouts = 0
    for attempt in range(retries + 1):
        try:
            return call()
        except NoAnswerError as error:
            timeouts += error.timed_out
            if attempt == retries or timeouts > 1:
                asked = f"{attempt + 1} times" if attempt else "once"
                raise RequestError(f"{error}; asked {asked}.") from error
        time.sleep(first_wait * 2**attempt)
    raise AssertionError("a number of retries below 0")


def png_files(flag, path):
    """The file itself, or the .png files of a folder, by name."""
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise RequestError(f"{flag}={path}: no such file or folder.")
    names = sorted(name for name in os.listdir(path) if name.lower().endswith(".png") and not name.startswith("."))
    if not names:
        raise RequestError(f"{flag}={path}: the folder has no .png.")
    return [os.path.join(path, name) for name in names]


def find_inputs(served, labels, others):
    """The files of each layout.

    Args:
        served: `ServedModel`.
        labels: list of label files.
        others: dictionary from the name of an input to its file, for all layouts, or the folder of the files that are
            named as the label files are.
    Returns:
        list of dictionaries from the names of the model's inputs to files.
    """
    missing = [name for name in served.inputs[1:] if name not in others]
    if missing:
        wanted = " ".join(f"--input={name}=FILE_OR_FOLDER" for name in missing)
        raise RequestError(f"this model takes {' and '.join(missing)} as well; give {wanted}.")
    foreign = [name for name in others if name not in served.inputs[1:]]
    if foreign:
        raise RequestError(f"--input={foreign[0]}: this model takes {', '.join(served.inputs)} only.")
    layouts = []
    for path in labels:
        layout = {"labels": path}
        for name, place in others.items():
            layout[name] = place if os.path.isfile(place) else os.path.join(place, os.path.basename(path))
        layouts.append(layout)
    return layouts


def read_inputs(layout, classes=None):
    """The PNG bytes of each file of a layout; a file that is broken or no such map is a `RequestError`.

    Args:
        layout: dictionary from the names of inputs to files.
        classes: `ClassList` to check the values of label maps with, and to find the ids of colours.
    """
    contents = {}
    for name, path in layout.items():
        if name == "instances":
            values = read_instances(path)
            check_same_size(layout["labels"], read_label_file(layout["labels"]), path, values)
        elif name.endswith("labels"):
            values = _label_values(path, classes)
        else:
            values = read_photograph(path)
        contents[name] = encode_png(values)
    return contents


def _label_values(path, classes):
    if classes is not None:
        return file_values(labels_from_file(path, classes), classes)
    values = read_label_file(path)
    if values.ndim == 3:
        raise RequestError(f"{path}: a label map in colours; give the model's classes with --classes=model.json.")
    return values


def synthesise_files(served, layouts, output, classes=None, batch=1, show=lambda done, total: None):
    """Synthesises layouts and writes each picture under the name of its label file, whole or not at all.

    Every file is read before the first request, and again when its turn comes.

    Args:
        served: `ServedModel`.
        layouts: list of dictionaries from the names of inputs to files.
        output: folder.
        classes: `ClassList` or None, as `read_inputs` takes it.
        batch: number of layouts in a request.
        show: function of (done, total).
    """
    for layout in layouts:
        read_inputs(layout, classes)
    for start in range(0, len(layouts), batch):
        part = layouts[start : start + batch]
        contents = [read_inputs(layout, classes) for layout in part]
        try:
            answers = served.synthesise(contents)
        except RequestError as error:
            more = f" and {len(part) - 1} more" if len(part) > 1 else ""
            raise RequestError(f"{part[0]['labels']}{more}: {error}") from error
        for layout, answer in zip(part, answers):
            write_answer(served, layout["labels"], answer, output)
        show(start + len(part), len(layouts))


def write_answer(served, label_file, answer, folder):
    """Writes the PNG that a server answered for a label file, once it was decoded and found to be of the right size."""
    name = os.path.splitext(os.path.basename(label_file))[0] + ".png"
    with atomic_path(os.path.join(folder, name)) as path:
        with open(path, "wb") as file:
            file.write(answer)
        try:
            if not answer.startswith(b"\x89PNG\r\n\x1a\n"):
                raise RequestError("no PNG")
            size = np.shape(read_photograph(path))[:2]
        except RequestError as error:
            raise RequestError(
                f"{served.connection.address} answered {label_file} with {len(answer)} bytes that are no whole PNG."
            ) from error
        if size != served.image_size:
            raise RequestError(
                f"{served.connection.address} answered {label_file} with a picture of {size[1]}x{size[0]} pixels "
                f"where {served.image_size[1]}x{served.image_size[0]} was announced."
            )
