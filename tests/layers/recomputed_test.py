import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.recomputed import convolve_recomputed, recompute, recomputed
from ecgan_tf.layers.spade import SPADEResidualBlock


def scaled(x, scale, kernel, shift):
    y = tf.tanh(x * scale["of_x"]) + tf.cast(tf.gather([0.0, 1.0], shift), x.dtype)
    return tf.nn.conv2d(y, kernel, 1, "SAME")


@pytest.fixture
def inputs(rng):
    x, kernel = rng.normal(size=(2, 6, 5, 3)), rng.normal(size=(3, 3, 3, 4))
    scale, shift = {"of_x": tf.constant(1.5), "unused": None}, tf.constant(rng.integers(0, 2, (2, 6, 5, 3)))
    return [tf.constant(x, tf.float32), scale, tf.constant(kernel, tf.float32), shift]


def gradients(function, inputs):
    floats = [each for each in tf.nest.flatten(inputs) if each is not None and each.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floats)
        result = function(*inputs)
        loss = tf.reduce_sum(result**2)
    return result, tape.gradient(loss, floats)


@pytest.mark.parametrize("compile_", [lambda function: function, tf.function], ids=["eager", "graph"])
def test_numbers_and_gradients_are_those_of_the_function(compile_, inputs):
    expected, of_inputs = gradients(scaled, inputs)
    result, found = compile_(lambda *inputs: gradients(lambda *given: recomputed(scaled, *given), inputs))(*inputs)
    np.testing.assert_array_equal(result, expected)
    for gradient, wanted in zip(found, of_inputs, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-5)


def test_a_graph_makes_again_what_the_gradient_reads_and_no_more(inputs):
    function = tf.function(lambda *inputs: gradients(lambda *given: recomputed(scaled, *given), inputs)[1])
    ran = ran_operators(function.get_concrete_function(*inputs), inputs)
    assert ran.count("Tanh") == 2 and ran.count("Conv2D") == 1
    plain = tf.function(lambda *inputs: gradients(scaled, inputs)[1])
    assert ran_operators(plain.get_concrete_function(*inputs), inputs).count("Tanh") == 1


def ran_operators(function, inputs):
    """Operators of the optimised graph, in which equal ones are one."""
    from tensorflow.core.protobuf import config_pb2, rewriter_config_pb2
    from tensorflow.python.grappler import tf_optimizer
    from tensorflow.python.training.saver import export_meta_graph

    graph_def = function.graph.as_graph_def()
    meta = export_meta_graph(graph_def=graph_def, graph=function.graph)
    fetches = meta.collection_def["train_op"].node_list.value
    fetches.extend(output.name for output in function.outputs)
    config = config_pb2.ConfigProto()
    rewriter = config.graph_options.rewrite_options
    rewriter.meta_optimizer_iterations = rewriter_config_pb2.RewriterConfig.TWO
    rewriter.min_graph_nodes = -1
    return [node.op for node in tf_optimizer.OptimizeGraph(config, meta).node]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_a_convolution_of_what_is_recomputed_is_the_layer(policy, rng):
    layer = keras.layers.Conv2D(4, 3, padding="same", dtype=policy, bias_initializer="normal")
    x = tf.constant(rng.normal(size=(2, 6, 5, 3)), layer.compute_dtype)
    layer.build(x.shape)
    expected = layer(tf.tanh(x))
    for training in (False, True):
        found = convolve_recomputed(layer, tf.tanh, x, training=training)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-3 if policy != "float32" else 1e-6, atol=1e-6)


@pytest.mark.parametrize("by_neighbourhoods", [False, True], ids=["cells", "neighbourhoods"])
@pytest.mark.parametrize("normalization", ["batch", "instance"])
def test_a_block_that_recomputes_its_modulation_moves_no_bit(normalization, by_neighbourhoods, rng):
    modulation = {"num_labels": 3, "hidden_filters": 6, "normalization": normalization, "initializer": "he"}
    block = SPADEResidualBlock(4, modulation, name="block")
    block.build((None, 8, 8, 5))
    start = [variable.numpy() for variable in block.variables]
    x, labels = tf.constant(rng.normal(size=(2, 8, 8, 5)), tf.float32), tf.constant(rng.integers(0, 3, (2, 8, 8)))
    labels = tf.cast(labels, tf.int32)

    def step(wanted):
        recompute({"generator": block}, wanted)
        for variable, value in zip(block.variables, start):
            variable.assign(value)

        @tf.function(autograph=False)
        def gradients(x, labels):
            values = [variable.value for variable in block.trainable_variables]
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = block(x, layout=Layout(labels, 3, None, by_neighbourhoods), training=True)
                loss = tf.reduce_sum(tf.sin(y) * y)
            return y, tape.gradient(loss, [x, *values])

        kept = len(gradients.get_concrete_function(x, labels).graph.get_operations())
        found = [np.array(value) for value in tf.nest.flatten(gradients(x, labels))]
        return kept, found, [variable.numpy() for variable in block.variables]

    operators, found, state = step("")
    more_operators, again, state_again = step("norm_0,norm_1,norm_s")
    assert all(layer.recomputes for layer in (block.norm_0, block.norm_1, block.norm_s))
    assert more_operators > operators  # those of the second pass
    for mine, other in zip([*found, *state], [*again, *state_again], strict=True):
        np.testing.assert_array_equal(mine, other)
    moved = {v.name for v, old, new in zip(block.variables, start, state) if not np.array_equal(old, new)}
    assert {"u", "v"} <= moved and ("moving_mean" in moved) == (normalization == "batch")


def test_what_is_in_no_name_is_refused():
    block = SPADEResidualBlock(4, {"num_labels": 3}, name="block")
    block.build((None, 8, 8, 5))
    with pytest.raises(RequestError, match="'up_9' is in no name .* generator/norm_0, generator/norm_1"):
        recompute({"generator": block}, "norm_1,up_9")
    with pytest.raises(RequestError, match="this method has none"):
        recompute({"generator": keras.layers.Conv2D(3, 3)}, "all")
