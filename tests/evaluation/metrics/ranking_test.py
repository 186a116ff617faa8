"""Each measure ranks a known order, as far as its docstring says: photographs, mild degradation, blur, noise, others.

The photographs are the validation tiles of the embedded data; others are those of other layouts, in the tiles' places.
The networks are three of random weights; the segmenter a linear discriminant of colours and their spread in 5x5 pixels.
"""

import pathlib

import cv2
import numpy as np
import pytest

import ecgan_tf.data
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.evaluation.metrics.colour import ClassColourError
from ecgan_tf.evaluation.metrics.distribution import frechet_distance, halves, kernel_distance
from ecgan_tf.evaluation.metrics.edges import EdgeAgreement, edges_of_pictures
from ecgan_tf.evaluation.metrics.perceptual import feature_distance
from ecgan_tf.evaluation.metrics.segmentation import Confusion
from ecgan_tf.evaluation.metrics.similarity import l1, psnr, sharpness, sharpness_difference, ssim
from ecgan_tf.evaluation.metrics.spectrum import SpectrumRatios
from ecgan_tf.pixels import as_float

TILES = pathlib.Path(ecgan_tf.data.__file__).parent / "earth_tiles"
CLASSES = 17


def read_tiles(split, step=1):
    """Every so many tiles of a split: photographs uint8 (n, 128, 128, 3), labels int (n, 128, 128)."""
    paths = sorted((TILES / split / "images").glob("*.jpg"))[::step]
    labels = [read_label_file(TILES / split / "labels" / f"{path.stem}.png") for path in paths]
    return np.stack([read_photograph(path) for path in paths]), np.stack(labels).astype(int)


