import numpy as np
import pytest
from PIL import Image

from ecgan_tf.errors import RequestError
from ecgan_tf.inference.requests import synthesize
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.inference.tiles import generate_tiled, overlap_of, ramp_of, starts_of
from ecgan_tf.pixels import to_uint8

SIZE = (32, 48)


@pytest.mark.parametrize("length", [32, 33, 50, 56, 57, 100, 1024])
def test_tiles_cover_an_axis_and_overlap(length):
    starts, overlap = starts_of(length, 32, 8), 8
    assert starts[0] == 0 and starts[-1] == length - 32
    assert all(32 - (b - a) >= 8 for a, b in zip(starts, starts[1:]))
    fewer = len(starts) - 1
    assert fewer == 0 or fewer * 32 - (fewer - 1) * overlap < length  # one less would not do


def test_the_weights_rise_from_the_rim():
    np.testing.assert_array_equal(ramp_of(8, 3), [1, 2, 3, 3, 3, 3, 2, 1])
    assert overlap_of(128) == 32 and ramp_of(2, overlap_of(2)).tolist() == [1, 1]


def pixelwise(layout):
    """A model of pixels that do not see each other."""
    labels = layout["labels"][..., None]
    return np.concatenate([labels / 8.0 - 1, np.sin(labels), layout["z"][0] * np.ones_like(labels)], -1).astype("f4")


def test_what_depends_on_its_own_pixel_is_as_if_it_were_one_picture(rng):
    layout = {"labels": rng.integers(0, 16, (1, 75, 130)), "z": np.full((1, 1), 0.25)}
    seen = []

    def generate(tile):
        seen.append(tile["labels"].shape)
        return pixelwise(tile)

    image = generate_tiled(generate, SIZE, layout)
    np.testing.assert_allclose(image, pixelwise(layout), atol=1e-6)
    assert image.dtype == np.float32 and set(seen) == {(1, *SIZE)} and len(seen) == 3 * 4


def test_where_tiles_disagree_their_pixels_are_mixed_without_a_seam():
    count = iter(range(2))
    image = generate_tiled(lambda tile: np.full((1, 32, 32, 3), next(count), np.float32), (32, 32),
                           {"labels": np.zeros((1, 32, 48), int)})[0, 5, :, 0]  # fmt: skip
    assert image[:16].max() == 0 and image[32:].min() == 1
    assert np.all(np.diff(image) >= 0) and np.diff(image).max() < 0.12


def save(path, labels):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(path)
    return str(path)


@pytest.fixture(scope="module")
def run(make_run):
    return str(make_run("ecgan", has_boundaries=False))


def test_a_large_label_map_becomes_a_picture_of_its_size(run, rng, tmp_path):
    labels = rng.integers(0, 3, (12, 20)).repeat(4, 0).repeat(4, 1)
    path = save(tmp_path / "labels" / "a.png", labels)
    synthesize(run, path, str(tmp_path / "out"), tile=True)
    picture = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    model = open_model(run)
    expected = to_uint8(generate_tiled(model.generate, model.image_size, {"labels": labels[None]}))[0]
    np.testing.assert_array_equal(picture, expected)
    assert picture.shape == (48, 80, 3) and picture.std() > 1
    small = save(tmp_path / "labels" / "b.png", labels[:32, :32])
    synthesize(run, small, str(tmp_path / "one"), tile=True)
    synthesize(run, small, str(tmp_path / "other"))
    one, other = (np.asarray(Image.open(tmp_path / name / "b.png")) for name in ("one", "other"))
    np.testing.assert_array_equal(one, other)  # a map of the model's size is one tile


def test_what_cannot_be_tiled_is_refused_before_anything_is_written(run, make_run, tmp_path):
    small = save(tmp_path / "labels" / "a.png", np.zeros((31, 64)))
    with pytest.raises(RequestError, match=r"a\.png: 31x64 is smaller than the model's 32x32; leave out --tile"):
        synthesize(run, small, str(tmp_path / "out"), tile=True)
    with pytest.raises(RequestError, match="--tile goes with neither"):
        synthesize(run, small, str(tmp_path / "out"), tile=True, save_intermediates=True)
    cross_view = str(make_run("lggan_cross_view"))
    with pytest.raises(RequestError, match="--tile: .* translates another view"):
        synthesize(cross_view, small, str(tmp_path / "out"), tile=True)
    assert not (tmp_path / "out").exists()
