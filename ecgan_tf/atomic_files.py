"""Files that are whole or absent: nothing half-written is left under its final name; and JSON read back."""

import contextlib
import json
import os
import tempfile

from ecgan_tf.errors import RequestError


@contextlib.contextmanager
def atomic_path(path):
    """Gives a temporary path beside `path`; what was written there takes the final name when the block succeeds.

    The temporary name keeps the file's ending, since some writers choose their format by it.
    """
    folder, name = os.path.split(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".partial-", suffix=f"-{name}", dir=folder)
    os.close(handle)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def write_json(path, value):
    write_text(path, json.dumps(value, indent=2) + "\n")


def write_text(path, text):
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8") as file:
        file.write(text)


def write_image(path, pixels):
    """Writes uint8 (height, width, 3) as a PNG."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(pixels).save(temporary, format="PNG")


def read_json(path):
    """The content of a JSON file; one that cannot be read is a `RequestError`."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read as JSON ({error}).") from error
