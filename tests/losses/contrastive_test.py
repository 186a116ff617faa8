import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.contrastive import cross_scale_contrastive_loss, pixel_contrastive_loss, sample_pixels


def unit_vectors(rng, count, dimension=16):
    vectors = rng.normal(size=(count, dimension))
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


def loop(embeddings, labels, valid, temperature):
    """The formula of the docstring, pixel by pixel."""
    anchors = []
    for i in range(len(labels)):
        positives = [p for p in range(len(labels)) if valid[p] and p != i and labels[p] == labels[i]]
        negatives = [n for n in range(len(labels)) if valid[n] and labels[n] != labels[i]]
        if valid[i] and positives and negatives:
            score = {j: np.exp(float(embeddings[i] @ embeddings[j]) / temperature) for j in positives + negatives}
            others = sum(score[n] for n in negatives)
            anchors.append(np.mean([-np.log(score[p] / (score[p] + others)) for p in positives]))
    return np.mean(anchors) if anchors else 0.0


@pytest.mark.parametrize("temperature", [0.07, 0.1, 1.0])
def test_the_loss_matches_a_loop(temperature, rng):
    embeddings, labels, valid = unit_vectors(rng, 20), rng.integers(0, 4, 20), rng.random(20) < 0.8
    expected = loop(embeddings, labels, valid, temperature)
    np.testing.assert_allclose(pixel_contrastive_loss(embeddings, labels, valid, temperature), expected, rtol=1e-4)


def test_separate_classes_cost_nothing(rng):
    labels = np.repeat(np.arange(3), 8)
    embeddings = np.eye(16)[labels] + rng.normal(0, 0.01, (24, 16))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=-1, keepdims=True)).astype(np.float32)
    assert pixel_contrastive_loss(embeddings, labels, np.ones(24, bool)) < 1e-3


def test_random_embeddings_cost_as_much_as_the_specification_says(rng):
    labels = np.repeat(np.arange(3), 8)
    assert 4 < pixel_contrastive_loss(unit_vectors(rng, 24), labels, np.ones(24, bool)) < 6


@pytest.mark.parametrize(
    ("labels", "valid"),
    [
        ([2, 2, 2, 2], [True] * 4),  # one class: no negatives
        ([0, 1, 2, 3], [True] * 4),  # no positives
        ([0, 0, 1, 1], [False] * 4),
    ],
    ids=["one class", "a pixel per class", "none valid"],
)
def test_without_an_anchor_loss_and_gradient_are_zero(labels, valid, rng):
    embeddings = tf.constant(unit_vectors(rng, 4))
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        loss = pixel_contrastive_loss(embeddings, np.array(labels), np.array(valid))
    assert loss == 0
    np.testing.assert_array_equal(tape.gradient(loss, embeddings), np.zeros((4, 16)))


def test_a_class_of_one_pixel_is_a_negative_but_no_anchor(rng):
    embeddings, labels = unit_vectors(rng, 4), np.array([0, 0, 0, 1])
    costs = []
    for i in range(3):
        others = np.exp(embeddings[i] @ embeddings[3] / 0.1)
        scores = [np.exp(embeddings[i] @ embeddings[p] / 0.1) for p in range(3) if p != i]
        costs += [-np.log(score / (score + others)) for score in scores]
    np.testing.assert_allclose(pixel_contrastive_loss(embeddings, labels, np.ones(4, bool)), np.mean(costs), rtol=1e-4)


def test_names_and_order_of_pixels_do_not_matter(rng):
    embeddings, labels, valid = unit_vectors(rng, 20), rng.integers(0, 4, 20), rng.random(20) < 0.8
    expected = pixel_contrastive_loss(embeddings, labels, valid)
    renamed, order = rng.permutation(4)[labels], rng.permutation(20)
    np.testing.assert_allclose(pixel_contrastive_loss(embeddings, renamed, valid), expected, rtol=1e-5)
    shuffled = pixel_contrastive_loss(embeddings[order], labels[order], valid[order])
    np.testing.assert_allclose(shuffled, expected, rtol=1e-5)


def test_what_an_invalid_pixel_holds_does_not_matter(rng):
    embeddings, labels, valid = unit_vectors(rng, 12), rng.integers(0, 3, 12), np.arange(12) < 9
    expected = pixel_contrastive_loss(embeddings, labels, valid)
    embeddings[9:] = 100.0
    np.testing.assert_allclose(pixel_contrastive_loss(embeddings, labels, valid), expected, rtol=1e-5)


def test_a_low_temperature_does_not_overflow(rng):
    embeddings, labels = unit_vectors(rng, 20), rng.integers(0, 4, 20)
    loss = pixel_contrastive_loss(tf.cast(embeddings, tf.float16), labels, np.ones(20, bool), temperature=1e-3)
    assert loss.dtype == tf.float32 and np.isfinite(loss) and loss > 100


