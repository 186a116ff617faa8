"""How every command starts and how it ends on bad input: one clear line, exit code 1, no traceback."""

import contextlib
import logging
import os
import sys
import tempfile

import absl.logging
from absl import app, flags


class RequestError(ValueError):
    """A mistake in what the user asked for. The message says where, which value, and the remedy."""


def run(main, usage):
    """Runs `main(argv)` as an absl program.

    A `RequestError` and a misspelt flag or config key end in one line on stderr and exit code 1; anything else is
    our own mistake and keeps its traceback.

    Args:
        main: function of the arguments that are left after the flags.
        usage: text shown by --help: what the command does, with an example.
    """
    sys.modules["__main__"].__doc__ = usage
    try:
        app.run(_without_traceback(main), flags_parser=_parse_flags)
    except KeyboardInterrupt:
        _fail("interrupted; the same command continues where a checkpoint was written.", code=130)


def no_arguments(argv):
    """Refuses words that belong to no flag, such as a value after a space too many."""
    if len(argv) > 1:
        raise RequestError(f"unexpected argument {argv[1]!r}; flags are written --name=value.")


def need_flags(**values):
    """Refuses a request without the flags it cannot do without."""
    missing = [f"--{name}" for name, value in values.items() if value is None]
    if missing:
        raise RequestError(f"{' and '.join(missing)} must be given; see --help for an example.")


def read_config(flag):
    """The value of a `config_flags` flag; a file that is missing or does not load is the user's mistake.

    ml_collections reports it at the first use of the config only.
    """
    try:
        flag.value.keys()
    except Exception as error:  # whatever the user's file raised
        raise RequestError(f"--{flag.name}: {error.__cause__ or error}") from error
    return flag.value


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


def say(message):
    """Tells the user how it goes: one line on stdout, at once, also into a pipe."""
    print(message, flush=True)


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
    tf.get_logger().setLevel(logging.ERROR)
    absl.logging.set_verbosity(absl.logging.ERROR)


@contextlib.contextmanager
def stderr_held_back():
    """Keeps what libraries write to the screen by themselves, C++ included, off it; shows it if the block fails."""
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
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


def _parse_flags(argv):
    try:
        return flags.FLAGS(argv)
    except flags.Error as error:
        _fail(f"{error} See {argv[0]} --help.")
    except Exception as error:  # whatever a value or the user's config file raised
        reason = error.args[0] if isinstance(error, KeyError) else error
        _fail(f"in the flags: {reason}. See {argv[0]} --help.")


def _without_traceback(main):
    def run_main(argv):
        try:
            return main(argv)
        except RequestError as error:
            _fail(error)

    return run_main


def _fail(message, code=1):
    print(f"error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(code)
