"""`Synthesizer`: ids and photographs of any size in, pictures out, one or a batch; and what it refuses."""

import numpy as np
import pytest

from ecgan_tf.data.label_maps import resize_labels, resize_photograph
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.pixels import as_float, to_uint8


@pytest.fixture(scope="module")
def plain(make_run):
    return open_model(make_run("ecgan", has_unknown=True))


@pytest.fixture(scope="module")
def bounded(make_run):
    return open_model(make_run("spade", has_boundaries=True, image_size=(32, 64)))


@pytest.fixture(scope="module")
def guided(make_run):
    return open_model(make_run("msca"))


@pytest.fixture(scope="module")
def cross_view(make_run):
    return open_model(make_run("lggan_cross_view"))


def ids(rng, *shape, below=3):
    return rng.integers(0, below, shape)


def photographs(rng, *shape):
    return rng.integers(0, 256, (*shape, 3)).astype(np.uint8)


# --- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_a_label_map_gives_a_picture(plain, rng, dtype):
    labels = ids(rng, 32, 32, below=4).astype(dtype)  # 3 is unknown
    picture = plain(labels)
    assert picture.shape == (32, 32, 3) and picture.dtype == np.uint8
    generated = plain.generate({"labels": labels[None]})
    assert generated.dtype == np.float32 and generated.shape == (1, 32, 32, 3)
    np.testing.assert_array_equal(picture, to_uint8(generated)[0])
    assert np.ptp(picture) > 40  # a constant picture would equal anything


def test_a_batch_gives_the_pictures_of_its_layouts(plain, rng):
    labels = ids(rng, 3, 32, 32)
    pictures = plain(labels)
    assert pictures.shape == (3, 32, 32, 3)
    np.testing.assert_array_equal(pictures, [plain(layout) for layout in labels])
    np.testing.assert_array_equal(plain(labels[:1]), pictures[:1])
    np.testing.assert_array_equal(plain(labels.tolist()), pictures)


@pytest.mark.parametrize("size", [(8, 8), (50, 40), (31, 97)])
def test_a_layout_of_another_size_is_resized_as_in_training(plain, bounded, rng, size):
    labels, boundaries = ids(rng, *size), rng.integers(0, 2, size)
    np.testing.assert_array_equal(plain(labels), plain(resize_labels(labels, (32, 32))))
    fitted = {name: resize_labels(x, (32, 64))[None] for name, x in (("labels", labels), ("boundaries", boundaries))}
    picture = bounded(labels, boundaries=boundaries)
    assert picture.shape == (32, 64, 3)
    expected = bounded.generate({**fitted, "boundaries": fitted["boundaries"][..., None]})
    np.testing.assert_array_equal(picture, to_uint8(expected)[0])
    assert (picture != bounded(labels, boundaries=1 - boundaries)).any()
    pair = bounded(np.stack([labels] * 2), boundaries=np.stack([boundaries, 1 - boundaries]))
    np.testing.assert_array_equal(pair, [picture, bounded(labels, boundaries=1 - boundaries)])


@pytest.mark.parametrize(
    "labels",
    [
        np.full((32, 32), -1),
        np.full((32, 32), 4),
        np.full((2, 32, 32), 255, np.uint8),
        np.zeros((32, 32)),
        np.zeros((0, 0), int),
        np.zeros((0, 32, 32), int),
        np.zeros(32, int),
        np.zeros((1, 32, 32, 1), int),
        3,
    ],
    ids=["below", "above", "a file's value", "no integers", "empty", "no layouts", "a row", "channels", "a number"],
)
def test_what_is_no_label_map_is_refused(plain, labels):
    with pytest.raises(RequestError, match=r"labels must be ids 0\.\.3 of the model's classes"):
        plain(labels)


def test_without_unknown_its_id_is_none(guided, rng):
    picture = photographs(rng, 32, 32)
    for name in ("labels", "exemplar_labels"):
        layout = {"labels": ids(rng, 32, 32), "exemplar": picture, "exemplar_labels": ids(rng, 32, 32)}
        with pytest.raises(RequestError, match=rf"{name} must be ids 0\.\.2"):
            guided(**{**layout, name: np.full((32, 32), 3)})


# --- what else a model takes -----------------------------------------------------------------------------------------