def mildly_degrade(image):
    """Slightly smoothed, in 43 levels."""
    return (cv2.GaussianBlur(image, (0, 0), 0.6) // 6 * 6 + 3).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def photographs():
    return read_tiles("val")[0]


@pytest.fixture(scope="module")
def known(photographs):
    """The known order: dictionary from name to uint8 pictures of the same layouts."""
    noise = np.random.default_rng(0).normal(0, 40, photographs.shape)
    return {
        "real": photographs,
        "recipe": np.stack([mildly_degrade(image) for image in photographs]),
        "blurred": np.stack([cv2.GaussianBlur(image, (0, 0), 2.5) for image in photographs]),
        "noisy": np.clip(photographs + noise, 0, 255).astype(np.uint8),
        "shuffled": np.roll(photographs, 1, axis=0),
    }


@pytest.fixture(scope="module")
def others():
    """Other photographs, of the training split."""
    return read_tiles("train", step=7)


def feature_maps(images, seed):
    """Three layers of random 3x3 convolutions with ReLU, each at half of the resolution before."""
    rng, x, layers = np.random.default_rng(seed), as_float(images), []
    for filters in (6, 12, 24):
        x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
        height, width = x.shape[1] - 2, x.shape[2] - 2
        patches = np.concatenate([x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=-1)
        kernel = rng.normal(0, np.sqrt(2 / patches.shape[-1]), (patches.shape[-1], filters))
        x = np.maximum(patches @ kernel.astype(np.float32), 0)
        layers.append(x)
        x = x.reshape(len(x), height // 2, 2, width // 2, 2, filters).mean(axis=(2, 4))
    return layers


def pooled(layers):
    """Features of a picture, of its maps' means and deviations over positions: (n, 84)."""
    return np.concatenate([stat(layer, axis=(1, 2)) for layer in layers for stat in (np.mean, np.std)], axis=1)


@pytest.fixture(scope="module", params=[1, 2, 3])
def seed(request):
    """Of the network."""
    return request.param


@pytest.fixture(scope="module")
def known_maps(known, seed):
    return {name: feature_maps(images, seed) for name, images in known.items()}


def ranks(numbers, *orders):
    """Whether numbers, less is better, rise strictly along each order."""
    for order in orders:
        values = [numbers[name] for name in order.split(" < ")]
        assert all(a < b for a, b in zip(values, values[1:])), (order, numbers)


OF_THE_LAYOUT = ("real < recipe < blurred < shuffled", "real < recipe < noisy < shuffled")


def test_distances_of_distributions(known_maps, others, seed):
    reference = pooled(feature_maps(others[0], seed))
    frechet = {name: frechet_distance(pooled(maps), reference) for name, maps in known_maps.items()}
    kernel = {name: kernel_distance(pooled(maps), reference, subset_size=30).mean for name, maps in known_maps.items()}
    ranks(frechet, "real < recipe", "real < blurred", "real < noisy")
    ranks(kernel, "real < recipe < blurred", "recipe < noisy")
    for numbers in (frechet, kernel):  # photographs of other layouts are photographs
        assert abs(numbers["shuffled"] - numbers["real"]) < 0.1 * (numbers["noisy"] - numbers["real"])


def test_the_noise_floor_is_the_distance_of_two_halves_and_less_than_noise_costs(known_maps):
    real, noisy = (pooled(known_maps[name]) for name in ("real", "noisy"))
    first, second = halves(real)
    assert frechet_distance(first, second) < frechet_distance(halves(noisy)[0], second)


def test_segmentation(known, others):
    predict = segmenter(*others)
    labels, numbers = read_tiles("val")[1], {}
    for name, images in known.items():
        confusion = Confusion(CLASSES)
        confusion.add(labels, predict(images))
        numbers[name] = np.array(
            [-confusion.mean_iou(), -confusion.accuracy_all(), -confusion.frequency_weighted_iou()]
        )
    for column in range(3):
        column_of = {name: values[column] for name, values in numbers.items()}
        ranks(column_of, "real < noisy < shuffled", "recipe < shuffled", "blurred < shuffled")


def segmenter(images, labels):
    """A linear discriminant of pixels: function of uint8 pictures to class ids."""
    x, ids = colours_around(images).reshape(-1, 6), labels.ravel()
    there = np.unique(ids)
    means = np.stack([x[ids == label].mean(axis=0) for label in there])
    within = np.cov((x - means[np.searchsorted(there, ids)]).T)
    weights = np.linalg.solve(within, means.T)
    offsets = np.log(np.bincount(ids)[there] / len(ids)) - 0.5 * (means * weights.T).sum(axis=1)
    return lambda pictures: there[(colours_around(pictures) @ weights + offsets).argmax(axis=-1)]


def colours_around(images):
    """Mean colour and the logarithm of its deviation in the 5x5 pixels around each: float (n, height, width, 6)."""

    def of(image):
        image = image.astype(np.float32)
        mean = cv2.blur(image, (5, 5))
        variance = np.maximum(cv2.blur(image * image, (5, 5)) - mean**2, 0)
        return np.concatenate([mean, 20 * np.log1p(np.sqrt(variance))], axis=-1)

    return np.stack([of(image) for image in images])


@pytest.mark.parametrize("measure", [lambda *both: -psnr(*both), l1])
def test_distances_of_pixels(known, measure):
    ranks({name: measure(images, known["real"]).mean() for name, images in known.items()}, *OF_THE_LAYOUT)


def test_structural_similarity(known):
    numbers = {name: -ssim(images, known["real"]).mean() for name, images in known.items()}
    ranks(numbers, "real < recipe < blurred < shuffled", "recipe < noisy")


def test_sharpness_difference(known):
    numbers = {name: -sharpness_difference(images, known["real"]).mean() for name, images in known.items()}
    ranks(numbers, "real < recipe < blurred < noisy", "recipe < shuffled < noisy")


def test_sharpness(known, others):
    numbers = {name: abs(np.log(sharpness(images, others[0]))) for name, images in known.items()}
    ranks(numbers, "real < recipe < blurred", "real < noisy")
    assert numbers["shuffled"] == pytest.approx(numbers["real"])


def test_spectra(known, others):
    numbers = {}
    for name, images in known.items():
        found = spectrum_ratios(images, others[0])
        numbers[name] = max(np.abs(np.log(values)).max() for values in found.values())
    ranks(numbers, "real < recipe < blurred", "real < noisy")
    assert numbers["shuffled"] == pytest.approx(numbers["real"])


@pytest.mark.parametrize("period", [2, 4])
def test_a_grid_on_photographs_shows(photographs, period):
    grid = np.zeros((128, 128, 1))
    grid[::period], grid[:, ::period] = 8, 8
    found = spectrum_ratios(photographs + grid, photographs)
    assert min(found["horizontal"], found["vertical"]) > 4
    assert found["radial"][0] == pytest.approx(1.0, abs=0.05)


def test_grain_on_photographs_shows(photographs, rng):
    found = spectrum_ratios(photographs + rng.normal(0, 10, photographs.shape), photographs)
    assert min(found["radial"][7], found["corner"], found["horizontal"], found["vertical"]) > 2
    assert found["radial"][0] == pytest.approx(1.0, abs=0.05)


def spectrum_ratios(levels, photographs):
    result = SpectrumRatios()
    result.add_pictures(np.clip(np.round(levels), 0, 255).astype(np.uint8))
    result.add_photographs(photographs)
    return result.ratios()


def test_distance_of_features(known_maps):
    some = {name: [layer[:12] for layer in maps] for name, maps in known_maps.items()}
    ranks({name: feature_distance(maps, some["real"]).mean() for name, maps in some.items()}, *OF_THE_LAYOUT)


def test_edges(known):
    wanted, numbers = edges_of_pictures(known["real"]), {}
    for name, images in known.items():
        agreement = EdgeAgreement()
        agreement.add(edges_of_pictures(images), wanted)
        numbers[name] = -agreement.f_score()
    ranks(numbers, *OF_THE_LAYOUT)


def test_colours_of_classes(known):
    labels, numbers = read_tiles("val")[1], {}
    for name, images in known.items():
        error = ClassColourError(CLASSES)
        error.add(labels, as_float(known["real"]), as_float(images))
        numbers[name] = error.mean()
    ranks(numbers, "real < recipe < shuffled", "real < blurred < shuffled", "real < noisy < shuffled")
