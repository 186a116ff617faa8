import math

import numpy as np
import pytest

from ecgan_tf.config import base_config, check_config
from ecgan_tf.data import earth
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.earth import PIXELS_A_DEGREE, WATER, EarthMosaic, earth_mosaic
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.data.pipeline import training_batches
from ecgan_tf.errors import RequestError

SIZE = (64, 96)


@pytest.fixture(scope="module")
def mosaic():
    return earth_mosaic()


def crops(mosaic, count, seed=1, size=SIZE, flip=True):
    return [mosaic.crop(seed, position, size, flip) for position in range(count)]


def test_a_crop_depends_on_seed_and_position_alone(mosaic):
    first = crops(mosaic, 6)
    again = [mosaic.crop(1, position, SIZE) for position in range(5, -1, -1)][::-1]
    for a, b in zip(first, again):
        assert {key: (value.shape, value.dtype.name) for key, value in a.items()} == {
            "image": ((*SIZE, 3), "uint8"), "labels": (SIZE, "uint8")
        }  # fmt: skip
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])
    pictures = {crop["image"].tobytes() for crop in first + crops(mosaic, 6, seed=2)}
    assert len(pictures) == 12


def test_no_crop_sees_the_ground_of_a_validation_tile(mosaic):
    """What lies there changes no pixel of any crop."""
    altered = EarthMosaic.__new__(EarthMosaic)
    owned = read_validation()
    altered.closed = mosaic.closed
    altered.photograph = np.where(owned[..., None], np.uint8(255) - mosaic.photograph, mosaic.photograph)
    altered.labels = np.where(owned, (mosaic.labels + 1) % 17, mosaic.labels).astype(np.uint8)
    assert 0.05 < owned.mean() < 0.07  # as its README says
    for a, b in zip(crops(mosaic, 80, size=(128, 128)), crops(altered, 80, size=(128, 128))):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key])


def read_validation():
    folder = earth.importlib.resources.files("ecgan_tf.data") / "earth_world"
    return earth.cv2.imread(str(folder / "validation.png"), earth.cv2.IMREAD_GRAYSCALE) > 0


def test_photograph_and_labels_are_of_the_same_ground(mosaic):
    """Where the photograph shows each id as a grey, a crop of it does too, but for the mixed pixels of outlines."""
    coded = EarthMosaic.__new__(EarthMosaic)
    coded.closed, coded.labels = mosaic.closed, mosaic.labels
    coded.photograph = np.repeat(10 * mosaic.labels[..., None], 3, axis=2)
    for crop in crops(coded, 20):
        inner = np.all([crop["labels"] == np.roll(crop["labels"], shift, axis) for shift, axis in
                        ((1, 0), (-1, 0), (1, 1), (-1, 1))], axis=0)  # fmt: skip
        inner[[0, -1]], inner[:, [0, -1]] = False, False
        error = np.abs(crop["image"][..., 0][inner] - 10.0 * crop["labels"][inner])
        assert inner.sum() > 100
        assert np.mean(error <= 5) > 0.9


def test_upright_and_at_its_own_scale_a_crop_is_the_tile(mosaic, data_config):
    """earth_tiles were cut by others from the same mosaic; their names give the centre."""
    tiles = open_dataset(data_config(name="earth_tiles"), "train")
    for index in (3, 120, 340):
        example = tiles.examples[index]
        latitude, longitude = centre_of(example.name)
        place = ((90 - latitude) * PIXELS_A_DEGREE - 0.5, (longitude + 180) * PIXELS_A_DEGREE - 0.5, 0.0, 1.0, 1.0)
        labels = mosaic._cut(mosaic.labels, place, (128, 128), 1)
        photograph = mosaic._photograph_at(place, (128, 128))
        assert np.mean(labels == read_label_file(example.labels)) > 0.9
        difference = np.abs(photograph.astype(float) - read_photograph(example.image)).mean()
        turned = np.abs(photograph[::-1].astype(float) - read_photograph(example.image)).mean()
        assert difference < 8 and difference < 0.4 * turned


def centre_of(name):
    """Degrees north and east, of a tile's name."""
    latitude, longitude = (part[3:] for part in name.split("_"))
    return float(latitude), float(longitude)


def test_a_crop_has_land_and_several_classes_and_rare_ones_are_seen(mosaic):
    labels = [crop["labels"] for crop in crops(mosaic, 120)]
    for each in labels:
        assert np.mean(each != WATER) >= earth.LEAST_LAND
        assert len(np.unique(each)) >= earth.LEAST_CLASSES
    seen = np.unique(np.concatenate([each.ravel() for each in labels]))
    assert set(seen) == set(range(17))


def test_crops_are_turned_scaled_and_mirrored(mosaic):
    rng = np.random.default_rng(0)
    _, _, turns, scales, signs = map(np.array, zip(*mosaic._places(rng, None, True)))
    assert turns.min() < 0.1 and turns.max() > 2 * math.pi - 0.1
    assert scales.min() >= 1.0 and scales.max() <= 1.5 and scales.std() > 0.1
    assert 0.45 < np.mean(signs == -1) < 0.55
    *_, signs = zip(*mosaic._places(rng, None, False))
    assert set(signs) == {1.0}


def test_the_training_stream_starts_at_any_step(data_config):
    config = data_config(name="earth", image_size=(32, 32))
    data = open_dataset(config, "train")
    batches = list(training_batches(data, config, 2, 7, 0, 3).as_numpy_iterator())
    late = next(training_batches(data, config, 2, 7, 2, 1).as_numpy_iterator())
    assert late.keys() == {"image", "labels", "edges"}
    for key in late:
        np.testing.assert_array_equal(late[key], batches[2][key])
    assert not np.array_equal(batches[0]["image"], batches[1]["image"])
    assert data.classes.num_classes == 17


def test_validation_is_that_of_the_tiles(data_config):
    earth_data, tiles = (open_dataset(data_config(name=name), "validation") for name in ("earth", "earth_tiles"))
    assert [example.name for example in earth_data.examples] == [example.name for example in tiles.examples]
    np.testing.assert_array_equal(earth_data.load(3)["image"], tiles.load(3)["image"])


@pytest.mark.parametrize(
    ("key", "value", "method"),
    [
        ("image_size", (512, 512), "ecgan"),
        ("load_size", (48, 48), "ecgan"),
        ("limit", 5, "ecgan"),
        ("selection", "some.json", "ecgan"),
        ("exemplars", "self", "ecgan"),
        ("exemplars", "cross+self", "msca"),
    ],
)
def test_what_crops_do_not_have_is_refused(key, value, method):
    config = base_config(method)
    config.data.update({"name": "earth", "image_size": (32, 32), "exemplars": "none", key: value})
    with pytest.raises(RequestError, match=f"{'crops' if key == 'exemplars' else key}"):
        check_config(config)