def test_an_input_that_is_missing_or_unknown_is_named_with_those_it_takes(guided, plain, rng):
    labels, picture = ids(rng, 32, 32), photographs(rng, 32, 32)
    with pytest.raises(RequestError, match=r"takes labels, exemplar, exemplar_labels; given were labels\."):
        guided(labels)
    with pytest.raises(RequestError, match=r"given were labels, exemplar\."):
        guided(labels, exemplar=picture)
    with pytest.raises(RequestError, match=r"takes labels; given were labels, exemplar\."):
        plain(labels, exemplar=picture)


@pytest.mark.parametrize("size", [(32, 32), (20, 24), (50, 90)])
def test_an_exemplar_of_any_size_is_brought_to_the_models(guided, rng, size):
    labels, exemplar, exemplar_labels = ids(rng, 32, 32), photographs(rng, *size), ids(rng, *size)
    picture = guided(labels, exemplar=exemplar, exemplar_labels=exemplar_labels)
    expected = guided.generate(
        {
            "labels": labels[None],
            "exemplar": as_float(resize_photograph(exemplar, (32, 32)))[None],
            "exemplar_labels": resize_labels(exemplar_labels, (32, 32))[None],
        }
    )
    np.testing.assert_array_equal(picture, to_uint8(expected)[0])


def test_a_batch_has_an_exemplar_each(guided, rng):
    labels, exemplars, exemplar_labels = ids(rng, 2, 32, 32), photographs(rng, 2, 20, 24), ids(rng, 2, 20, 24)
    pictures = guided(labels, exemplar=exemplars, exemplar_labels=exemplar_labels)
    ones = [guided(x, exemplar=y, exemplar_labels=z) for x, y, z in zip(labels, exemplars, exemplar_labels)]
    np.testing.assert_array_equal(pictures, ones)
    swapped = guided(labels, exemplar=exemplars[::-1], exemplar_labels=exemplar_labels[::-1])
    assert (swapped != pictures).any()  # the exemplars do matter
    for fewer in ({"exemplar": exemplars[:1]}, {"exemplar_labels": exemplar_labels[0]}):
        with pytest.raises(RequestError, match="labels, exemplar, exemplar_labels are not equally many"):
            guided(labels, **{"exemplar": exemplars, "exemplar_labels": exemplar_labels, **fewer})


def test_a_photograph_of_the_other_view_of_any_size(cross_view, rng):
    labels, source = ids(rng, 32, 32), photographs(rng, 50, 40)
    fitted = as_float(resize_photograph(source, (32, 32)))
    expected = to_uint8(cross_view.generate({"labels": labels[None], "source": fitted[None]}))[0]
    np.testing.assert_array_equal(cross_view(labels, source=source), expected)
    assert (cross_view(labels, source=255 - source) != expected).any()


@pytest.mark.parametrize(
    "source",
    [
        np.zeros((32, 32, 3), np.float32),
        np.zeros((32, 32), np.uint8),
        np.zeros((32, 32, 4), np.uint8),
        np.zeros((1, 32, 32, 3), np.uint8),
    ],
    ids=["floats", "grey", "alpha", "a batch for one"],
)
def test_what_is_no_photograph_is_refused(cross_view, rng, source):
    with pytest.raises(RequestError, match=r"source must be photographs, uint8 \(height, width, 3\)"):
        cross_view(ids(rng, 32, 32), source=source)


@pytest.mark.parametrize("boundaries", [np.full((32, 64), 2), np.zeros((32, 64, 1)), np.full((32, 64), 0.5)])
def test_what_is_no_boundary_is_refused(bounded, rng, boundaries):
    with pytest.raises(RequestError, match="boundaries must be 0 and 1"):
        bounded(ids(rng, 32, 64), boundaries=boundaries)


def test_float_images_take_what_networks_see(plain, rng):
    """`generate` is told arrays at the model's size; one example after the other, so batch mates do not matter."""
    labels = ids(rng, 3, 32, 32)
    images = plain.generate({"labels": labels, "foreign": None})
    assert images.dtype == np.float32 and np.abs(images).max() <= 1
    np.testing.assert_array_equal(images[1:2], plain.generate({"labels": labels[1:2]}))
    everything = plain.generate_all({"labels": labels[:1]})
    assert {"image", "initial_image", "edge"} <= everything.keys()
    np.testing.assert_allclose(everything["image"], images[:1], atol=1e-5)
