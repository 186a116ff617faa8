import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.style import class_style_loss, slot_entropy, style_statistics_loss

TOLERANCE = {"rtol": 1e-3, "atol": 2e-3}  # the loss adds 1e-6 below its square roots


@pytest.fixture
def pictures(rng):
    return [rng.uniform(-1, 1, (2, 6, 5, 3)).astype(np.float32) for _ in range(2)]


@pytest.fixture
def labels(rng):
    return [rng.integers(0, 5, (2, 6, 5)).astype(np.int32) for _ in range(2)]  # 4 is unknown


def test_statistics_match_numpy(rng):
    layers = [[rng.normal(size=(2, *s)).astype(np.float32) for s in ((4, 5, 3), (2, 2, 7))] for _ in range(2)]
    expected = np.zeros(2)
    for x, y in zip(*layers):
        for b in range(2):
            expected[b] += np.linalg.norm(x[b].mean((0, 1)) - y[b].mean((0, 1)))
            expected[b] += np.linalg.norm(x[b].std((0, 1)) - y[b].std((0, 1)))
    np.testing.assert_allclose(style_statistics_loss(*layers), expected, **TOLERANCE)


def test_class_style_matches_numpy(pictures, labels):
    (image, exemplar), (ids, exemplar_ids) = pictures, labels
    exemplar_ids[0][exemplar_ids[0] == 1] = 4  # a class that only the layout has
    expected = []
    for b in range(2):
        distances = []
        for label in range(4):
            x, y = image[b][ids[b] == label], exemplar[b][exemplar_ids[b] == label]
            if len(x) and len(y):
                distances.append(np.linalg.norm(x.mean(0) - y.mean(0)) + np.linalg.norm(x.std(0) - y.std(0)))
        expected.append(np.mean(distances))
    np.testing.assert_allclose(class_style_loss(image, ids, exemplar, exemplar_ids, 4), expected, **TOLERANCE)


def test_without_a_shared_class_there_is_nothing_to_follow(pictures):
    ids, exemplar_ids = np.zeros((2, 6, 5), np.int32), np.ones((2, 6, 5), np.int32)
    np.testing.assert_array_equal(class_style_loss(pictures[0], ids, pictures[1], exemplar_ids, 4), 0)


def test_gradients_reach_the_picture_alone_and_stay_finite_where_it_matches(pictures, labels):
    image, exemplar = (tf.Variable(picture) for picture in pictures)
    with tf.GradientTape(persistent=True) as tape:
        terms = [
            class_style_loss(image, labels[0], exemplar, labels[1], 4),
            style_statistics_loss([image], [exemplar]),
            class_style_loss(image, labels[0], pictures[0], labels[0], 4),
            style_statistics_loss([image * 0.0], [exemplar * 0.0]),
        ]
    for i, term in enumerate(terms):
        assert np.isfinite(tape.gradient(term, image)).all()
        assert i > 1 or np.abs(tape.gradient(term, image)).max() > 1e-4
        assert tape.gradient(term, exemplar) is None


def test_slot_entropy_by_hand():
    beta = np.zeros((4, 2, 2, 4), np.float32)
    beta[0, ..., 0] = 1  # one slot
    beta[1] = 0.25  # all, everywhere
    beta[2] = np.eye(4)[np.arange(4).reshape(2, 2)]  # all, each somewhere
    beta[3, ..., :2] = 0.5  # half
    np.testing.assert_allclose(slot_entropy(beta), [0, 1, 1, 0.5], atol=1e-4)


def test_the_style_losses_are_float32_in_half_precision(pictures, labels):
    keras.config.set_dtype_policy("mixed_float16")
    half = [picture.astype(np.float16) for picture in pictures]
    assert class_style_loss(half[0], labels[0], half[1], labels[1], 4).dtype == "float32"
    assert style_statistics_loss(half[:1], half[1:]).dtype == "float32"
