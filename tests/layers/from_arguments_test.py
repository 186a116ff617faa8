"""A layer's config is what it was made with, whatever it extends."""

import keras
import pytest

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.models.lggan import LGGANGenerator, LGGANPlusGenerator

KERAS = {"name", "trainable", "dtype"}


class Base(FromArguments, keras.layers.Layer):
    def __init__(self, filters, mode="zeros", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.mode = mode
        self.hidden = 2 * filters


class WithMore(Base):
    """Adds an argument, and gives one of its base another default."""

    def __init__(self, rate, *unused, mode="reflect", **kwargs):
        super().__init__(mode=mode, **kwargs)
        self.rate = rate


class WithoutOwn(WithMore):
    """Has no constructor of its own."""


class Forgetful(Base):
    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)


def own(layer):
    return {key: value for key, value in layer.get_config().items() if key not in KERAS}


def test_the_config_has_the_arguments_and_nothing_else_of_the_layer():
    assert own(Base(4)) == {"filters": 4, "mode": "zeros"}
    assert {"name": "mine", "trainable": False}.items() <= Base(4, name="mine", trainable=False).get_config().items()


@pytest.mark.parametrize("cls", [WithMore, WithoutOwn])
def test_a_subclass_keeps_the_arguments_that_it_passes_on(cls):
    assert own(cls(0.5, filters=4)) == {"filters": 4, "mode": "reflect", "rate": 0.5}


@pytest.mark.parametrize("layer", [Base(4, "same"), WithMore(0.5, filters=4), WithoutOwn(0.5, filters=4, mode="same")])
def test_a_layer_is_made_again_from_its_config(layer):
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config() and twin.hidden == layer.hidden


def test_an_argument_that_is_not_kept_is_noticed():
    with pytest.raises(AttributeError, match="rate"):
        Forgetful(0.5, filters=4).get_config()


TINY = {"num_classes": 3, "image_size": (32, 32), "base_filters": 2, "num_residual_blocks": 1}


def test_lggan_plus_has_the_config_of_lggan_with_its_own_default():
    lggan, plus = LGGANGenerator(**TINY), LGGANPlusGenerator(**TINY)
    assert own(plus) == {**own(lggan), "sau_place": "both"} != own(lggan)
    assert TINY.items() <= own(plus).items()


def test_lggan_plus_is_made_again_from_its_config():
    plus = LGGANPlusGenerator(sau_place="decoders", sau_patch="upsampled", fusion="mean", name="mine", **TINY)
    assert {"sau_place": "decoders", "sau_patch": "upsampled", "fusion": "mean"}.items() <= own(plus).items()
    twin = LGGANPlusGenerator.from_config(plus.get_config())
    assert twin.get_config() == plus.get_config() and twin.name == "mine"
