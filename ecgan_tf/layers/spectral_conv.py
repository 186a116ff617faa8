"""Convolution with spectral normalisation as published."""

import contextlib
import math

import keras
from keras import ops

from ecgan_tf.layers.convolution import convolve
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.initializers import make_initializer
from ecgan_tf.layers.recomputed import recomputed

_FIXED = []  # holds something while no power iteration is made


@contextlib.contextmanager
def fixed_power_iterations(are_fixed=True):
    """Within the block training calls use u and v as they are: they move once a step, however often it passes."""
    if are_fixed:
        _FIXED.append(True)
    try:
        yield
    finally:
        if are_fixed:
            _FIXED.pop()


@keras.saving.register_keras_serializable("ecgan_tf")
class SpectralConv2D(FromArguments, keras.layers.Layer):
    """Convolution with the kernel W / sigma(W) (Miyato et al., 2018, algorithm 1).

    sigma = v' W u, the largest singular value of W as a (kernel_size^2 * in, out) matrix. A training call makes one
    power iteration on u and v, which are not trained; the gradient flows through W and through sigma. The raw kernel
    is what the optimizer sees; Keras' own wrapper overwrites it instead. Export calls `fold`.

    Args:
        filters, kernel_size, strides, use_bias: as in `keras.layers.Conv2D`.
        padding: cells of zeros on every side.
        initializer: a name of `INITIALIZERS`.
    """

    def __init__(self, filters, kernel_size, strides=1, padding=0, use_bias=True, initializer="xavier_0.02", **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.use_bias = use_bias
        self.initializer = initializer
        self.folded = False

    def build(self, x_shape):
        rows = self.kernel_size * self.kernel_size * x_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, x_shape[-1], self.filters),
            initializer=make_initializer(self.initializer),
            autocast=False,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        self.u = self._add_vector("u", self.filters)
        self.v = self._add_vector("v", rows)
        self.built = True

    def _add_vector(self, name, size):
        # Every replica makes the same iteration on the same kernel, so one replica's value stands for all.
        return self.add_weight(
            name=name,
            shape=(size,),
            initializer=_unit_vector,
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def call(self, x, training=False):
        kernel, sigma = self._kernel_and_sigma(x.shape, training)
        return self._finish(convolve(x, kernel, self.strides, self.padding), sigma)

    def of(self, prepare, *inputs, training=False):
        """The convolution of `prepare(*inputs)`, of which training keeps the inputs alone: see `recomputed`.

        The result of `prepare` has the shape of its first input.
        """
        kernel, sigma = self._kernel_and_sigma(inputs[0].shape, training)

        def run(kernel, *inputs):
            return convolve(prepare(*inputs), kernel, self.strides, self.padding)

        return self._finish(recomputed(run, kernel, *inputs), sigma)

    def _kernel_and_sigma(self, x_shape, training):
        """The kernel to convolve with, and by what to divide what that gives: None for nothing."""
        if training and self._divides_outputs(x_shape):
            return ops.convert_to_tensor(self.kernel), self._sigma(training)
        return ops.cast(self.normalized_kernel(training), self.compute_dtype), None

    def _finish(self, y, sigma):
        y = y if sigma is None else y / sigma
        return y + self.bias if self.use_bias else y

    def _divides_outputs(self, x_shape):
        """Whether the outputs, fewer than the kernel's values, are divided by sigma in place of the kernel.

        It is the same convolution; the tape keeps neither W / sigma nor W / sigma^2, and for the deep layers those are
        all of the weights twice. In float32 alone: W itself is of any size. In training alone: which of the two it is
        depends on the size of the batch, and a picture must not.
        """
        if self.folded or self.compute_dtype != "float32" or None in x_shape:
            return False
        return math.prod(self.compute_output_shape(x_shape)) < math.prod(self.kernel.shape)

    def normalized_kernel(self, training=False):
        """W / sigma(W), float32, of the kernel's shape."""
        return self.kernel if self.folded else self.kernel / self._sigma(training)

    def _sigma(self, training):
        matrix = ops.reshape(self.kernel, (-1, self.filters))
        u, v = ops.convert_to_tensor(self.u), ops.convert_to_tensor(self.v)
        if training and not _FIXED:
            fixed = ops.stop_gradient(matrix)
            v = _normalize(ops.matmul(fixed, u))
            u = _normalize(ops.matmul(v, fixed))
            self.u.assign(u)
            self.v.assign(v)
        return ops.sum(v * ops.matmul(matrix, u))

    def fold(self):
        """Makes W / sigma(W) the kernel, for good: a plain convolution remains, for inference."""
        if not self.folded:
            self.kernel.assign(self.normalized_kernel())
            self.folded = True

    def compute_output_shape(self, x_shape):
        height, width = ((size + 2 * self.padding - self.kernel_size) // self.strides + 1 for size in x_shape[1:3])
        return (x_shape[0], height, width, self.filters)


def _unit_vector(shape, dtype=None):
    return _normalize(keras.random.normal(shape, dtype=dtype))


def _normalize(vector):
    return vector / ops.maximum(ops.norm(vector), 1e-12)
