#!/usr/bin/env python3
"""Synthesises label maps with an exported .tflite as an app on a device does: one file, ported by reading it.

    python -m export.on_device --model=exported/model_int8.tflite --labels=layouts/ --output=pictures/ --threads=4
    python on_device.py --model=model_int8.tflite                        measures only, on a made-up layout

Needs ai-edge-litert, numpy and pillow; no TensorFlow, and nothing else of this project. A label map is a PNG of
the values or the colours of classes.json, resized to the model's size; the classes are read from the model file. Prints
the latency of a layout and the memory that the process took.
"""

import argparse
import contextlib
import errno
import io
import json
import os
import platform
import re
import signal
import sys
import time
import warnings

import numpy as np
from PIL import Image

METADATA = "ecgan_tf"  # name of the entry in the file's metadata that holds the model's description
MAX_PIXELS = 64 * 1024 * 1024  # of a label map: beyond that a small file could fill the memory
LATENTS = {"z": 1, "noise": 2}  # random inputs that a model may have, and the streams of their numbers
DIMENSIONS, MOST_NUMBERS = {"z": 2, "noise": 3}, 10_000_000
MAX_VALUE = 65535  # that a PNG stores
OTHER_FORMATS = (".tif", ".tiff", ".bmp", ".gif", ".webp")  # in which label maps may lie there
BAND = 128 * 1024  # pixels that are looked at at a time
CODES = {signal.SIGINT: ("interrupted", 130), signal.SIGTERM: ("terminated", 143)}
HOST = re.sub(r"[^A-Za-z0-9_.]", "_", platform.node())[:40]
MACHINE = {
    errno.ENOSPC: "no space is left on the disk; free some, or give another folder",
    errno.EDQUOT: "the disk quota is used up; free some space, or give another folder",
    errno.EFBIG: "the file is larger than this machine allows (ulimit -f); raise the limit, or give another folder",
    errno.EROFS: "the file system is read-only; give another folder",
    errno.EACCES: "no permission; change the access rights, or give another folder",
    errno.EPERM: "no permission; change the access rights, or give another folder",
    errno.ENAMETOOLONG: "the name is too long for this file system; give a shorter one",
    errno.ENOTDIR: "a file stands where a folder should be; remove it, or give another folder",
    errno.EEXIST: "a file stands where a folder should be; remove it, or give another folder",
    errno.EISDIR: "a folder stands where a file should be; remove it, or give another folder",
}


class RequestError(ValueError):
    """A mistake in what the user asked for."""


class StoppedError(BaseException):
    """A signal ended the command; no `Exception`, so that nothing on the way takes it for a mistake."""

    def __init__(self, number):
        word, self.code = CODES[number]
        super().__init__(f"{word}; what it wrote is whole; the same command begins anew")


class Model:
    """A .tflite, ready to synthesise.

    Args:
        path: of the .tflite.
        threads: of the interpreter; None: all cores.
    Attributes:
        size: (height, width) of labels and image.
        ids: int array (65536,), the label id of each value of a label map; -1: no class.
    """

    def __init__(self, path, threads=None):
        if not os.path.isfile(path):
            raise RequestError(f"--model={path}: no such file")
        try:
            from ai_edge_litert.interpreter import Interpreter

            with open(path, "rb") as file:
                content = file.read()
            self.description = json.loads(read_metadata(content))
            self.interpreter = Interpreter(model_content=content, num_threads=threads or os.cpu_count())
            self.runner = self.interpreter.get_signature_runner("serving_default")
            self.inputs = self.runner.get_input_details()
            self.size = tuple(map(int, self.inputs["labels"]["shape"][1:3]))
            self.ids = table_of_ids(self.description["classes"])
            colors_of(self.description["classes"])
            self.draw(0)
        except ImportError as error:
            raise RequestError(f"this needs the package {error.name!r}; pip install ai-edge-litert") from error
        except Exception as error:  # the runtime has no exceptions of its own
            if isinstance(error, OSError) and error.errno in MACHINE:
                raise
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise RequestError(f"{path} is not a .tflite of this project ({reason}); export it again") from error
        others = sorted(set(self.inputs) - {"labels", *LATENTS})
        if others:
            raise RequestError(f"{path} also takes {', '.join(others)}, which this example does not make")

    def draw(self, seed):
        """Chooses one of the many pictures of a layout, of a model that has them: random inputs from N(0, 1)."""
        shapes = {name: tuple(map(int, self.inputs[name]["shape"])) for name in LATENTS if name in self.inputs}
        if any(
            shape[0] != 1 or len(shape) != DIMENSIONS[name] or np.prod(shape) > MOST_NUMBERS
            for name, shape in shapes.items()
        ):
            raise ValueError(f"random inputs of the shapes {shapes}")
        drawn = {name: numbers(seed, shape, LATENTS[name]) for name, shape in shapes.items()}
        if "noise" in drawn:  # one code for all classes; rows of its own for one of them make that one anew
            drawn["noise"][:] = drawn["noise"][:, -1:]
        self.latents = drawn

    def __call__(self, labels):
        """The picture uint8 (height, width, 3) of a layout: integers (height, width), ids of the model's classes."""
        labels = labels[np.newaxis].astype(self.inputs["labels"]["dtype"])
        image = self.runner(labels=labels, **self.latents)["image"][0]
        if image.dtype == np.uint8:
            return image
        return np.floor((np.clip(image, -1.0, 1.0) + 1.0) * 127.5 + 0.5).astype(np.uint8)

    def read(self, path):
        """A label map as the model takes it: ids (height, width), int32."""
        values = read_label_map(path, self.description["classes"])
        foreign = [value for value in used(values) if self.ids[value] < 0]
        if foreign:
            raise RequestError(f"{path}: value {foreign[-1]} is no class of the model")
        rows, columns = (
            (2 * np.arange(new) + 1) * old // (2 * new) for new, old in zip(self.size, values.shape)
        )  # of the cell at the centre
        return self.ids[values[rows[:, np.newaxis], columns]]


