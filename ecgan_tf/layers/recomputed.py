"""What is cheap to make again is made again for the gradient, instead of kept from the forward pass."""

import tensorflow as tf
from keras import ops


def recomputed(function, *inputs):
    """`function(*inputs)`, of which a training step keeps the inputs and nothing that lies between them and the result.

    The same numbers as without it. In a graph, what the gradient does not read of the second pass is never made: of
    "scale, then convolve" the scaling alone is done twice. XLA may find both passes to be one, and keep it.

    Args:
        function: of tensors to one tensor; it changes no state, and reads no tensor and no variable but its inputs.
        inputs: tensors, nested as one likes, and None; gradients go to those of floats.
    """
    flat = tf.nest.flatten(inputs)
    given = [tf.convert_to_tensor(each) for each in flat if each is not None]

    def run(tensors):
        left = iter(tensors)
        return function(*tf.nest.pack_sequence_as(inputs, [None if each is None else next(left) for each in flat]))

    @tf.custom_gradient
    def call(*tensors):
        def gradient(upstream):
            # Else the executor would make all of it at once, and keep it, or find that it is there already.
            with tf.control_dependencies([upstream]):
                again = [tf.identity(tensor) for tensor in tensors]
            floats = [tensor for tensor in again if tensor.dtype.is_floating]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(floats)
                result = run(again)
            gradients = tape.gradient(result, floats, upstream, unconnected_gradients="zero")
            # Else it would go on to earlier layers first, and hold what the gradients of all kernels wait for.
            with tf.control_dependencies(gradients):
                found = iter([tf.identity(each) for each in gradients])
            return [next(found) if tensor.dtype.is_floating else None for tensor in tensors]

        return run(tensors), gradient

    return call(*given)


def convolve_recomputed(convolution, prepare, *inputs, training=False):
    """`convolution(prepare(*inputs))`, of which training keeps the inputs alone.

    Args:
        convolution: `keras.layers.Conv2D` of stride 1 and padding "same".
    """
    if not training:
        return convolution(prepare(*inputs))
    dtype = convolution.compute_dtype

    def run(kernel, *inputs):
        return ops.conv(ops.cast(prepare(*inputs), dtype), kernel, padding="same")

    return recomputed(run, ops.cast(convolution.kernel, dtype), *inputs) + ops.cast(convolution.bias, dtype)
