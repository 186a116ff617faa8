"""What is cheap to make again is made again for the gradient, instead of kept from the forward pass."""

import keras
import tensorflow as tf
from keras import ops

from ecgan_tf.errors import RequestError


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


def with_values(call, variables):
    """A call that reads variables, as a function of their values alone, for `recomputed`.

    Args:
        call: without arguments; it assigns to no variable.
        variables: Keras' variables that it reads.
    Returns:
        function of the values to what the call gives; and the values, a list of tensors of the variables' own types.
    """

    def run(values):
        with keras.StatelessScope(state_mapping=list(zip(variables, values))):
            return call()

    # Not `value`, which the type of the layer around this one may have rounded.
    return run, [tf.convert_to_tensor(variable._value) for variable in variables]


def recompute(networks, wanted):
    """Lets the wanted layers of networks, of those with an attribute `recomputes`, recompute in training.

    Args:
        networks: dictionary by name.
        wanted: `config.train.recompute`: "all", or parts of the layers' names between commas; a name is that of the
            network and the layer's path in it, such as `generator/encoder/up_3/norm_0`.
    Raises:
        RequestError: where a part is in no name.
    """
    layers = {
        f"{name}/{layer.path.split('/', 1)[-1]}": layer
        for name, network in networks.items()
        for layer in network._flatten_layers()
        if hasattr(layer, "recomputes")
    }
    for word in filter(None, wanted.split(",")):
        found = [layer for name, layer in layers.items() if word == "all" or word in name]
        if not found:
            raise RequestError(
                f"config.train.recompute: {word!r} is in no name of a layer that can be recomputed: "
                f"{', '.join(sorted(layers)) or 'this method has none'}."
            )
        for layer in found:
            layer.recomputes = True


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
