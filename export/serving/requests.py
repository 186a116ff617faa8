"""Label files in, pictures out, through a connection to TF Serving."""

import math
import os
import random
import re
import time

import numpy as np

from ecgan_tf.atomic_files import MachineError, atomic_path
from ecgan_tf.console import say
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.data.label_maps import check_same_size, labels_from_file, read_instances
from ecgan_tf.errors import RequestError
from ecgan_tf.latents import LATENTS, draw_latents
from ecgan_tf.outputs import expand, plan_files
from export.serving.connections import NoAnswerError
from export.serving.pictures import encode_png, file_values

SIGNATURE, OUTPUT = "png", "image_bytes"
BY_NEIGHBOURHOODS = "_neighbourhoods"  # ends the names of signatures for servers without a GPU
LARGEST = 1_000_000  # random numbers of a layout that a server may ask for
LONGEST_WAIT = 60.0  # seconds between two tries, whatever the server asks for
FAILURES_TO_ASK = 5  # requests in a row after which it is asked whether the server is there at all


class ServedModel:
    """A model on a server, after its description was asked for and found to synthesise PNGs.

    Args:
        connection: of `connect`.
        retries: further tries of each request.
        by_neighbourhoods: whether to ask for the signature that is faster on a server without a GPU.
        seed: of a model that gives many pictures of a layout, which one; None: 0.
    Attributes:
        inputs: names of what it takes, without their ending "_bytes"; labels first.
        image_size: (height, width) of its pictures.
    """

    def __init__(self, connection, retries=3, by_neighbourhoods=False, seed=None):
        """Asks the server; a wrong model or one without the signature is a `RequestError`."""
        self.signature = SIGNATURE + (BY_NEIGHBOURHOODS if by_neighbourhoods else "")
        self.connection = connection
        self.retries = retries
        self.slow = False
        signatures = with_retries(connection.signatures, retries)
        try:
            inputs = signatures[self.signature]["inputs"]
            signatures[self.signature]["outputs"][OUTPUT]
            _, *self.image_size = signatures["serving_default"]["inputs"]["labels"]["shape"]
            shapes = {name: tensor["shape"][1:] for name, tensor in inputs.items() if name in LATENTS}
            files = sorted(name.removesuffix("_bytes") for name in inputs if name not in shapes)
            names = ["labels", *(name for name in files if name != "labels")]
            foreign = [name for name, tensor in inputs.items() if name not in shapes and tensor["dtype"] != "DT_STRING"]
            foreign += [name for name, shape in shapes.items() if not 0 < math.prod(shape) <= LARGEST]
            if foreign or "labels_bytes" not in inputs or len(self.image_size) != 2:
                raise KeyError(foreign)
        except (KeyError, ValueError) as error:
            raise RequestError(
                f"{connection.address}: model {connection.model!r} does not take label maps as PNGs by a signature "
                f"{self.signature!r} (it has {', '.join(sorted(signatures))}); "
                "serve what python -m export --targets=saved_model writes."
            ) from error
        if seed is not None and not shapes:
            raise RequestError(
                f"--seed={seed}: {connection.address}: model {connection.model!r} gives one picture of a layout; leave "
                "it out."
            )
        self.seed, self.latents = seed, draw_latents(shapes, seed or 0, [0])
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
        columns |= {name: np.repeat(array, len(contents), axis=0) for name, array in self.latents.items()}
        try:
            answers = with_retries(
                lambda: self.connection.predict(self.signature, columns, OUTPUT), self.retries, timeouts=int(self.slow)
            )
        except UnansweredError as error:
            self.slow = error.timed_out  # what comes next is not asked twice, until something is answered again
            raise
        self.slow = False
        return answers

    def is_there(self):
        """Whether the server still tells of the model."""
        try:
            with_retries(self.connection.signatures, self.retries)
        except RequestError:
            return False
        return True


