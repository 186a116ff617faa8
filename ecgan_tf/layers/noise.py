"""A fixed map of noise beside the features, by which a network tells pixels of one region apart."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments

SIDE = 64  # of the map: larger features see it again and again, so that weights fit pictures of any size


@keras.saving.register_keras_serializable("ecgan_tf")
class FixedNoise(FromArguments, keras.layers.Layer):
    """Adds one map of noise to all channels, each with a strength of its own (StyleGAN, Karras et al., 2019).

        y = x + strength * map
    StyleGAN draws a map for every picture. This one is drawn when the layer is made, from N(0, 1), 64 by 64 pixels that
    larger features repeat, and kept as a variable that is not trained: the same layout gives the same picture, an
    export holds the map as a constant, and the weights fit pictures of any size.

    Args:
        strength: that every channel starts with. StyleGAN starts from 0, from where a run of some hundred steps does
            not come far: an Adam step moves a strength by about the learning rate.
    Call arguments:
        x: float (batch, height, width, filters), height and width static.
    Returns:
        float, the shape of x.
    """

    def __init__(self, strength=0.3, **kwargs):
        super().__init__(**kwargs)
        self.strength = strength
        self.folded = False

    def build(self, x_shape):
        self.map = self.add_weight(
            name="map",
            shape=(1, SIDE, SIDE, 1),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            trainable=False,
            aggregation="only_first_replica",
        )
        self.strengths = self.add_weight(
            name="strengths", shape=(x_shape[-1],), initializer=keras.initializers.Constant(self.strength)
        )
        self.built = True

    def fold(self):
        """For export: the map hangs on the input, since GPU delegates tile no constants."""
        self.folded = True

    def call(self, x):
        height, width = x.shape[1:3]
        noise = self.map + 0.0 * x[:1, :1, :1, :1] if self.folded else self.map
        tiled = ops.tile(noise, (1, -(-height // SIDE), -(-width // SIDE), 1))
        return x + self.strengths * tiled[:, :height, :width]
