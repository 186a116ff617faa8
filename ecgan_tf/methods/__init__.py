"""The methods: one file per paper with all that is its own, found by name in one table."""

from ecgan_tf import backend  # noqa: F401 (Keras as this project needs it, before any layer is made)
from ecgan_tf.errors import RequestError
from ecgan_tf.methods.base import Method
from ecgan_tf.methods.ecgan import ECGAN
from ecgan_tf.methods.lggan import LGGAN, LGGANCrossView, LGGANPlus
from ecgan_tf.methods.mobile import Mobile
from ecgan_tf.methods.msca import MSCA
from ecgan_tf.methods.oasis import OASIS
from ecgan_tf.methods.spade import SPADEBaseline

METHODS: dict[str, Method] = {
    "ecgan": ECGAN(),
    "lggan": LGGAN(),
    "lggan_cross_view": LGGANCrossView(),
    "lggan_plus": LGGANPlus(),
    "mobile": Mobile(),
    "msca": MSCA(),
    "oasis": OASIS(),
    "spade": SPADEBaseline(),
}


def method_of(name: str) -> Method:
    """The method of this name; an unknown one is a `RequestError` with the list of known ones."""
    if name not in METHODS:
        raise RequestError(f"config.model.name is {name!r}; it must be one of {', '.join(sorted(METHODS))}")
    return METHODS[name]


def make_generator(name, **arguments):
    """The generator of a method, built; its class docstring names the arguments."""
    return method_of(name).make_generator(name, **arguments)
