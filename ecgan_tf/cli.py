"""How every command starts and how it ends on bad input: one clear line, exit code 1, no traceback."""

import contextlib
import importlib.util
import os
import sys

from absl import app, flags

from ecgan_tf import console, interrupts
from ecgan_tf.atomic_files import machine_reason
from ecgan_tf.errors import RequestError

WHOLE = "what it wrote is whole; the same command begins anew."


def run(main, usage, interrupted=WHOLE):
    """Runs `main(argv)` as an absl program.

    A `RequestError`, a misspelt flag or config key and what the machine refuses (a full disk, missing rights) end in
    one line on stderr and exit code 1, SIGTERM and Ctrl-C in one line and 143 or 130; anything else is our own mistake
    and keeps its traceback.

    Args:
        main: function of the arguments that are left after the flags.
        usage: text shown by --help: what the command does, with an example.
        interrupted: what became of the work where a signal ended it, one line.
    """
    sys.modules["__main__"].__doc__ = usage
    for flag in flags.FLAGS.get_key_flags_for_module(main.__module__):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)  # so that --help lists them
    try:
        with interrupts.raise_on_signals(), reader_may_leave():
            app.run(_without_traceback(main, interrupted), flags_parser=_parse_flags)
    except interrupts.InterruptError as error:
        _fail(_words(error, interrupted), error.code)
    except KeyboardInterrupt:  # of a library that has its own handler
        _fail(f"interrupted; {interrupted}", 130)


@contextlib.contextmanager
def reader_may_leave():
    """Ends with exit code 1 and no traceback where whoever read our lines has gone, as `| head` does."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


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


def config_file(word):
    """The file of `--config=NAME[:variant]`, where NAME is one of the experiments that ship with the package.

    A path, which ends in .py, stays what it is.
    """
    name, colon, variant = word.partition(":")
    if name.endswith(".py") or not name.isidentifier():
        return word
    found = importlib.util.find_spec(f"ecgan_tf.configs.{name}")
    if found is None or name.startswith("_"):
        folder = importlib.util.find_spec("ecgan_tf.configs").submodule_search_locations[0]
        files = [file for file in os.listdir(folder) if file.endswith(".py") and not file.startswith("_")]
        known = sorted(file.removesuffix(".py") for file in files)
        raise RequestError(f"--config={word}: no such config; give a file, or one of {', '.join(known)}.")
    return found.origin + colon + variant


def _parse_flags(argv):
    try:
        _refuse_repeated(argv)
        argv = _with_config_files(argv)
        return flags.FLAGS(argv)
    except (BrokenPipeError, interrupts.InterruptError):
        raise
    except RequestError as error:
        _fail(error)
    except SystemExit as end:  # absl ends --help as it ends a mistake
        asked_for_help = any(word.lstrip("-").startswith("help") for word in argv[1:])
        sys.exit(0 if asked_for_help else end.code)
    except flags.Error as error:
        _fail(f"{error} See {argv[0]} --help.")
    except Exception as error:  # whatever a value or the user's config file raised
        reason = error.args[0] if isinstance(error, KeyError) else error
        _fail(f"in the flags: {reason}. See {argv[0]} --help.")


def _with_config_files(argv):
    """The words of the command with each `--config=NAME` as a file; which is read at once, and needs the methods."""
    words = []
    for word in argv:
        if words and words[-1] in ("--config", "-config"):
            word = config_file(word)
        elif word.lstrip("-").startswith("config=") and word.startswith("-"):
            flag, _, value = word.partition("=")
            word = f"{flag}={config_file(value)}"
        words.append(word)
    if any(word.startswith(("--config", "-config")) for word in words):
        console.quiet_tensorflow()
    return words


def _refuse_repeated(argv):
    """A flag of one value that is given twice: the last one would win, and the first be forgotten without a word."""
    seen = {}
    for word in argv[1:]:
        if word == "--":
            break
        name, equals, _ = word.lstrip("-").partition("=")
        if not word.startswith("-") or not equals:
            continue
        many = name in flags.FLAGS and isinstance(flags.FLAGS[name], flags.MultiFlag)
        if name in seen and not many:
            raise RequestError(f"--{name} is given twice, as {seen[name]} and as {word}; give it once.")
        seen[name] = word


def _without_traceback(main, interrupted):
    def run_main(argv):
        note_settings()
        try:
            return main(argv)
        except RequestError as error:
            _fail(error)
        except interrupts.InterruptError as error:
            _fail(_words(error, interrupted), error.code)
        except BrokenPipeError:
            raise
        except Exception as error:
            if interrupts.RAISED:
                ended = interrupts.InterruptError(interrupts.RAISED[-1])
                _fail(_words(ended, interrupted), ended.code)
            reason = machine_reason(error)
            if reason is None:
                raise
            named = getattr(error, "filename", None)
            _fail(f"{named}: {reason}." if named else f"{reason} ({error}).")
        finally:
            note_settings()

    return run_main


NOTED = set()


def note_settings():
    """Says, once each, what of the user's own Keras settings is not used here."""
    import ecgan_tf

    notes = []
    if ecgan_tf.FOREIGN_BACKEND != "tensorflow":
        notes.append(f"note: KERAS_BACKEND={ecgan_tf.FOREIGN_BACKEND} is not used here; ecgan_tf is TensorFlow's.")
    if "ecgan_tf.backend" in sys.modules:
        notes.append(sys.modules["ecgan_tf.backend"].overridden())
    for note in notes:
        if note and note not in NOTED:
            NOTED.add(note)
            print(note, file=sys.stderr)


def _words(error, interrupted):
    return str(error) if error.done else f"{error}; {interrupted}"


def _fail(message, code=1):
    interrupts.release_stderr()
    print(f"{console.speaker()}error: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(code)
