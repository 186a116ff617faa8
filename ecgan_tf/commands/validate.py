"""Reads every file of both splits of a data set: counts, sizes, class frequencies, edge density, errors.

Example:
    ecgan validate --data.name=folder --data.dir=DIR --data.unknown_label=255

The folder holds train|val/{images,labels[,instances][,sources]} and classes.json; --data.name also knows earth_tiles
(embedded), cityscapes, ade20k and coco_stuff in their official layouts, and the cross_view release's joined pictures;
--data.use_sources=True reads the second view of a folder, too. Ends with exit code 1 where anything is wrong; then it
tells the first few mistakes of every kind, and how many there are.
"""

import dataclasses
import sys

import ml_collections
from ml_collections import config_flags

from ecgan_tf import cli
from ecgan_tf.config_keys import nest
from ecgan_tf.data.keys import DATA_KEYS, EDGE_KEYS, SOURCE_KEYS, check_data
from ecgan_tf.data.validate import counted, described, find_mistakes
from ecgan_tf.errors import RequestError

# A data set may have photographs of a second view, which those of the cross-view task have.
USE_SOURCES = dataclasses.replace(SOURCE_KEYS["data.use_sources"], default=False, choices=(False, True))
KEYS = {**DATA_KEYS, **EDGE_KEYS, **SOURCE_KEYS, "data.use_sources": USE_SOURCES}


def define_flags():
    """`--data.<key>` for every key of config.data; a misspelt one fails here already."""
    defaults = ml_collections.ConfigDict(nest({key: value.default for key, value in KEYS.items()})).lock()
    try:
        return config_flags.DEFINE_config_dict("data", defaults.data)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        sys.exit(f"error: in the flags: {error} See ecgan validate --help.")


DATA = define_flags()


def main(argv):
    cli.no_arguments(argv)
    data = DATA.value
    data.use_sources |= data.name == "cross_view"
    mistakes = [key.mistake(name, data[name.split(".")[1]]) for name, key in KEYS.items()]
    found = [mistake for mistake in (*mistakes, *check_data(data)) if mistake]
    if found:
        raise RequestError("; ".join(found))
    mistakes = find_mistakes(data)
    for line in described(mistakes):
        print(f"error: {line}", file=sys.stderr)
    if mistakes:
        sys.exit(counted(mistakes))
    print("No errors.")
