"""What the pages of docs/papers say of where a part is, is there."""

import importlib
import pathlib
import re

import pytest

from ecgan_tf.config import keys_of, load_config
from ecgan_tf.methods import METHODS

PAPERS = pathlib.Path(__file__).parents[1] / "docs" / "papers"
METHODS_OF = {
    "ecgan": ("ecgan",),
    "ecgan_plus": ("ecgan",),
    "lggan": ("lggan_plus", "lggan_cross_view"),
    "msca": ("msca",),
    "training_and_evaluation": tuple(METHODS),
}


def rows(page):
    table = (PAPERS / f"{page}.md").read_text().split("Where each part is", 1)[1]
    return [line for line in table.splitlines() if line.startswith("| ") and "not built" not in line][1:]


@pytest.mark.parametrize("page", METHODS_OF)
def test_every_symbol_key_and_experiment_is_there(page):
    keys = {key for name in METHODS_OF[page] for key in keys_of(name)}
    found = rows(page)
    assert len(found) > 5
    for row in found:
        named = [word for word in re.findall(r"`([^`]+)`", row) if word != "hed"]
        assert named, row
        for word in named:
            if ":" in word:
                module, symbol = word.split(":")
                assert hasattr(importlib.import_module(module), symbol), word
            elif "." in word:
                assert word in keys, word
            else:
                assert load_config(word).model.name in METHODS, word
