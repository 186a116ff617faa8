"""Files of other runtimes: which folder holds a SavedModel, and one line for whatever a runtime says of a file."""

import contextlib
import os

from ecgan_tf.errors import RequestError

INSIDE = os.path.join("assets.extra", "model.json")  # the description in a SavedModel, which no runtime reads


def find_saved_model(path):
    """The folder below `path` that holds a saved_model.pb: itself, or its newest numbered version; or None."""
    for folder in (path, *(os.path.join(path, version) for version in numbered(path))):
        if os.path.isfile(os.path.join(folder, "saved_model.pb")):
            return folder
    return None


def numbered(path):
    """The names in a folder that are numbers, the largest first: versions of a model, as TF Serving finds them."""
    return sorted((name for name in os.listdir(path) if name.isascii() and name.isdigit()), key=int, reverse=True)


@contextlib.contextmanager
def foreign_file(path, kind, wrong="is not a {kind} of this project ({reason}); export it again"):
    """Turns whatever a runtime says of a damaged or foreign file into one line about that file.

    Args:
        path: of the file.
        kind: of model, in words.
        wrong: what the line says of `path`, with the kind and the runtime's reason.
    """
    try:
        yield
    except ImportError as error:
        raise RequestError(
            f"{path}: a {kind} needs the package {error.name!r}; pip install 'ecgan_tf[export]'."
        ) from error
    except Exception as error:  # each runtime has its own exceptions
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise RequestError(f"{path} {wrong.format(kind=kind, reason=reason)}.") from error
