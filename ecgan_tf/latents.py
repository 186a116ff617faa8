"""The random inputs of a generator: which it has, and their numbers, each a function of a seed and a place."""

import numpy as np

from ecgan_tf.errors import RequestError

Z_SIZE = 256  # of the code of a picture as a whole, as in SPADE's release
NOISE_SIZE = 64  # of the code of a class, as in OASIS
LATENTS = ("z", "noise")  # inputs of a generator
STREAMS = {"z": 1, "noise": 2, "mix": 3, "coin": 4}  # of random numbers; the last two are of trainings alone
LARGEST_SEED = 2**63 - 1


def latent_shapes(arguments):
    """The random inputs of a generator.

    Args:
        arguments: of `make_generator`, a dictionary.
    Returns:
        dictionary from name to shape, without the batch: `z` (256,), what a picture as a whole looks like, of a
        generator with `use_vae`; `noise` (labels, 64), what each class looks like, with `noise="classes"`.
    """
    shapes = {}
    if arguments.get("use_vae"):
        shapes["z"] = (Z_SIZE,)
    if arguments.get("noise") == "classes":
        shapes["noise"] = (arguments["num_classes"] + bool(arguments.get("has_unknown")), NOISE_SIZE)
    return shapes


def draw_latents(shapes, seed, places, class_codes=0.0):
    """Random inputs from N(0, 1).

    `noise` is one code for all classes, as OASIS trains and synthesises; or for some places one for each class, which
    makes a model ready for a class to be drawn anew by itself (`resample`).

    Args:
        shapes: of `latent_shapes`.
        seed: 0 or more, below 2**63.
        places: integers of 0 or more; a place's numbers do not depend on the others.
        class_codes: share of the places whose `noise` has a code for each class.
    Returns:
        dictionary of float32 (places, *shape).
    Raises:
        RequestError: for a seed that is none.
    """
    check_seed(seed)
    found, places = {}, list(places)
    for name, shape in shapes.items():
        codes = [_numbers(name, shape, seed, place) for place in places]
        if name == "noise":
            apart = [_generator("coin", seed, place).random() < class_codes for place in places]
            codes = [code if coin else np.tile(code[-1:], (len(code), 1)) for code, coin in zip(codes, apart)]
        found[name] = np.stack(codes) if codes else np.zeros((0, *shape), np.float32)
    return found


def resample(latents, seed, place, labels):
    """Random inputs with other codes for some classes: of `draw_latents` for one place, with its batch axis.

    Args:
        latents: of `draw_latents`; the rest of them stays as it is.
        seed, place: of the new codes.
        labels: label ids.
    """
    noise = latents["noise"].copy()
    others = _numbers("noise", noise.shape[1:], seed, place)
    noise[:, labels] = others[labels]
    return {**latents, "noise": noise}


def check_seed(seed):
    """Refuses what is no seed."""
    if not isinstance(seed, int | np.integer) or not 0 <= seed <= LARGEST_SEED:
        raise RequestError(f"seed={seed}: it must be a whole number from 0 to 2**63 - 1.")


def _numbers(name, shape, seed, place):
    return _generator(name, seed, place).standard_normal(shape, dtype=np.float32)


def _generator(name, seed, place):
    key = np.array([seed, STREAMS[name]], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, place]))
