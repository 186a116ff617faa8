"""The first feature map of a trunk, from a random code."""

import keras
from keras import ops

from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer


@keras.saving.register_keras_serializable("ecgan_tf")
class LatentStart(FromArguments, keras.layers.Layer):
    """A dense layer whose outputs are a feature map: SPADE's `fc` with `use_vae` (Park et al., 2019, section 3).

    Args:
        filters: of the map.
        size: (rows, columns) of the map: its weights fit pictures of one size.
        initializer: a name of `INITIALIZERS`.
    Call arguments:
        z: float (batch, inputs).
    Returns:
        float (batch, rows, columns, filters).
    """

    def __init__(self, filters, size, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.size = tuple(size)
        self.initializer = initializer

    def build(self, z_shape):
        rows, columns = self.size
        units = rows * columns * self.filters
        initializer = make_initializer(self.initializer)  # which counts a matrix' ins and outs as a dense layer's
        self.kernel = self.add_weight(
            name="kernel",
            shape=(z_shape[-1], rows, columns, self.filters),
            initializer=lambda shape, dtype=None: ops.reshape(initializer((z_shape[-1], units), dtype=dtype), shape),
        )
        self.bias = self.add_weight(name="bias", shape=(rows, columns, self.filters), initializer="zeros")
        self.built = True

    def call(self, z):
        rows, columns = self.size
        kernel = ops.reshape(self.kernel, (self.kernel.shape[0], rows * columns * self.filters))
        x = ops.matmul(ops.cast(z, self.compute_dtype), kernel)
        return ops.reshape(x, (-1, rows, columns, self.filters)) + self.bias
