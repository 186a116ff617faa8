"""Which terms of the loss a run can have: one whose network is not at hand stops it, unless that is allowed."""

import ml_collections

from ecgan_tf.console import say
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import method_of


def with_missing_terms(config, so_far=()):
    """The config with `missing_terms`: what it asks for and cannot have.

    Args:
        config: of the request.
        so_far: `RunFolder.terms_to_miss`: what a run has gone without it goes on without, and says so.
    Raises:
        RequestError: where they are not allowed to be missing, with what to do about each.
    """
    missing = method_of(config.model.name).missing_terms(config)
    new = {} if so_far is None else {symbol: remedy for symbol, remedy in missing.items() if symbol not in so_far}
    if new and not config.allow_missing_terms:
        what = "; ".join(f"{symbol}: {remedy}" for symbol, remedy in new.items())
        raise RequestError(
            f"this config has terms whose network is not at hand. {what}. "
            "Or train without, which config.json will say, by --config.allow_missing_terms=True."
        )
    config = ml_collections.ConfigDict(config.to_dict()).lock()
    config.missing_terms = tuple(missing)
    return config


def say_missing_terms(config):
    """Says what a run goes without, and what it is trained for; nothing where it has all."""
    if config.missing_terms:
        ran = [symbol for symbol in method_of(config.model.name).terms(config) if symbol not in config.missing_terms]
        say(f"without {', '.join(config.missing_terms)}, whose network is not at hand; with {', '.join(ran)}")
