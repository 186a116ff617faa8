"""Files of one JSON object per line and step: a line is whole or absent, and a resumed run drops what comes again."""

import contextlib
import json
import os

from ecgan_tf.atomic_files import machine_errors, parse_json, write_text


def append_line(path, value):
    """Appends a dictionary that has a `step`; what a full disk took of the line is cut off again."""
    with machine_errors(path):
        size = os.path.getsize(path) if os.path.exists(path) else 0
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(value) + "\n")
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(path, size)
            raise


def read_lines(path):
    """The dictionaries of a file, in its order; a line that was torn by a kill or a full disk is left out."""
    return [line for _, line in _whole_lines(path)]


def drop_lines_after(path, step):
    """Leaves the lines up to a step, byte for byte, of a file that may not be there."""
    if os.path.exists(path):
        write_text(path, "".join(text for text, line in _whole_lines(path) if line["step"] <= step))


def _whole_lines(path):
    """The text and the dictionary of every whole line with a step; none of a file that is not there."""
    lines = []
    if os.path.isfile(path):
        with machine_errors(path, "reading"), open(path, "rb") as file:
            for line in file:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    text = line.decode("utf-8")
                    value = parse_json(text)
                    if text.endswith("\n") and type(value["step"]) is int:
                        lines.append((text, value))
    return lines