def numbers(seed, shape, stream):
    """Random numbers from N(0, 1): float32 of this shape, the same for a seed wherever NumPy's Philox runs."""
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64), counter=[0, 0, 0, 0]))
    return generator.standard_normal(shape, dtype=np.float32)


def read_metadata(content):
    """The JSON text that the export put into a .tflite: which model it is, its classes and palette."""
    from ai_edge_litert import schema_py_generated as schema

    if content[4:8] != b"TFL3":
        raise ValueError("no LiteRT file")
    model = schema.Model.GetRootAs(content, 0)
    for index in range(model.MetadataLength()):
        entry = model.Metadata(index)
        if entry.Name() == METADATA.encode():
            return model.Buffers(entry.Buffer()).DataAsNumpy().tobytes().decode()
    raise ValueError("it does not describe itself")


def table_of_ids(classes):
    """From the value of a label map to the label id, by the model's description: int32 (65536,)."""
    table = np.full(MAX_VALUE + 1, -1, np.int32)
    values = {entry["id"]: entry["raw_id"] for entry in classes["classes"]}
    unknown = classes.get("ignore_index")
    if unknown is not None:
        values[len(values)] = unknown
    for label, value in values.items():
        if not (type(label) is type(value) is int and 0 <= label < len(values) and 0 <= value <= MAX_VALUE):
            raise ValueError(f"class {label!r} of value {value!r}")
        table[value] = label
    return table


def colors_of(classes):
    """From the class value to its colour, three integers, in the order of the classes."""
    colors = {entry["raw_id"]: tuple(entry["color"]) for entry in classes["classes"]}
    if not all(len(color) == 3 and all(type(part) is int for part in color) for color in colors.values()):
        raise ValueError("a colour that is none")
    return colors


