import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.models.heads import PixelEmbedding


@pytest.fixture
def embedding(randomize):
    embedding = PixelEmbedding(6, dimension=5, stride=4)
    embedding.build()
    return randomize(embedding)


def test_embeddings_match_numpy(embedding, rng):
    features = rng.normal(size=(2, 8, 12, 6)).astype(np.float32)
    x = features.reshape(2, 2, 4, 3, 4, 6).mean((2, 4)) @ np.asarray(embedding.hidden.kernel)[0, 0]
    x = x + np.asarray(embedding.hidden.bias)
    x = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    x = np.maximum(x * np.asarray(embedding.norm.gamma) + np.asarray(embedding.norm.beta), 0)
    x = x @ np.asarray(embedding.project.kernel)[0, 0] + np.asarray(embedding.project.bias)
    expected = x / np.linalg.norm(x, axis=-1, keepdims=True)
    np.testing.assert_allclose(embedding(features, training=True), expected, atol=1e-4)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_embeddings_have_unit_length(embedding, rng, scale):
    embeddings = embedding(scale * rng.normal(size=(2, 8, 8, 6)).astype(np.float32))
    assert embeddings.shape == (2, 2, 2, 5)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=-1), np.ones((2, 2, 2)), rtol=1e-5)


@pytest.mark.parametrize("by_xla", [None, True], ids=["plain", "xla"])
def test_a_vector_of_zeros_has_a_gradient(by_xla):
    """By XLA the gradient of Keras' own normalisation is NaN there, and so would be every weight of the run."""
    embedding = PixelEmbedding(6, dimension=5, stride=4)
    embedding.build()

    @tf.function(jit_compile=by_xla, autograph=False)
    def gradient(features):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(embedding(features, training=False))
        return total, tape.gradient(total, embedding.project.bias.value)

    total, found = gradient(tf.zeros((1, 4, 4, 6)))
    assert float(total) == 0.0
    np.testing.assert_allclose(found, np.full(5, 1e6), rtol=1e-5)


def test_a_head_is_rebuilt_from_its_config(embedding):
    config = PixelEmbedding.from_config(embedding.get_config()).get_config()
    assert config == embedding.get_config()
    assert {"filters": 6, "dimension": 5, "stride": 4}.items() <= config.items()
