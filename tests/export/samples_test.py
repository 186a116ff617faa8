"""The samples for phones parse: no Kotlin compiler with Android's classes, nor a Swift one, is to be had here."""

import pathlib

import pytest
import tree_sitter
import tree_sitter_kotlin
import tree_sitter_swift

SAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "samples"
GRAMMARS = {"OnDevice.kt": tree_sitter_kotlin, "OnDevice.swift": tree_sitter_swift}


def mistakes(grammar, content):
    """The lines, from 1, where a text is not of the grammar."""
    tree = tree_sitter.Parser(tree_sitter.Language(grammar.language())).parse(content)
    waiting, found = [tree.root_node], []
    while waiting:
        node = waiting.pop()
        waiting += node.children
        if node.is_error or node.is_missing:
            found.append(node.start_point[0] + 1)
    return sorted(found)


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_sample_parses(name):
    content = (SAMPLES / name).read_bytes()
    assert b"parsed, and neither compiled nor run" in content
    assert max(map(len, content.splitlines())) <= 120
    assert not mistakes(GRAMMARS[name], content)


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_bracket_less_is_noticed(name):
    content = (SAMPLES / name).read_bytes()
    place = content.rindex(b"}")
    assert mistakes(GRAMMARS[name], content[:place] + content[place + 1 :])
