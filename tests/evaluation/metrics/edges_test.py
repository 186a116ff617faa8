"""Agreement of edges: lines at known distances."""

import numpy as np
import pytest

from ecgan_tf.data.edges import canny_edges
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.metrics.edges import EdgeAgreement, default_tolerance, edges_of_maps, edges_of_pictures


def line(column, rows=slice(None)):
    edges = np.zeros((1, 20, 20), bool)
    edges[0, rows, column] = True
    return edges


def agreement(edges, photograph_edges, tolerance=2):
    result = EdgeAgreement(tolerance)
    result.add(edges, photograph_edges)
    return result.precision(), result.recall(), result.f_score()


def test_a_line_agrees_within_the_tolerance_alone():
    assert agreement(line(5), line(7)) == (1, 1, 1)
    assert agreement(line(5), line(8)) == (0, 0, 0)
    assert agreement(line(5), line(8), tolerance=3) == (1, 1, 1)
    assert agreement(line(5), line(5), tolerance=0) == (1, 1, 1)


def test_the_tolerance_is_round():
    one, other = np.zeros((1, 9, 9), bool), np.zeros((1, 9, 9), bool)
    one[0, 4, 4], other[0, 6, 6] = True, True
    assert agreement(one, other)[2] == 0  # sqrt(8) pixels apart
    assert agreement(one, other, tolerance=3)[2] == 1


def test_missing_and_additional_edges():
    precision, recall, f_score = agreement(line(5, slice(0, 10)), line(5), tolerance=0)
    assert (precision, recall) == (1, 0.5)
    assert f_score == pytest.approx(2 / 3)
    assert agreement(line(5) | line(15), line(5))[:2] == (0.5, 1)


def test_without_edges():
    nothing = np.zeros((1, 20, 20), bool)
    assert np.isnan(agreement(nothing, nothing)).all()
    assert agreement(nothing, line(5))[1:] == (0, 0)
    assert agreement(line(5), nothing)[2] == 0


def test_counts_are_summed_over_pictures():
    result = EdgeAgreement(0)
    result.add(np.concatenate([line(5), line(5)]), np.concatenate([line(5), line(6)]))
    result.add(line(7, slice(0, 10)), line(7))
    assert result.precision() == pytest.approx(30 / 50)
    assert result.recall() == pytest.approx(30 / 60)


@pytest.mark.parametrize("size, tolerance", [((64, 64), 1), ((128, 128), 1), ((256, 256), 3), ((256, 512), 4)])
def test_the_tolerance_grows_with_the_picture(size, tolerance):
    assert default_tolerance(*size) == tolerance
    edges = np.zeros((1, *size), bool)
    edges[0, :, 20] = True
    assert agreement(edges, np.roll(edges, tolerance, axis=2), None)[2] == 1
    assert agreement(edges, np.roll(edges, tolerance + 1, axis=2), None)[2] == 0


def test_edges_of_pictures_are_the_projects(rng):
    pixels = np.kron(rng.integers(0, 256, (4, 4, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    found = edges_of_pictures(pixels[None])
    np.testing.assert_array_equal(found[0], canny_edges(pixels) == 255)
    assert found.any()
    np.testing.assert_array_equal(edges_of_pictures(pixels[None] / 127.5 - 1.0), found)


def test_edges_of_maps_are_above_the_middle():
    maps = np.array([[-0.5, 0.1], [0.0, 1.0]]).reshape(1, 2, 2, 1)
    np.testing.assert_array_equal(edges_of_maps(maps), [[[False, True], [False, True]]])
    np.testing.assert_array_equal(edges_of_maps(np.repeat(maps, 3, axis=-1)), edges_of_maps(maps))


@pytest.mark.parametrize(
    "edges, photograph_edges", [(line(5)[0], line(5)[0]), (line(5), line(5)[:, :-1]), (line(5), line(5).astype(int))]
)
def test_what_are_no_edges_is_refused(edges, photograph_edges):
    with pytest.raises(RequestError, match="bool"):
        EdgeAgreement().add(edges, photograph_edges)


def test_what_are_no_pictures_is_refused():
    with pytest.raises(RequestError, match="edge maps of uint8"):
        edges_of_maps(np.zeros((1, 2, 2, 1), np.uint8))
    with pytest.raises(RequestError, match="shape"):
        edges_of_pictures(np.zeros((2, 2, 3), np.uint8))
