"""Files that are whole or absent: nothing half-written is left under its final name; and JSON read back."""

import contextlib
import errno
import itertools
import json
import os
import platform
import re

from ecgan_tf.errors import RequestError

LARGEST_JSON = 64 * 1024 * 1024  # bytes
DEEPEST_JSON = 64  # levels: whoever walks or prints it later has fewer to spare than its parser had
PARTIAL = re.compile(r"\.partial-([^-]*)-(\d+)-\d+.*")  # of a host's process
HOST = re.sub(r"[^A-Za-z0-9_.]", "_", platform.node())[:40]
COUNTER = itertools.count()
# What the machine says, and what helps.
MACHINE = {
    errno.ENOSPC: "no space is left on the disk; free some, or give another folder",
    errno.EDQUOT: "the disk quota is used up; free some space, or give another folder",
    errno.EFBIG: "the file is larger than this machine allows (ulimit -f); raise the limit, or give another folder",
    errno.EROFS: "the file system is read-only; give another folder",
    errno.EACCES: "no permission; change the access rights, or give another folder",
    errno.EPERM: "no permission; change the access rights, or give another folder",
    errno.ENAMETOOLONG: "the name is too long for this file system; give a shorter one",
    errno.ENOTDIR: "a file stands where a folder should be; remove it, or give another folder",
    errno.EISDIR: "a folder stands where a file should be; remove it, or give another name",
    errno.EEXIST: "a file stands where a folder should be; remove it, or give another folder",
    errno.EMFILE: "too many files are open (ulimit -n); raise the limit",
    errno.ENFILE: "too many files are open on this machine; close some programs",
    errno.EIO: "the disk failed to read or write; check it, or give another folder",
    errno.ENOTEMPTY: "the folder is not empty; another program writes to it",
}
IN_WORDS = {os.strerror(number): number for number in MACHINE}  # as TensorFlow's own errors have it


class MachineError(RequestError):
    """The machine could not write or read a file; the message names it, what was done, and what is safe."""


def machine_reason(error):
    """What of `MACHINE` an exception says, or None where it is none of the machine's."""
    if isinstance(error, FileNotFoundError) and "temporary directory" in str(error):
        return "no folder for temporary files can be written to; free some space, or name one in TMPDIR"
    if isinstance(error, OSError):
        return MACHINE.get(error.errno)
    if type(error).__module__.startswith("tensorflow."):
        return next((MACHINE[number] for words, number in IN_WORDS.items() if words in str(error)), None)
    return None


@contextlib.contextmanager
def machine_errors(path, doing="writing"):
    """Turns what the machine says while a file is written or read into one line about that file.

    Of a file in a folder that is not whole yet, the block around tells, which knows the final name.
    """
    try:
        yield
    except Exception as error:
        reason = machine_reason(error)
        if reason is None or any(map(PARTIAL.fullmatch, str(path).split(os.sep)[:-1])):
            raise
        safe = "nothing is left of it; what was there before is as it was" if doing == "writing" else "nothing changed"
        raise MachineError(f"{doing} {path}: {reason}. ({safe})") from error


def partial_name(ending=""):
    """A name for a file or folder that is not whole yet; `remove_partials` knows whether its process still runs."""
    return f".partial-{HOST}-{os.getpid()}-{next(COUNTER)}{ending}"


@contextlib.contextmanager
def atomic_path(path):
    """Gives a temporary path beside `path`; what was written there takes the final name when the block succeeds.

    The temporary name keeps the file's ending, since some writers choose their format by it.
    """
    path = os.path.abspath(path)
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, partial_name(os.path.splitext(name)[1][:16]))
    try:
        with machine_errors(path):
            os.makedirs(folder, exist_ok=True)
            yield temporary
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.remove(temporary)


def remove_partials(folder):
    """Removes what processes that are gone left half-written in a folder and below. Returns how many bytes."""
    freed = 0
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            match = PARTIAL.fullmatch(name)
            if match and match[1] == HOST and not _is_alive(int(match[2])):
                freed += _remove(os.path.join(place, name))
        folders[:] = [name for name in folders if not PARTIAL.fullmatch(name)]
    return freed


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


def read_json(path, kind=dict):
    """The content of a JSON file; one that cannot be read, or is no `kind`, is a `RequestError`."""
    with machine_errors(path, "reading"):
        try:
            if os.path.getsize(path) > LARGEST_JSON:
                raise ValueError(f"more than {LARGEST_JSON // 1024**2} MB")
            with open(path, encoding="utf-8-sig") as file:  # some editors begin a file with a mark
                return parse_json(file.read(), kind)
        except (OSError, ValueError) as error:
            if machine_reason(error):
                raise
            raise RequestError(f"{path} cannot be read as JSON ({error}).") from error


def parse_json(text, kind=dict):
    """The value of a JSON text; a ValueError where it is none, nested too deep, or no `kind`."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    level = [value]
    for _ in range(DEEPEST_JSON):
        level = [child for node in level for child in _children(node)]
    if level:
        raise ValueError("nested too deep")
    if not isinstance(value, kind):
        raise ValueError(f"a {type(value).__name__} where a {kind.__name__} should be")
    return value


def _children(node):
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _is_alive(pid):
    if pid == os.getpid():
        return True
    if os.name == "nt":  # there os.kill would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path):
    import shutil

    if os.path.islink(path) or os.path.isfile(path):
        size = os.lstat(path).st_size
        with contextlib.suppress(OSError):
            os.remove(path)
        return size
    size = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names)
    shutil.rmtree(path, ignore_errors=True)
    return size
