"""One process in a run folder at a time; the lock ends with the process that holds it, however that ends."""

import contextlib
import json
import os
import platform
import shlex
import sys
import time

from ecgan_tf.atomic_files import machine_errors
from ecgan_tf.errors import RequestError

NAME = ".lock"


@contextlib.contextmanager
def locked(folder):
    """Holds the run folder for the block; where another process holds it, says which.

    The file `.lock` tells who holds it; what locks is the operating system, so a killed process leaves nothing behind.
    """
    path = os.path.join(folder, NAME)
    with machine_errors(path):
        os.makedirs(folder, exist_ok=True)
        file = _take(path, folder)
    try:
        with machine_errors(path):
            file.truncate(0)
            json.dump(
                {
                    "pid": os.getpid(),
                    "host": platform.node(),
                    "since": time.strftime("%Y-%m-%d %H:%M:%S"),
                    "command": shlex.join(sys.argv),
                },
                file,
            )
            file.flush()
        yield
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)
        file.close()


def _take(path, folder):
    while True:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 (kept open for as long as the lock is held)
        try:
            _lock(file)
        except OSError as error:
            holder = _holder(file)
            file.close()
            raise RequestError(f"{folder} is in use by {holder}; wait for it, or stop it.") from error
        if os.path.exists(path) and os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return file
        file.close()  # its last holder removed the name between our two calls


def _lock(file):
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _holder(file):
    try:
        file.seek(0)
        told = json.load(file)
        return f"process {told['pid']} on {told['host']} since {told['since']} ({told['command']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
