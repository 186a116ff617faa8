"""Initialisers by the names that configs use."""

import keras

INITIALIZERS = {
    # The release's: Xavier-normal with gain 0.02 (docs/papers/ecgan.md, section 6).
    "xavier_0.02": lambda: keras.initializers.VarianceScaling(4e-4, "fan_avg", "untruncated_normal"),
    # LGGAN's cross-view release, as pix2pix (docs/papers/lggan.md, section 15).
    "normal_0.02": lambda: keras.initializers.RandomNormal(stddev=0.02),
    # Keeps the variance through chains of convolutions with (leaky) ReLU, which the release's starves.
    "he": lambda: keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal"),
}


def make_initializer(name):
    if name not in INITIALIZERS:
        raise ValueError(f"Unknown initializer {name!r}. Known initializers: {', '.join(sorted(INITIALIZERS))}.")
    return INITIALIZERS[name]()