class UnansweredError(RequestError):
    """No answer came, however often it was asked; the last time because it took too long (`timed_out`)."""

    def __init__(self, message, timed_out):
        super().__init__(message)
        self.timed_out = timed_out


def with_retries(call, retries, first_wait=0.5, timeouts=0):
    """What `call` returns, tried again after growing waits while there is no answer; after a timeout only once.

    A server that says when to come again (Retry-After) is left alone for as long, up to `LONGEST_WAIT`. The waits of
    several clients that were sent away together are not equally long.
    """
    for attempt in range(retries + 1):
        try:
            return call()
        except NoAnswerError as error:
            timeouts += error.timed_out
            if attempt == retries or timeouts > 1:
                asked = f"{attempt + 1} times" if attempt else "once"
                raise UnansweredError(f"{error}; asked {asked}.", error.timed_out) from error
            wait = max(first_wait * 2 ** min(attempt, 16), error.retry_after) * (1.0 + jitter())
        time.sleep(min(wait, LONGEST_WAIT))
    raise AssertionError("a number of retries below 0")


def jitter():
    """What a wait is longer by, as a share of it."""
    return random.uniform(0.0, 0.25)


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
    others = {name: expand(place) for name, place in others.items()}
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


def synthesise_files(
    served, layouts, output, classes=None, batch=1, show=lambda done, total: None, overwrite=False, also_read=()
):
    """Synthesises layouts and writes each picture under the name of its label file, whole or not at all.

    Every file is read before the first request, and again when its turn comes. A picture that is there already, newer
    than what it is made of and of the model's size, is left. A layout that fails does not keep the others from their
    pictures.

    Args:
        served: `ServedModel`.
        layouts: list of dictionaries from the names of inputs to files.
        output: folder.
        classes: `ClassList` or None, as `read_inputs` takes it.
        batch: number of layouts in a request.
        show: function of (done, total).
        overwrite: makes pictures that are there anew, too.
        also_read: further files that the pictures depend on.
    Returns:
        how many were synthesised, and how many were left as they are.
    Raises:
        RequestError: before the first request, where a file or the output is wrong; after the last one, where layouts
            failed: how many, and why.
    """
    folder = expand(output)

    def is_there(layout):
        return is_made(picture_of(layout, folder, served), [*layout.values(), *also_read], served.image_size)

    waiting = [layout for layout in layouts if overwrite or not is_there(layout)]
    for layout in waiting:
        read_inputs(layout, classes)
    read = [path for layout in layouts for path in layout.values()]
    names = {layout["labels"]: os.path.basename(picture_of(layout, folder, served)) for layout in layouts}
    folder = plan_files(output, names, [*read, *also_read])
    failures = Failures()
    for start in range(0, len(waiting), batch):
        part = waiting[start : start + batch]
        synthesise_batch(served, part, folder, classes, failures)
        show(start + len(part), len(waiting))
        if failures.ask_now(len(part)) and not served.is_there():
            failures.skipped = len(waiting) - start - len(part)
            break
    failed = len(failures) + failures.skipped
    if failed:
        raise RequestError(failures.line(len(waiting)))
    return len(waiting), len(layouts) - len(waiting)


def synthesise_batch(served, layouts, folder, classes, failures):
    """Synthesises and writes some layouts with one request; where a layout may be to blame, with one for each."""
    sound, contents = [], []
    for layout in layouts:
        try:
            contents.append(read_inputs(layout, classes))
            sound.append(layout)
        except RequestError as error:  # it was sound when the command began
            failures.add(layout, error)
    if not sound:
        return
    try:
        answers = served.synthesise(contents)
    except RequestError as error:
        if len(sound) > 1 and not isinstance(error, UnansweredError):
            for layout in sound:
                synthesise_batch(served, [layout], folder, classes, failures)
        else:
            for layout in sound:
                failures.add(layout, error)
        return
    failures.in_a_row = 0
    for layout, answer in zip(sound, answers):
        try:
            write_answer(served, answer, picture_of(layout, folder, served))
        except MachineError:  # the next picture would fare no better
            raise
        except RequestError as error:
            failures.add(layout, error)