def read_label_map(path, classes):
    """The class values of a label map, by the rule of ecgan_tf/data/label_maps.py: integers (height, width).

    Args:
        classes: of the model's description; a palette whose colours speak against its indices is refused.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if content[12:16] != b"IHDR":
                raise ValueError(f"{what_it_is(content)}; save it as PNG")
            depth = content[24]
            image = Image.open(io.BytesIO(content), formats=["PNG"])
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.size[0]}x{image.size[1]} pixels")
            if image.mode not in ("L", "P", "I", "I;16", "I;16B", "RGB") or (image.mode == "RGB" and depth != 8):
                raise ValueError(f"mode {image.mode} of {depth} bits; save it as 8-bit greyscale")
            values = pixels_of(image)
            if image.mode == "P":
                return by_palette(values, image.getpalette("RGB") or [], classes)
            if image.mode == "RGB":
                return by_color(values, classes)
            # Pillow makes white 255, whatever the depth.
            return values // {2: 85, 4: 17}[depth] if depth in (2, 4) else values
    except RequestError:
        raise
    except Exception as error:  # a broken file leads Pillow to any exception
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise
        raise RequestError(f"{path} is not a label map ({error})") from error


def pixels_of(image):
    """The pixels, some rows at a time: Pillow would hold them three times over while it makes an array of them."""
    image.load()
    width, height = image.size
    rows = max(1, BAND // width)
    bands = ((0, top, width, min(top + rows, height)) for top in range(0, height, rows))
    pixels = None
    for band in bands:
        part = np.asarray(image.crop(band))
        if pixels is None:
            pixels = np.empty((height, *part.shape[1:]), part.dtype)
        pixels[band[1] : band[3]] = part
    return pixels


def what_it_is(content):
    """Words on a file that is no PNG."""
    try:
        return f"a {Image.open(io.BytesIO(content)).format} file"
    except Exception:  # nothing that Pillow knows
        return "no PNG"


def by_palette(indices, palette, classes):
    """The class values of a palette file: its indices; or where those are none and all colours are, their classes'."""
    colors = [tuple(palette[i : i + 3]) for i in range(0, len(palette), 3)]
    entries = colors_of(classes)
    meant = {index: [value for value, color in entries.items() if index < len(colors) and color == colors[index]]
             for index in used(indices)}  # fmt: skip
    other = [index for index, values in meant.items() if values and index not in values]
    if not other:
        return indices
    if all(meant.values()) and not all(index in entries or index == classes.get("ignore_index") for index in meant):
        table = np.zeros(max(meant) + 1, np.uint16)
        for index, values in meant.items():
            table[index] = values[0]
        return table[indices]
    raise ValueError(f"index {other[0]} has the colour of class value {meant[other[0]][0]}; save it as 8-bit greyscale")


