"""The confusion matrix and its measures, counted by hand."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.segmentation import Confusion


def test_measures_of_a_matrix_that_is_counted_by_hand():
    confusion = Confusion(4)
    confusion.add(np.array([0, 0, 0, 1, 1, 255, 4, -1]), np.array([0, 0, 1, 1, 2, 0, 1, 3]))
    np.testing.assert_array_equal(confusion.matrix, [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(confusion.per_class_iou(), [2 / 3, 1 / 3, 0.0, np.nan])
    assert confusion.mean_iou() == pytest.approx(1 / 3)
    assert confusion.frequency_weighted_iou() == pytest.approx((3 * 2 / 3 + 2 * 1 / 3) / 5)
    assert confusion.accuracy_valid() == pytest.approx(3 / 5)
    assert confusion.accuracy_all() == pytest.approx(3 / 8)


def test_batches_add_up(rng):
    labels, predictions = rng.integers(0, 6, (4, 7, 8)), rng.integers(0, 5, (4, 7, 8))
    whole, parts = Confusion(5), Confusion(5)
    whole.add(labels, predictions)
    for label_map, prediction in zip(labels, predictions):
        parts.add(label_map, prediction)
    np.testing.assert_array_equal(parts.matrix, whole.matrix)
    expected = [[np.sum((labels == i) & (predictions == j)) for j in range(5)] for i in range(5)]
    np.testing.assert_array_equal(whole.matrix, expected)
    assert parts.unknown == whole.unknown == (labels == 5).sum()


def test_bytes_do_not_wrap():
    confusion = Confusion(150)
    confusion.add(np.full(3, 149, np.uint8), np.full(3, 148, np.uint8))
    assert confusion.matrix[149, 148] == confusion.matrix.sum() == 3


def test_without_known_pixels_there_is_no_number():
    confusion = Confusion(2)
    confusion.add(np.full(5, 255, np.uint8), np.zeros(5, np.uint8))
    numbers = confusion.mean_iou(), confusion.frequency_weighted_iou(), confusion.accuracy_valid()
    assert np.isnan(numbers).all()
    assert confusion.accuracy_all() == 0


@pytest.mark.parametrize(
    "labels, predictions, words",
    [
        (np.zeros(3, int), np.array([0, 2, 7]), r"\[2, 7\].*map the network"),
        (np.zeros(3, int), np.zeros(4, int), "shape"),
        (np.zeros(3, int), np.zeros(3), "integers"),
    ],
)
def test_what_cannot_be_counted_is_refused(labels, predictions, words):
    with pytest.raises(RequestError, match=words):
        Confusion(2).add(labels, predictions)
