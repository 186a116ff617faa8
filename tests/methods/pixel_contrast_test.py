import numpy as np
import pytest
import tensorflow as tf
from ecgan_tf.configs import ecgan_earth_tiles, ecgan_plus_earth_tiles

from ecgan_tf.losses.contrastive import cross_scale_contrastive_loss, pixel_contrastive_loss
from ecgan_tf.methods.pixel_contrast import PixelContrast, class_means, pooling_of, pure_labels, scale_pairs
from ecgan_tf.models.heads import ContrastMemory, PixelEmbedding

UNKNOWN = 3


# --- scales ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ("none", []),
        ("fine_to_coarse", [(1, 3), (1, 4)]),
        ("adjacent", [(1, 2), (2, 3), (3, 4)]),
        ("all", [(1, 2), (1, 3), (1, 4), (2, 1), (2, 3), (2, 4), (3, 1), (3, 2), (3, 4), (4, 1), (4, 2), (4, 3)]),
    ],
)
def test_pairs_of_scales(pairs, expected):
    assert scale_pairs((1, 2, 3, 4), pairs) == expected


def test_finer_features_come_to_the_grid_of_the_stride():
    assert [pooling_of(scale, 4) for scale in (1, 2, 3, 4)] == [4, 2, 1, 1]
    assert [pooling_of(scale, 8) for scale in (1, 2, 3, 4)] == [8, 4, 2, 1]