def by_color(pixels, classes):
    """The class values of an RGB file, uint16: of classes that share a colour, the first; black is unknown."""
    values = {}
    for value, (red, green, blue) in colors_of(classes).items():
        values.setdefault(red << 16 | green << 8 | blue, value)
    if classes.get("ignore_index") is not None:
        values.setdefault(0, classes["ignore_index"])
    known = np.array(sorted(values), np.int32)
    value_of = np.array([values[color] for color in known.tolist()], np.uint16)
    found = np.empty(pixels.shape[:2], np.uint16)
    rows = max(1, BAND // pixels.shape[1])
    for top in range(0, len(pixels), rows):
        red, green, blue = np.moveaxis(pixels[top : top + rows].astype(np.int32), -1, 0)
        packed = red << 16 | green << 8 | blue
        place = np.minimum(np.searchsorted(known, packed), len(known) - 1)
        wrong = known[place] != packed
        if wrong.any():
            color = tuple(pixels[top : top + rows][wrong][0].tolist())
            raise ValueError(
                f"colour {color} belongs to no class; draw without anti-aliasing, or save it as 8-bit greyscale"
            )
        found[top : top + rows] = value_of[place]
    return found


def used(values):
    """The values that occur, ascending."""
    seen = np.zeros(MAX_VALUE + 1, bool)
    for row in values:
        seen[row] = True
    return np.flatnonzero(seen).tolist()


def label_maps(path):
    """The file itself, or the .png files of a folder, by name."""
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise RequestError(f"--labels={path}: no such file or folder")
    names = sorted(name for name in os.listdir(path) if name.lower().endswith(".png") and not name.startswith("."))
    if not names:
        others = sorted(name for name in os.listdir(path) if name.lower().endswith(OTHER_FORMATS))
        found = f"; found {others[0]}: save it as PNG" if others else ""
        raise RequestError(f"--labels={path}: the folder has no .png{found}")
    return [os.path.join(path, name) for name in names]


def generate_all(model, paths, output, also_read=()):
    """Synthesises every label map into a folder, a PNG of the same name each."""
    layouts = [model.read(path) for path in paths]  # a broken file is found before the first picture
    pictures = plan(paths, output, [*paths, *also_read])
    for picture, labels in zip(pictures, layouts):
        write_picture(picture, model(labels))
    print(f"synthesised {len(paths)} layouts into {output}")


def plan(paths, output, inputs):
    """The pictures that label maps become, in a folder that was made and tried; never a file that is read.

    Two label maps must not become one picture, also on a disk that does not tell "a" from "A".
    """
    folder = expand(output)
    if os.path.isfile(folder):
        raise RequestError(f"--output={output} is a file; give a folder")
    pictures = [os.path.join(folder, os.path.splitext(os.path.basename(path))[0] + ".png") for path in paths]
    sources = {}
    for path, picture in zip(paths, pictures):
        other = sources.setdefault(picture.casefold(), path)
        if other != path:
            raise RequestError(f"{other} and {path} would both become {picture}; rename one of them")
        read = [file for file in inputs if os.path.exists(picture) and os.path.samefile(file, picture)]
        if read:
            raise RequestError(
                f"--output={output} would write over {read[0]}, which this command reads; give another folder"
            )
    with machine_errors(folder):
        os.makedirs(folder, exist_ok=True)
        remove_partials(folder)
    write_whole(os.path.join(folder, "."), b"\0" * 4096)
    return pictures


def write_picture(path, pixels):
    """Writes uint8 (height, width, 3) as a PNG, whole or not at all."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PNG")
    write_whole(path, content.getvalue())


def write_whole(path, content):
    """Writes a file beside its place and moves it in; with a folder and "." it only tries whether that would do."""
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".partial-{HOST}-{os.getpid()}-0.png")
    try:
        with machine_errors(folder if name == "." else path):
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if name != ".":
                os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)


def remove_partials(folder):
    """Removes what a process of this file that was killed left half-written in a folder."""
    for name in os.listdir(folder):
        match = re.fullmatch(rf"\.partial-{re.escape(HOST)}-(\d+)-0\.png", name)
        if match and os.name != "nt":  # there os.kill would end the process
            try:
                os.kill(int(match[1]), 0)
            except ProcessLookupError:
                os.remove(os.path.join(folder, name))
            except (OSError, OverflowError):
                pass


@contextlib.contextmanager
def machine_errors(path):
    """Turns what the machine says while a file is written into one line about that file."""
    try:
        yield
    except OSError as error:
        raise RequestError(f"writing {path}: {MACHINE.get(error.errno) or error.strerror or error}") from error


def expand(path):
    """An absolute path; "~" is the home folder, which a shell does not expand behind "="."""
    return os.path.abspath(os.path.expanduser(path))


def memory():
    """Megabytes that the process took at most; None where the machine does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measure(model, labels, repeats):
    """Milliseconds of one layout, after one to warm up: median, and the 90th percentile."""
    model(labels)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        model(labels)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times)), float(np.percentile(times, 90))


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a .tflite of `python -m export`")
    parser.add_argument("--labels", help="a label map, or a folder of them (.png)")
    parser.add_argument("--output", help="folder for the pictures")
    parser.add_argument("--seed", type=int, help="which of a layout's many pictures, of a model that has them")
    parser.add_argument("--threads", type=int, help="of the interpreter; default: all cores")
    parser.add_argument("--repeats", type=int, default=20, help="of the measurement")
    arguments = parser.parse_args(words)
    if (arguments.labels is None) != (arguments.output is None):
        raise RequestError("--labels and --output go together")
    if arguments.threads is not None and arguments.threads < 1 or arguments.repeats < 1:
        raise RequestError("--threads and --repeats must be 1 or more")
    path = expand(arguments.model)
    model = Model(path, arguments.threads)
    if arguments.seed is not None:
        if not model.latents or not 0 <= arguments.seed < 2**63:
            reason = (
                "must lie between 0 and 2**63 - 1"
                if model.latents
                else f"{path} gives one picture of a layout; leave it out"
            )
            raise RequestError(f"--seed={arguments.seed}: {reason}")
        model.draw(arguments.seed)
    labels = np.zeros(model.size, np.int32)
    if arguments.labels:
        paths = label_maps(expand(arguments.labels))
        generate_all(model, paths, arguments.output, [path])
        labels = model.read(paths[0])
    median, slow = measure(model, labels, arguments.repeats)
    height, width = model.size
    threads = arguments.threads or os.cpu_count()
    taken = memory()
    line = f"{height}x{width}, {threads} threads: median {median:.1f} ms, 90% below {slow:.1f} ms"
    print(line if taken is None else f"{line}, {taken:.0f} MB")


def stop(number, frame):
    raise StoppedError(number)


def fail(problem, code=1):
    print(f"error: {' '.join(str(problem).split())}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    for wanted in CODES:
        signal.signal(wanted, stop)
    try:
        main()
    except RequestError as problem:
        fail(problem)
    except StoppedError as problem:
        fail(problem, problem.code)
    except OSError as problem:
        fail(f"{problem.filename or 'the machine'}: {MACHINE.get(problem.errno) or problem.strerror or problem}")
