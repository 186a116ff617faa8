import pytest

from ecgan_tf.config import base_config, keys_of
from ecgan_tf.config_keys import Key, flatten, nest
from ecgan_tf.methods import METHODS


@pytest.mark.parametrize(
    ("key", "value", "mistake"),
    [
        (Key("a", "", ("a", "b")), "c", "config.x.y is 'c'; it must be one of a, b"),
        (Key(1, "", (1, 2)), 5, "config.x.y is 5; it must be one of 1, 2"),
        (Key(8, "", above=0), 0, "config.x.y is 0; it must be above 0"),
        (Key(0.1, "", above=0), -0.5, "config.x.y is -0.5; it must be above 0"),
        (Key(0.5, "", least=0, most=1), 1.5, "config.x.y is 1.5; it must lie between 0 and 1"),
        (Key(0.5, "", least=0, most=1), -0.5, "config.x.y is -0.5; it must lie between 0 and 1"),
        (Key(1.0, "", least=0), -0.5, "config.x.y is -0.5; it must not be negative"),
        (Key(3, "", least=0), -1, "config.x.y is -1; it must be 0 or more"),
        (Key(3.0, "", least=2), 1.5, "config.x.y is 1.5; it must be 2 or more"),
        (Key(0.5, "", least=0), float("nan"), "config.x.y is nan; it must not be negative"),
        (Key(0.5, "", above=0), float("nan"), "config.x.y is nan; it must be above 0"),
    ],
    ids=str,
)
def test_a_value_out_of_bounds_is_said_by_the_name_of_its_key(key, value, mistake):
    assert key.mistake("x.y", value) == mistake


@pytest.mark.parametrize(
    ("key", "values"),
    [
        (Key("a", "", ("a", "b")), ("a", "b")),
        (Key(8, "", above=0), (1, 10**9)),
        (Key(0.5, "", least=0, most=1), (0, 0.25, 1.0)),
        (Key(1.0, "", least=0), (0.0, 1e9)),
        (Key("", ""), ("", "anything")),
        (Key((1, 2), ""), ((), (3,))),
    ],
    ids=str,
)
def test_a_value_within_its_bounds_is_no_mistake(key, values):
    assert [key.mistake("x.y", value) for value in values] == [None] * len(values)


@pytest.mark.parametrize("name", METHODS)
def test_the_default_and_the_toy_of_every_key_are_within_its_bounds_and_of_one_type(name):
    for key, declared in keys_of(name).items():
        assert declared.mistake(key, declared.default) is None
        if declared.toy is not None:
            assert declared.mistake(key, declared.toy) is None
            assert type(declared.toy) is type(declared.default), key


FLAT = {"a": 1, "b.c": (2, 3), "b.d.e": "", "b.d.f": None}
TREE = {"a": 1, "b": {"c": (2, 3), "d": {"e": "", "f": None}}}


def test_a_tree_is_flattened_and_nested_again():
    assert flatten(TREE) == FLAT
    assert nest(FLAT) == TREE
    assert flatten({}) == nest({}) == {}


@pytest.mark.parametrize("name", METHODS)
def test_a_config_is_flattened_like_its_dictionary(name):
    config = base_config(name)
    assert flatten(config) == flatten(config.to_dict())
    assert nest(flatten(config)) == config.to_dict()
