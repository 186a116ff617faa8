"""Keras as this project needs it, whatever another project left in ~/.keras/keras.json or in the environment."""

import keras

from ecgan_tf.errors import RequestError

if keras.backend.backend() != "tensorflow":
    raise RequestError(
        f"Keras was imported before ecgan_tf, with backend {keras.backend.backend()!r}; import ecgan_tf first, or set "
        "KERAS_BACKEND=tensorflow."
    )
SETTINGS = {
    "floatx": (keras.config.floatx, keras.config.set_floatx, "float32"),
    "image_data_format": (keras.config.image_data_format, keras.config.set_image_data_format, "channels_last"),
    "epsilon": (keras.config.epsilon, keras.config.set_epsilon, 1e-7),
}
# What the user's own settings were, where they were others: `overridden` tells it to whoever should say so.
OVERRIDDEN = {name: read() for name, (read, _, wanted) in SETTINGS.items() if read() != wanted}
for _, (_, write, wanted) in SETTINGS.items():
    write(wanted)


def overridden():
    """One line on the user's Keras settings that are not used here, or None."""
    if not OVERRIDDEN:
        return None
    changed = ", ".join(f"{name}={value}" for name, value in OVERRIDDEN.items())
    return f"note: {changed} of ~/.keras/keras.json is not used here; ecgan_tf computes in float32, channels last."
