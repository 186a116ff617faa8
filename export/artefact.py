"""One artefact: written beside its final place, compared with Keras, and moved in or rejected."""

import contextlib
import os
import shutil

from ecgan_tf.atomic_files import machine_errors, partial_name, write_json
from ecgan_tf.console import say, stderr_held_back
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.memory import give_back
from ecgan_tf.pixels import as_float, to_uint8
from export.build_engine import differences
from export.gpu_delegate import on_gpu
from export.parity import compare, latency
from export.report import inspect
from export.tensorrt_parser import in_words


def export_one(model, expected, output, name, write, precision, is_new=False):
    """Writes one artefact beside its final place, compares it there with Keras, and moves it in; or to rejected/.

    Args:
        model: `InferenceModel`.
        expected: Keras' images of its layouts.
        output: folder of the export.
        name: of the artefact, below it.
        write, precision: as in `TARGETS`.
        is_new: whether it replaces nothing: a version, beside others that stay.
    Returns:
        its entry of the report, and its images.
    """
    say(f"exporting {name} ...")
    output = os.path.abspath(output)
    folder = os.path.join(output, partial_name())
    with machine_errors(os.path.join(output, name)), _removed_at_the_end(folder):
        os.makedirs(folder)
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write_json(os.path.join(folder, "model.json"), model.description)
        with stderr_held_back():
            notes = write(model, path) or {}
        model.let_go_of_weights()  # which the artefact's runtime has room for
        synthesizer = open_model(path)
        images = synthesizer.generate(model.layouts)
        entry = {
            "bytes": size_of(path),
            **compare(expected, images, precision, model.uint8_io and name.endswith(".tflite")),
            "latency": latency(synthesizer, model.layouts),
        }
        del synthesizer
        give_back()
        entry |= {**notes, **inspect(path)}
        if name.endswith(".tflite") and model.gpu_check:
            entry["gpu"] = on_delegate(path, model, images)
        give_back()
        found = entry.get("tensorrt_parser")
        if found and found.get("refused"):
            entry |= {"passed": False, "missed": [*entry["missed"], in_words(found)]}
        place, other = output, os.path.join(output, "rejected")
        if not entry["passed"]:
            place, other = other, place
        move_in(path, os.path.join(place, name), is_new and entry["passed"])
        if not is_new:
            remove(os.path.join(other, name))  # of an earlier export, which this one replaces
    verdict = "passed" if entry["passed"] else "REJECTED: " + ", ".join(entry["missed"])
    say(
        f"  {entry['bytes'] / 1e6:.2f} MB, largest difference {entry['difference']['largest']} of 255, "
        f"PSNR {entry['difference']['psnr']:.0f} dB, {entry['latency']['median_ms']:.1f} ms a layout, {verdict}"
        + (f"; {in_words(found)}" if found and entry["passed"] else "")
    )
    return entry, images


def on_delegate(path, model, images):
    """The entry's part on LiteRT's GPU delegate: `on_gpu`, and how its first picture compares with the CPU's."""
    found, painted = on_gpu(path, {name: x[:1] for name, x in model.layouts.items()})
    if painted is not None:
        found["psnr"] = differences(to_uint8(images[:1]), to_uint8(as_float(painted)))["psnr"]
    return found


@contextlib.contextmanager
def _removed_at_the_end(folder):
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move_in(path, final, is_new=False):
    """Puts a finished file or folder under its final name; what was there stays until then.

    A folder that `is_new` comes in one step, and an `OSError` says so where another process was there first.
    """
    os.makedirs(os.path.dirname(final), exist_ok=True)
    if is_new or not os.path.lexists(final) or not (os.path.isdir(final) or os.path.isdir(path)):
        os.replace(path, final)
        return
    aside = os.path.join(os.path.dirname(final), partial_name())  # a folder is not replaced in one go
    os.replace(final, aside)
    try:
        os.replace(path, final)
    except BaseException:
        os.replace(aside, final)
        raise
    remove(aside)


def remove(path):
    """Removes a file or folder, where there is one."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def size_of(path):
    """Bytes of a file, or of all files below a folder."""
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)