# --- other partners --------------------------------------------------------------------------------------------------


def cross_loop(anchors, others, temperature):
    """The formula with partners from another set: no pixel is its own partner, so none is left out."""
    costs = []
    for z, label, is_valid in zip(*anchors):
        scores = [(np.exp(float(z @ w) / temperature), other == label) for w, other, ok in zip(*others) if ok]
        positives, negatives = ([score for score, same in scores if same == wanted] for wanted in (True, False))
        if is_valid and positives and negatives:
            costs.append(np.mean([-np.log(score / (score + sum(negatives))) for score in positives]))
    return np.mean(costs) if costs else 0.0


def pixels(rng, count):
    return unit_vectors(rng, count), rng.integers(0, 4, count), rng.random(count) < 0.8


@pytest.mark.parametrize("temperature", [0.07, 0.1, 1.0])
def test_the_cross_scale_loss_matches_a_loop(temperature, rng):
    anchors, others = pixels(rng, 20), pixels(rng, 14)
    expected = cross_loop(anchors, others, temperature)
    np.testing.assert_allclose(cross_scale_contrastive_loss(anchors, others, temperature), expected, rtol=1e-4)
    assert not np.allclose(cross_loop(others, anchors, temperature), expected)  # anchors and others are not the same


def test_across_scales_without_partners_the_loss_is_zero(rng):
    anchors, others = pixels(rng, 8), pixels(rng, 6)
    for labels, valid in ((np.full(6, 1), np.ones(6, bool)), (others[1], np.zeros(6, bool))):
        assert cross_scale_contrastive_loss((anchors[0], np.full(8, 1), anchors[2]), (others[0], labels, valid)) == 0


@pytest.mark.parametrize("num_anchors", [1, 12])
def test_only_the_first_pixels_are_anchors(num_anchors, rng):
    embeddings, labels, valid = pixels(rng, 20)
    costs = []
    for i in range(num_anchors):
        rest = np.arange(20) != i
        one = (embeddings[i : i + 1], labels[i : i + 1], valid[i : i + 1])
        cost = cross_loop(one, (embeddings[rest], labels[rest], valid[rest]), 0.1)
        costs += [cost] if cost else []
    expected = np.mean(costs) if costs else 0.0
    loss = pixel_contrastive_loss(embeddings, labels, valid, num_anchors=num_anchors)
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


# --- the sampler -----------------------------------------------------------------------------------------------------

UNKNOWN = 3


@pytest.fixture
def labels(rng):
    """100 pixels: many of class 0, two of class 1, none of class 2, the rest unknown."""
    labels = np.full(100, UNKNOWN, np.int32)
    labels[:60], labels[60:62] = 0, 1
    return rng.permutation(labels)


def sample(labels, per_class=5, seed=(0, 0)):
    return [np.asarray(x) for x in sample_pixels(tf.constant(labels), 3, per_class, tf.constant(seed, tf.int32))]


def test_samples_are_distinct_pixels_of_their_class(labels):
    indices, sampled_labels, valid = sample(labels)
    assert sampled_labels.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    np.testing.assert_array_equal(labels[indices[valid]], sampled_labels[valid])
    assert len(set(indices[valid])) == valid.sum()


def test_valid_says_how_many_pixels_a_class_has(labels):
    _, sampled_labels, valid = sample(labels)
    assert np.bincount(sampled_labels[valid], minlength=4).tolist() == [5, 2, 0, 0]


def test_samples_are_a_function_of_the_seed(labels):
    np.testing.assert_array_equal(sample(labels, seed=(3, 7)), sample(labels, seed=(3, 7)))
    draws = {tuple(sample(labels, seed=seed)[0][:5]) for seed in ((3, 7), (3, 8), (4, 7))}
    assert len(draws) == 3


def test_every_pixel_of_a_class_is_drawn_equally_often(labels):
    drawn = np.concatenate([sample(labels, seed=(0, step))[0][:5] for step in range(120)])
    counts = np.bincount(drawn, minlength=100)[labels == 0]
    assert counts.mean() == 10 and counts.min() > 0 and counts.max() < 25  # 10 +- 3 each


def test_shapes_are_static(labels):
    graph = tf.function(lambda labels: sample_pixels(labels, 3, 5, (0, 0)), autograph=False)
    outputs = graph.get_concrete_function(tf.TensorSpec((100,), tf.int32)).output_shapes
    assert [shape.as_list() for shape in outputs] == [[15], [15], [15]]


def test_fewer_pixels_than_samples(labels):
    indices, sampled_labels, valid = sample(np.int32([0, 1, 1]), per_class=5)
    assert len(indices) == len(sampled_labels) == 9
    assert sorted(zip(sampled_labels[valid], indices[valid])) == [(0, 0), (1, 1), (1, 2)]
