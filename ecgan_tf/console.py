"""What people see while something runs: lines, progress bars, and none of the libraries' own chatter."""

import contextlib
import logging
import os
import sys
import tempfile


def progress_bar(description):
    """A function of (done, total) that shows a bar on a terminal, and nothing in a log file."""
    from tqdm import tqdm

    bar = tqdm(desc=description, disable=None, leave=False)

    def show(done, total):
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show


_SPEAKER = [""]


def speak_as(name):
    """Begins every later line with `[name] `, with nothing for "": several workers may write into one log."""
    _SPEAKER[0] = f"[{name}] " if name else ""


def speaker():
    """What every line begins with."""
    return _SPEAKER[0]


def say(message):
    """Tells the user how it goes: one line on stdout, at once, also into a pipe."""
    print(f"{_SPEAKER[0]}{message}", flush=True)


def quiet_tensorflow():
    """Keeps the start-up chatter of TensorFlow and its libraries off the screen; TF_CPP_MIN_LOG_LEVEL=0 shows it.

    Some of it is written by C++ while the module loads, before any log level counts: that is held back, and shown only
    if the import fails.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    with stderr_held_back():
        import tensorflow as tf
    import absl.logging

    tf.get_logger().setLevel(logging.ERROR)
    absl.logging.set_verbosity(absl.logging.ERROR)


@contextlib.contextmanager
def stderr_held_back():
    """Keeps what libraries write to the screen by themselves, C++ included, off it; shows it if the block fails."""
    try:
        held = tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
    except OSError:  # no folder for temporary files can be written to; then it is seen
        yield
        return
    sys.stderr.flush()
    screen = os.dup(2)
    with held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(screen, held.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
