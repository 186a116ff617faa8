"""SIGTERM and Ctrl-C: an end in one line with the exit code that schedulers expect, and time to save before it."""

import contextlib
import os
import signal
import sys
import threading

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
NAMES = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}


class InterruptError(BaseException):
    """A signal ended the command. No `Exception`: nothing on the way may take it for a mistake and go on.

    Args:
        number: of the signal.
        done: what became of the work, one line; None: what the command says of itself.
    """

    def __init__(self, number, done=None):
        super().__init__(f"{NAMES[number]}; {done}" if done else NAMES[number])
        self.number = number
        self.done = done

    @property
    def code(self):
        return CODES[self.number]


class Stop:
    """Whether a signal asked for the end, for a loop that saves before it ends."""

    def __init__(self):
        self.number = None

    def __bool__(self):
        return self.number is not None


@contextlib.contextmanager
def raise_on_signals():
    """Within the block the signals end what runs by an `InterruptError`, wherever it is."""
    try:
        with handlers(_raise):
            yield
    finally:
        release_stderr()


@contextlib.contextmanager
def stop_on_signals():
    """Within the block the first signal is only noted, in the `Stop` that is given; a second one ends at once."""
    stop = Stop()

    def note(number, frame):
        if stop:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.number = number

    with handlers(note):
        yield stop


RAISED = []  # the signals that ended something: native code may turn our exception into one of its own


def _raise(number, frame):
    RAISED.append(number)
    _hold_stderr()
    raise InterruptError(number)


_SCREEN = []  # the descriptor of stderr while it is held back


def _hold_stderr():
    """Keeps off the screen what native code prints while our exception passes through it; `release_stderr` ends it."""
    if not _SCREEN:
        sys.stderr.flush()
        _SCREEN.append(os.dup(2))
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)


def release_stderr():
    """Gives the screen back, for whoever tells the user how it ended."""
    if _SCREEN:
        sys.stderr.flush()
        screen = _SCREEN.pop()
        os.dup2(screen, 2)
        os.close(screen)


@contextlib.contextmanager
def handlers(handler, numbers=tuple(CODES)):
    """Within the block signals call `handler`, and then what they called before.

    Args:
        handler: function of number and frame, or `signal.SIG_DFL`, by which they end the process at once.
        numbers: of the signals.
    """
    if threading.current_thread() is not threading.main_thread():  # Python has handlers in the main thread alone
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
