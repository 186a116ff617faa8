"""The random inputs of a generator: which it has, and their numbers, each a function of a seed and a place."""

import numpy as np

Z_SIZE = 256  # of the code of a picture as a whole, as in SPADE's release
NOISE_SIZE = 64  # of the code of a class, as in OASIS
LATENTS = ("z", "noise")  # inputs of a generator
STREAMS = {"z": 1, "noise": 2, "mix": 3}  # of random numbers; the last is of a training alone


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


def draw_latents(shapes, seed, places, per_class=False):
    """Random inputs from N(0, 1).

    `noise` is one code for all classes, as OASIS synthesises. For training half of the places have one for each class
    instead, so that a class may be drawn anew by itself (`resample`); OASIS trains with one for all alone.

    Args:
        shapes: of `latent_shapes`.
        seed: 0 or more, below 2**64.
        places: integers of 0 or more; a place's numbers do not depend on the others.
        per_class: whether `noise` is for training.
    Returns:
        dictionary of float32 (places, *shape).
    """
    found, places = {}, list(places)
    for name, shape in shapes.items():
        codes = [_numbers(name, shape, seed, place) for place in places]
        if name == "noise":
            codes = [code if per_class and code[0, 0] > 0 else np.tile(code[-1:], (len(code), 1)) for code in codes]
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


def _numbers(name, shape, seed, place):
    generator = np.random.Generator(np.random.Philox(key=[seed, STREAMS[name]], counter=[0, 0, 0, place]))
    return generator.standard_normal(shape, dtype=np.float32)