class Failures:
    """The layouts of a job that failed, by the kind of their reason.

    Attributes:
        in_a_row: how many since the last answer.
        skipped: how many were not tried, since the server is gone.
    """

    def __init__(self):
        self.kinds = {}
        self.in_a_row = 0
        self.skipped = 0

    def __len__(self):
        return sum(len(paths) for _, paths in self.kinds.values())

    def add(self, layout, error):
        """Takes a layout in; the first of its kind is told at once."""
        path, reason = layout["labels"], str(error)
        for file in sorted(layout.values(), key=len, reverse=True):
            reason = reason.replace(f"{file}: ", "")
        kind = re.sub(r"\d+", "#", reason)
        if kind not in self.kinds:
            self.kinds[kind] = (reason, [])
            say(f"{path}: {reason.rstrip('.')}; going on with the others")
        self.kinds[kind][1].append(path)
        self.in_a_row += 1

    def ask_now(self, most):
        """Whether it is time to ask if the server is there: after every few failures in a row.

        Args:
            most: how many may have been added since this was asked last.
        """
        return self.in_a_row >= FAILURES_TO_ASK and self.in_a_row % FAILURES_TO_ASK < most

    def line(self, asked):
        """How many of `asked` layouts failed, the first of each kind with its reason, and what to do."""
        failed = len(self) + self.skipped
        kinds = "; ".join(described(paths, reason.rstrip(".")) for reason, paths in self.kinds.values())
        skipped = f"; the server is gone, so {self.skipped} were not tried" if self.skipped else ""
        return (
            f"{failed} of {asked} layouts have no picture yet: {kinds}{skipped}. "
            "The same command synthesises those that are missing."
        )


def described(paths, reason, most=4):
    """The first of some paths with its reason, how many there are, and the names of the next ones."""
    if len(paths) == 1:
        return f"{paths[0]}: {reason}"
    names = ", ".join([*map(os.path.basename, paths[1:most]), *(["..."] if len(paths) > most else [])])
    return f"{paths[0]} and {len(paths) - 1} more: {reason} (so {names})"


def picture_of(layout, folder, served):
    """The file of a layout's picture; one of a chosen seed bears it, so that another's is not taken for it."""
    stem = os.path.splitext(os.path.basename(layout["labels"]))[0]
    return os.path.join(folder, stem + ("" if served.seed is None else f"_seed_{served.seed}") + ".png")


def is_made(picture, inputs, size):
    """Whether a picture is there, newer than every file that it is made of, whole and of a size (height, width)."""
    try:
        made = os.stat(picture).st_mtime_ns
        if any(os.stat(path).st_mtime_ns >= made for path in inputs):
            return False
        with open(picture, "rb") as file:
            return is_png(file.read()) and read_photograph(picture).shape[:2] == size
    except (OSError, RequestError):
        return False


def is_png(content):
    """Whether bytes begin and end as a PNG does; Pillow does not mind where the end is missing."""
    return content.startswith(b"\x89PNG\r\n\x1a\n") and content.endswith(b"IEND\xaeB`\x82")


def write_answer(served, answer, picture):
    """Writes the PNG that a server answered, once it was decoded and found to be of the right size."""
    with atomic_path(picture) as path:
        with open(path, "wb") as file:
            file.write(answer)
        try:
            if not is_png(answer):
                raise RequestError("no PNG")
            size = np.shape(read_photograph(path))[:2]
        except RequestError as error:
            raise RequestError(
                f"{served.connection.address} answered with {len(answer)} bytes that are no whole PNG."
            ) from error
        if size != served.image_size:
            raise RequestError(
                f"{served.connection.address} answered with a picture of {size[1]}x{size[0]} pixels "
                f"where {served.image_size[1]}x{served.image_size[0]} was announced."
            )
