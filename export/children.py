"""The stages of an export, each in a process of its own, which takes all of its memory with it when it ends."""

import os
import signal
import subprocess
import sys

from ecgan_tf.atomic_files import read_json, write_json
from ecgan_tf.errors import RequestError
from ecgan_tf.interrupts import InterruptError, stop_on_signals

REQUEST, RESULT = "request.json", "result.json"


def stage_in_child(request, work):
    """A function of a stage's name and arguments, which goes on with the export in a new process.

    Args:
        request: dictionary with the arguments of `export_run`.
        work: folder that the processes share.
    """
    write_json(os.path.join(work, REQUEST), request)

    def stage(name, *arguments):
        command = [sys.executable, "-m", "export.stage", work, name, *arguments]
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with stop_on_signals() as stop:  # not between a process and the name that it is ended by
            # A session of its own: Ctrl-C reaches this process alone, which ends the other.
            child = subprocess.Popen(
                command, env=os.environ | paths, stderr=subprocess.PIPE, text=True, start_new_session=True
            )
        try:
            if stop:
                raise InterruptError(stop.number)
            _, words = child.communicate()
        except BaseException:
            _end(child)
            raise
        if child.returncode:
            raise _error(child.returncode, words, " ".join([name, *arguments]))
        return read_json(os.path.join(work, RESULT))

    return stage


def _end(child):
    """Ends a process as a user would; within a converter no signal reaches Python, and it has ten seconds."""
    child.terminate()
    try:
        child.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()


def _error(code, words, stage):
    """What a process that failed is to its parent: the line that it ended with, or its traceback."""
    lines = [line.removeprefix("error: ") for line in words.splitlines() if line.startswith("error: ")]
    if lines:
        return RequestError(lines[-1])
    if code == -getattr(signal, "SIGKILL", 9):
        return RequestError(
            f"{stage}: its process was killed, as a machine does that is out of memory; what was written is whole. "
            "Free some memory, or export fewer --targets at once."
        )
    return RuntimeError(f"{stage}: its process ended with exit code {code}:\n{words}")
