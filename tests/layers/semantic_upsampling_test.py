import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.semantic_upsampling import SemanticAwareUpsampling, UpsamplingBlock


def make(randomize, channels=3, **arguments):
    layer = SemanticAwareUpsampling(**arguments)
    layer.build((None, 5, 6, channels))
    return randomize(layer, scale=0.3)


def softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


def upsample_numpy(layer, x):
    """Cell by cell and neighbour by neighbour, as the definition says."""
    scale, size = layer.scale, layer.kernel_size
    margin = size // 2
    hidden = x @ np.asarray(layer.compress.kernel)[0, 0] + np.asarray(layer.compress.bias)
    logits = hidden @ np.asarray(layer.generate.kernel)[0, 0] + np.asarray(layer.generate.bias)
    batch, height, width, channels = x.shape
    y = np.zeros((batch, scale * height, scale * width, channels))
    for row in range(scale * height):
        for column in range(scale * width):
            part = (row % scale) * scale + column % scale
            of_cell = logits[:, row // scale, column // scale]
            weights = softmax(of_cell[:, part * size**2 : (part + 1) * size**2])
            for tap in range(size**2):
                dy, dx = tap // size - margin, tap % size - margin
                if layer.patch == "source":
                    i, j = row // scale + dy, column // scale + dx
                else:
                    i, j = (row + dy) // scale, (column + dx) // scale
                if 0 <= i < height and 0 <= j < width:
                    y[:, row, column] += weights[:, tap, None] * x[:, i, j]
    return y


def upsample_from_patches(layer, x):
    """By neighbourhoods cut out as a tensor of K^2 times the map, as the re-implementation has it."""
    scale, size = layer.scale, layer.kernel_size
    shape = (len(x), scale * x.shape[1], scale * x.shape[2], size**2, x.shape[-1])
    logits = tf.nn.conv2d(x, layer.compress.kernel, 1, "SAME") + layer.compress.bias
    logits = tf.nn.conv2d(logits, layer.generate.kernel, 1, "SAME") + layer.generate.bias
    logits = tf.nn.depth_to_space(logits, scale) if scale > 1 else logits
    enlarge = lambda map_: tf.repeat(tf.repeat(map_, scale, axis=1), scale, axis=2)
    cut = lambda map_: tf.image.extract_patches(map_, [1, size, size, 1], [1] * 4, [1] * 4, "SAME")
    patches = cut(enlarge(x)) if layer.patch == "upsampled" else enlarge(cut(x))
    return tf.einsum("bhwk,bhwkc->bhwc", tf.nn.softmax(logits), tf.reshape(patches, shape))


FORMS = [(2, 5), (2, 3), (1, 5)]  # scale, K


@pytest.mark.parametrize("patch", ["source", "upsampled"])
@pytest.mark.parametrize(("scale", "size"), FORMS)
def test_it_matches_numpy(patch, scale, size, rng, randomize):
    layer = make(randomize, scale=scale, kernel_size=size, patch=patch)
    x = rng.normal(size=(2, 5, 6, 3))
    np.testing.assert_allclose(layer(x.astype(np.float32)), upsample_numpy(layer, x), atol=1e-5)


@pytest.mark.parametrize("patch", ["source", "upsampled"])
@pytest.mark.parametrize(("scale", "size"), FORMS)
def test_gradients_are_those_of_patches(patch, scale, size, rng, randomize):
    x = tf.constant(rng.normal(size=(2, 5, 6, 3)), tf.float32)
    upstream = rng.normal(size=(2, 5 * scale, 6 * scale, 3)).astype(np.float32)
    layer = make(randomize, scale=scale, kernel_size=size, patch=patch)
    gradients = []
    for function in (layer, lambda x: upsample_from_patches(layer, x)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(function(x) * upstream)
        gradients.append(tape.gradient(total, [x, *(variable.value for variable in layer.trainable_variables)]))
    for actual, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-5 * np.abs(expected).max())
        assert np.any(expected)


@pytest.mark.parametrize("patch", ["source", "upsampled"])
def test_it_is_few_operators_of_at_most_four_dimensions(patch):
    layer = SemanticAwareUpsampling(patch=patch)
    layer.build((None, 8, 8, 3))
    graph = tf.function(layer, autograph=False).get_concrete_function(tf.TensorSpec((1, 8, 8, 3))).graph
    work = [
        op for op in graph.get_operations() if op.type not in ("Const", "Identity", "Placeholder", "ReadVariableOp")
    ]
    assert len(work) <= 40
    assert max(len(tensor.shape) for op in work for tensor in op.outputs) == 4


def test_equal_weights_make_a_box_filter_of_the_enlarged_map(rng):
    layer = SemanticAwareUpsampling(patch="upsampled")
    layer.build((None, 5, 6, 3))
    for variable in layer.trainable_variables:
        variable.assign(0 * variable)
    x = rng.normal(size=(1, 5, 6, 3)).astype(np.float32)
    padded = np.pad(x.repeat(2, 1).repeat(2, 2), [(0, 0), (2, 2), (2, 2), (0, 0)])
    expected = np.mean([padded[:, i : i + 10, j : j + 12] for i in range(5) for j in range(5)], axis=0)
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


@pytest.mark.parametrize("upsampler", ["deconv", "nearest_conv", "sau"])
def test_a_block_doubles_the_size_and_normalises(upsampler, rng, randomize):
    block = UpsamplingBlock(7, upsampler)
    block.build((None, 6, 8, 5))
    randomize(block)
    y = block(rng.normal(size=(2, 6, 8, 5)).astype(np.float32)).numpy()
    assert y.shape == (2, 12, 16, 7)
    assert y.min() == 0
    sau = [variable for variable in block.trainable_variables if "/sau/" in variable.path or "sau/" in variable.path]
    assert bool(sau) == (upsampler == "sau")


def test_nearest_conv_is_a_convolution_of_the_enlarged_map(rng, randomize, convolve_numpy):
    block = UpsamplingBlock(2, "nearest_conv")
    block.build((None, 3, 4, 5))
    randomize(block)
    x = rng.normal(size=(1, 3, 4, 5))
    y = convolve_numpy(x.repeat(2, 1).repeat(2, 2), block.convolution.kernel, padding=1)
    y = (y - y.mean((1, 2))) / np.sqrt(y.var((1, 2)) + 1e-5)
    np.testing.assert_allclose(block(x.astype(np.float32)), np.maximum(y, 0), atol=1e-3)
