import numpy as np
import pytest

from ecgan_tf.layers.layout import Layout


@pytest.fixture
def layout(rng):
    labels = rng.integers(0, 4, (2, 8, 12)).astype(np.int32)
    return Layout(labels, 4, rng.integers(0, 2, (2, 8, 12, 1)).astype(np.float32))


@pytest.mark.parametrize("size", [(4, 6), (2, 3), (1, 12), (8, 12)])
def test_a_smaller_layout_is_every_kth_cell(layout, size):
    rows, columns = 8 // size[0], 12 // size[1]
    np.testing.assert_array_equal(layout.at(*size).labels, layout.labels[:, ::rows, ::columns])
    np.testing.assert_array_equal(layout.at(*size).boundaries, layout.boundaries[:, ::rows, ::columns])


def test_a_smaller_layout_keeps_what_there_is(layout):
    assert layout.at(4, 6).num_labels == 4
    assert tuple(layout.at(4, 6).size) == (4, 6)
    assert Layout(layout.labels, 4).at(4, 6).boundaries is None


def test_each_size_is_made_once(layout):
    assert layout.at(4, 6) is layout.at(4, 6)
    assert layout.at(8, 12) is layout
    assert layout.semantic("float32") is layout.semantic("float32")


def test_semantic_channels_are_classes_then_unknown_then_boundaries(layout):
    semantic = np.asarray(layout.semantic("float32"))
    assert semantic.shape == (2, 8, 12, 5)
    for label in range(4):  # 3 classes and unknown
        np.testing.assert_array_equal(semantic[..., label], layout.labels == label)
    np.testing.assert_array_equal(semantic[..., 4:], layout.boundaries)


def test_semantic_without_boundaries(layout):
    assert Layout(layout.labels, 4).semantic("float32").shape == (2, 8, 12, 4)


def test_semantic_has_the_dtype_that_is_asked_for(layout):
    assert layout.semantic("float16").dtype == "float16"
    assert layout.semantic("float32").dtype == "float32"
