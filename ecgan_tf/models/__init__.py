"""The networks: one file per paper, found by name in one table."""

from ecgan_tf import backend  # noqa: F401 (Keras as this project needs it, before any layer is made)
from ecgan_tf.models.discriminators import MultiscaleDiscriminator, PairDiscriminator
from ecgan_tf.models.ecgan import ECGANGenerator
from ecgan_tf.models.lggan import LGGANGenerator, LGGANPlusGenerator
from ecgan_tf.models.lggan_cross_view import CrossViewGenerator
from ecgan_tf.models.mobile import MobileGenerator
from ecgan_tf.models.msca import MSCAGenerator
from ecgan_tf.models.oasis import OASISDiscriminator, OASISGenerator
from ecgan_tf.models.segmentation_discriminator import SegmentationDiscriminator
from ecgan_tf.models.spade import SPADEGenerator

MODELS = {
    "ecgan": ECGANGenerator,
    "lggan": LGGANGenerator,
    "lggan_cross_view": CrossViewGenerator,
    "lggan_plus": LGGANPlusGenerator,
    "mobile": MobileGenerator,
    "msca": MSCAGenerator,
    "oasis": OASISGenerator,
    "spade": SPADEGenerator,
}

DISCRIMINATORS = {
    "multiscale": MultiscaleDiscriminator,
    "oasis": OASISDiscriminator,
    "pair": PairDiscriminator,
    "segmentation": SegmentationDiscriminator,
}


def make_generator(name, **kwargs):
    """Builds the generator of `MODELS[name]`; its class docstring names the arguments.

    `generator(inputs, training=False)` takes a dictionary (`labels` int32 (batch, height, width), `boundaries` where
    the model has them) and returns one: `image` float32 (batch, height, width, 3) in [-1, 1] and named intermediates.
    """
    return _make(MODELS, "model", name, kwargs)


def make_discriminator(name, layer_name=None, **kwargs):
    """Builds the discriminator of `DISCRIMINATORS[name]`; its class docstring names the arguments.

    Two of one kind under one optimizer need a `layer_name` each, since it names their variables by it.
    """
    return _make(DISCRIMINATORS, "discriminator", name, kwargs, layer_name)


def _make(table, kind, name, kwargs, layer_name=None):
    if name not in table:
        raise ValueError(f"Unknown {kind} {name!r}. Known: {', '.join(sorted(table))}.")
    model = table[name](name=layer_name or name, **kwargs)
    model.build()
    return model