# --- labels and means ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purity", [0.0, 0.5, 0.7, 1.0])
@pytest.mark.parametrize("grid", [(4, 3), (2, 6), (8, 12)])
def test_pure_labels_match_a_loop(grid, purity, rng):
    labels = rng.choice(4, (3, 8, 12), p=[0.7, 0.1, 0.1, 0.1]).astype(np.int32)
    rows, columns = 8 // grid[0], 12 // grid[1]
    expected = np.zeros((3, *grid), np.int32)
    for image in range(3):
        for i in range(grid[0]):
            for j in range(grid[1]):
                cell = labels[image, i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
                expected[image, i, j] = cell[0, 0] if np.mean(cell == cell[0, 0]) >= purity else UNKNOWN
    np.testing.assert_array_equal(pure_labels(tf.constant(labels), grid, purity, 3), expected)


def test_class_means_match_a_loop(rng):
    embedded = tf.constant(rng.normal(size=(2, 4, 5, 6)), tf.float32)
    labels = rng.choice([0, 2, UNKNOWN], (2, 4, 5)).astype(np.int32)
    with tf.GradientTape() as tape:
        tape.watch(embedded)
        means, shown = class_means(embedded, labels, 3)
    np.testing.assert_array_equal(shown, [[1, 0, 1]] * 2)
    for image in range(2):
        for label in (0, 2):
            mean = embedded.numpy()[image][labels[image] == label].mean(0)
            np.testing.assert_allclose(means[image, label], mean / np.linalg.norm(mean), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(means[:, 1], np.zeros((2, 6)))
    assert tape.gradient(means, embedded) is None  # none reaches what the memory keeps


# --- the loss --------------------------------------------------------------------------------------------------------


@pytest.fixture
def features(rng):
    return tuple(
        tf.constant(rng.normal(size=(2, 32 // factor, 32 // factor, 8 * factor)), tf.float32) for factor in (1, 2, 4, 8)
    )


@pytest.fixture
def loss(tiny_config):
    return tiny_config(**{"loss.contrastive_samples_per_class": 6, "loss.contrastive_purity": 0.0}).loss


def make_embeddings(*scales):
    embeddings = {scale: PixelEmbedding(8 * 2 ** (scale - 1), 6, pooling_of(scale, 4)) for scale in scales}
    for embedding in embeddings.values():
        embedding.build()
    return embeddings


def test_one_scale_is_ecgan_bit_for_bit(features, toy_batch):
    ecgan, plus = ecgan_earth_tiles.get_config("toy"), ecgan_plus_earth_tiles.get_config("toy")
    assert plus.loss.ms_scales == 3
    plus.loss.ms_scales = 1
    assert plus == ecgan
    embeddings, labels = make_embeddings(1), toy_batch(2)["labels"]
    contrast = PixelContrast(embeddings, plus.loss, 3, seed=1)
    pixels, *_ = contrast._sample(1, features[0], labels, 5)
    expected = pixel_contrastive_loss(*pixels, ecgan.loss.contrastive_temperature)
    assert float(contrast(features, labels, 5)) == float(expected) > 0


@pytest.mark.parametrize("pairs", ["none", "fine_to_coarse", "all"])
def test_the_terms_of_all_scales_are_averaged_by_their_weights(pairs, features, loss, toy_batch):
    loss.ms_pairs = pairs
    labels, weights = toy_batch(2)["labels"], {1: 1.0, 3: 0.7, 4: 0.4}
    contrast = PixelContrast(make_embeddings(1, 3, 4), loss, 3, seed=1)
    sampled = {scale: contrast._sample(scale, features[scale - 1], labels, 5)[0] for scale in weights}
    terms = [weights[scale] * pixel_contrastive_loss(*pixels, 0.1) for scale, pixels in sampled.items()]
    # Half of each class's six pixels across scales.
    half = np.concatenate([np.arange(3) + 6 * label for label in range(3)])
    halves = {scale: tuple(tf.gather(part, half) for part in pixels) for scale, pixels in sampled.items()}
    crossed = [cross_scale_contrastive_loss(halves[a], halves[b], 0.1) for a, b in scale_pairs((1, 3, 4), pairs)]
    expected = sum(terms + crossed) / (2.1 + len(crossed))
    np.testing.assert_allclose(contrast(features, labels, 5), expected, rtol=1e-5)


@pytest.mark.parametrize("detach", [False, True])
def test_the_coarse_side_can_be_detached(detach, features, loss, toy_batch):
    loss.ms_detach_coarse = detach
    contrast = PixelContrast(make_embeddings(1, 3, 4), loss, 3, seed=1)
    contrast.weights = dict.fromkeys(contrast.weights, 0.0)  # the cross-scale terms alone
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = contrast(features, toy_batch(2)["labels"], 5)
    fine, _, *coarse = tape.gradient(total, features, unconnected_gradients="zero")
    assert np.any(fine)
    assert [bool(np.any(gradient)) for gradient in coarse] == [not detach] * 2


def test_the_memory_adds_partners_and_no_anchors(features, loss, toy_batch):
    embeddings, labels = make_embeddings(1), toy_batch(2)["labels"]
    memory = ContrastMemory((1,), 3, entries=4, dimension=6)
    memory.build()
    plain, contrast = (PixelContrast(embeddings, loss, 3, 1, kept) for kept in (None, memory))
    pixels, means, _ = contrast._sample(1, features[0], labels, 5)
    np.testing.assert_array_equal(contrast(features, labels, 5), plain(features, labels, 5))  # it was empty
    remembered = memory.read(1)
    np.testing.assert_array_equal(remembered[2].numpy().reshape(3, 4), [[True, True, False, False]] * 3)
    np.testing.assert_allclose(remembered[0].numpy().reshape(3, 4, 6)[:, :2], tf.transpose(means[0], (1, 0, 2)))
    both = tuple(tf.concat(parts, axis=0) for parts in zip(pixels, remembered))
    expected = pixel_contrastive_loss(*both, 0.1, num_anchors=18)
    np.testing.assert_allclose(contrast(features, labels, 5), expected, rtol=1e-5)
    assert float(expected) != float(plain(features, labels, 5))


def test_two_replicas_remember_the_joined_batch(two_replicas, loss, rng, toy_batch):
    """Two steps: the second reads what the first wrote, which must be the means of both replicas."""
    labels = toy_batch(4)["labels"]
    features = (tf.constant(rng.normal(size=(4, 32, 32, 8)), tf.float32),)

    def make():
        memory = ContrastMemory((1,), 3, entries=8, dimension=6)
        memory.build()
        return PixelContrast(make_embeddings(1), loss, 3, 1, memory)

    single = make()
    with two_replicas.scope():
        mirrored = make()
    for variable, twin in zip(single.embeddings[1].variables, mirrored.embeddings[1].variables):
        twin.assign(variable)
    expected = [float(single(features, labels, step)) for step in (0, 1)]

    data = tf.data.Dataset.from_tensor_slices((features, labels)).batch(4)
    halves = next(iter(two_replicas.experimental_distribute_dataset(data)))
    run = tf.function(
        lambda step, batch: two_replicas.run(lambda *batch: mirrored(*batch, step), batch), autograph=False
    )
    for step in (0, 1):
        losses = two_replicas.experimental_local_results(run(tf.constant(step, tf.int64), halves))
        np.testing.assert_allclose(losses, [expected[step]] * 2, rtol=1e-4)
    assert expected[0] != pytest.approx(expected[1], rel=1e-3)
    for variable, twin in zip(single.memory.variables, mirrored.memory.variables):
        for copy in two_replicas.experimental_local_results(twin.value):
            np.testing.assert_allclose(copy, variable, atol=1e-5)
