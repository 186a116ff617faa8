"""Where a command writes: planned as a whole before anything is computed, and never over what it reads."""

import contextlib
import os
import shutil
import tempfile

from ecgan_tf.atomic_files import machine_errors, partial_name, remove_partials
from ecgan_tf.errors import RequestError


def plan_folder(folder, flag="output"):
    """A folder that can be written to: made, tried, and rid of what dead processes left in it.

    Args:
        folder: as the user gave it; "~" is expanded.
        flag: for messages.
    Returns:
        its absolute path.
    """
    path = refuse_file(folder, flag)
    with machine_errors(path):
        os.makedirs(path, exist_ok=True)
        probe = os.path.join(path, partial_name())
        try:
            with open(probe, "wb") as file:
                file.write(b"\0" * 4096)
                file.flush()
                os.fsync(file.fileno())
        finally:
            with contextlib.suppress(OSError):
                os.remove(probe)
    remove_partials(path)
    return path


def refuse_file(folder, flag="output"):
    """The absolute path of what may become a folder; asked before anything is opened, too, since it costs nothing."""
    path = expand(folder)
    if os.path.exists(path) and not os.path.isdir(path):
        raise RequestError(f"--{flag}={folder} is a file; give a folder.")
    return path


def plan_files(folder, names, inputs=(), flag="output"):
    """The files that a command will write into a folder, one for each thing that it reads.

    Args:
        folder: as the user gave it.
        names: dictionary from a source, for messages, to the name of its file or a list of names.
        inputs: every file that the command reads.
        flag: for messages.
    Returns:
        the folder's absolute path, after `plan_folder`.
    Raises:
        RequestError: where two sources would share a name (also on a disk that does not tell "a" from "A"), or a name
            is that of a file that is read.
    """
    path, taken = expand(folder), {}
    for source, of_source in names.items():
        for name in [of_source] if isinstance(of_source, str) else of_source:
            other = taken.setdefault(name.casefold(), source)
            if other != source:
                raise RequestError(
                    f"{other} and {source} would both become {os.path.join(folder, name)}; rename one of them."
                )
    read = {identity(file): file for file in inputs}
    for of_source in names.values():
        for name in [of_source] if isinstance(of_source, str) else of_source:
            target = os.path.join(path, name)
            if os.path.lexists(target) and identity(target) in read:
                raise RequestError(
                    f"--{flag}={folder} would write over {read[identity(target)]}, which this command reads; "
                    "give another folder."
                )
    return plan_folder(folder, flag)


@contextlib.contextmanager
def emptied_if_it_fails(folder):
    """Empties a folder, which was empty before, where the block does not succeed: the same command begins anew."""
    try:
        yield
    except BaseException:
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.remove(entry.path)
        raise


def plan_file(file, inputs=(), flag="output"):
    """The absolute path of one file to write, in a folder that can be written to."""
    path = expand(file)
    if os.path.isdir(path):
        raise RequestError(f"--{flag}={file} is a folder; give a file.")
    plan_files(os.path.dirname(path), {file: os.path.basename(path)}, inputs, flag)
    return path


def need_temporary_room(size):
    """Refuses to begin what needs `size` bytes of temporary files where they do not fit.

    TensorFlow's and ONNX Runtime's converters take files that were cut off there for whole ones.
    """
    with machine_errors("temporary files"):
        folder = tempfile.gettempdir()
        free = shutil.disk_usage(folder).free
    if free < size:
        raise RequestError(
            f"{folder}, for temporary files, has {free / 1e6:.0f} MB left where {size / 1e6:.0f} MB are needed; "
            "free some, or name another folder in the variable TMPDIR."
        )
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and limit < size:
        raise RequestError(
            f"temporary files in {folder} may have {limit / 1e6:.0f} MB (ulimit -f) where {size / 1e6:.0f} MB are "
            "needed; raise the limit."
        )


def expand(path):
    """An absolute path; "~" is the home folder, which a shell does not expand behind "="."""
    return os.path.abspath(os.path.expanduser(path))


def identity(path):
    """What tells whether two paths are one file: links and other spellings are seen through."""
    try:
        status = os.stat(path)
        return status.st_dev, status.st_ino
    except OSError:
        return os.path.realpath(path)
