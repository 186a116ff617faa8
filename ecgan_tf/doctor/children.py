"""A process of its own for whatever may hang, crash or take a library down with it."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from typing import NamedTuple

ENDED, CRASHED, TIMED_OUT = "ended", "crashed", "timed out"
NOTED = "doctor: "  # before what `note` says
LAST = 3000  # characters of the last words of a process that are kept


class Outcome(NamedTuple):
    """How a process ended: `ENDED`, `CRASHED` or `TIMED_OUT`; why, in a line; what it printed; the end of its log."""

    state: str
    words: str
    output: str
    log: str


def run_child(module, words, seconds, environment=()):
    """Runs `python -m module words` with the packages of this process; it and all that it started are gone afterwards.

    Args:
        module: name of a module.
        words: its arguments, texts.
        seconds: after which it is ended.
        environment: more variables, a dictionary.
    Returns:
        `Outcome`.
    """
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TF_CPP_MIN_LOG_LEVEL": "2"}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:  # a pipe would be held by grandchildren
        child = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", module, *words],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            env={**paths, **os.environ, **dict(environment), "PYTHONPATH": paths["PYTHONPATH"]},
            start_new_session=True,
        )  # fmt: skip
        try:
            code = child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            code = None
            _ask_where(child)
        finally:
            end_group(child)
        printed, said = (_text(file) for file in (out, err))
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    noted = [line.removeprefix(NOTED) for line in lines if line.startswith(NOTED)]
    last, log = f"its last words: {lines[-1][:300]}" if lines else "without a word", said.strip()[-LAST:]
    last = f"while it was {noted[-1]}; {last}" if noted else last
    if code is None:
        return Outcome(TIMED_OUT, f"no end within {seconds:.0f} seconds; {last}", printed, log)
    if code:
        reason = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Outcome(CRASHED, f"its process ended with {reason}; {last}", printed, log)
    return Outcome(ENDED, "", printed, log)


def note(doing):
    """Tells the parent, from within the process, what it does now: its last words where it ends early."""
    print(f"{NOTED}{doing}", file=sys.stderr, flush=True)


def _ask_where(child):
    """Has a process that hangs say where, in the end of its log."""
    child.send_signal(signal.SIGABRT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5)


def end_group(child):
    """Ends a process that leads a session, and all that it started and left."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")
