import numpy as np
import pytest

from ecgan_tf.data import exemplars
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.exemplars import (
    CANDIDATES,
    Matches,
    augment,
    choose_pair,
    cover,
    draw_kind,
    label_histogram,
    overlap,
    pair_at,
    random_numbers,
)
from ecgan_tf.data.pipeline import layout_batch, training_batches

SIZE = (8, 10)


@pytest.fixture
def paired(folder, data_config):
    """A data set whose photographs are its labels in colour, 20x24 pixels, with room for two patches of 8x10."""

    def make(**values):
        values = {"image_size": SIZE, "load_size": (20, 24), "exemplars": "cross+self", **values}
        config = data_config(name="folder", dir=str(folder), **values)
        return open_dataset(config, "train"), config

    return make


def batches(data, batch_size, start_step, steps, seed=3):
    return list(training_batches(*data, batch_size, seed, start_step, steps).as_numpy_iterator())


def as_colors(image):
    return np.round((image + 1) * 127.5).astype(np.uint8)


def kind_of(pair):
    if not pair["has_target"]:
        return "retrieved"
    same = np.array_equal(pair["image"], pair["exemplar"]) and np.array_equal(pair["labels"], pair["exemplar_labels"])
    return "self" if same else "cross"


# --- the stream ------------------------------------------------------------------------------------------------------


def test_a_batch_holds_two_patches_of_each_photograph(paired):
    dataset, config = paired(use_instances=True)
    batch = batches((dataset, config), 3, 0, 1)[0]
    expected = {"image": (3, *SIZE, 3), "labels": (3, *SIZE), "edges": (3, *SIZE, 1), "boundaries": (3, *SIZE, 1),
                "exemplar": (3, *SIZE, 3), "exemplar_labels": (3, *SIZE), "has_target": (3,)}  # fmt: skip
    assert {key: array.shape for key, array in batch.items()} == expected
    assert batch["exemplar"].dtype == np.float32 and batch["exemplar_labels"].dtype == np.int32
    assert -1 <= batch["exemplar"].min() < batch["exemplar"].max() <= 1
    np.testing.assert_array_equal(as_colors(batch["image"]), dataset.classes.colorize(batch["labels"]))


def test_an_example_depends_on_the_seed_and_its_position_alone(paired):
    large, small = batches(paired(), 6, 1, 1), batches(paired(), 3, 2, 2)
    for key, array in large[0].items():
        np.testing.assert_array_equal(array, np.concatenate([half[key] for half in small]))
    assert np.abs(large[0]["exemplar"] - batches(paired(), 6, 1, 1, seed=4)[0]["exemplar"]).max() > 0


def test_random_numbers_of_neighbours_do_not_overlap():
    numbers = [random_numbers(0, position).integers(0, 2**63, 200) for position in range(3)]
    assert len(np.unique(numbers)) == 600


def test_the_exemplar_shows_the_colours_of_its_labels(paired):
    """Augmentation moves photograph and labels alike; where it mixes pixels, at borders, it is not looked at."""
    dataset, config = paired(retrieved_share=0.5)
    agreeing = []
    for position in range(40):
        pair = pair_at(dataset, config, 0, position, position % len(dataset))
        labels = pair["exemplar_labels"]
        inside = np.ones(SIZE, bool)
        for axis in (0, 1):
            for shift in (-1, 1):
                inside &= np.roll(labels, shift, axis) == labels
        difference = np.abs(pair["exemplar"].astype(int) - dataset.classes.colorize(labels)).max(-1)
        agreeing.append((difference[inside] <= 8).mean() if inside.any() else 1.0)
    assert np.mean(agreeing) > 0.97


def test_the_kinds_come_in_their_shares():
    def shares(task, retrieved):
        config = type("config", (), {"exemplars": task, "retrieved_share": retrieved})
        kinds = [draw_kind((i + 0.5) / 1000, config) for i in range(1000)]
        return [kinds.count(kind) for kind in ("cross", "self", "retrieved")]

    assert shares("cross+self", 0.1) == [700, 200, 100]
    assert shares("cross", 0.2) == [800, 0, 200]
    assert shares("self", 0.0) == [0, 1000, 0]


def test_a_cross_pair_shows_its_target_and_lies_beside_it(paired, monkeypatch):
    """Unaugmented, each patch is found in the photograph, and the two hardly overlap."""
    monkeypatch.setattr(exemplars, "augment", lambda image, labels, rng: (image, labels))
    dataset, config = paired(retrieved_share=0.0, flip=False, exemplars="cross")
    corners = {(i, j) for i in range(13) for j in range(15)}
    kinds = []
    for position in range(30):
        index = position % len(dataset)
        whole, pair = dataset.load(index), pair_at(dataset, config, 1, position, index)

        def places(labels, whole=whole):
            return [c for c in corners if np.array_equal(exemplars.window(whole["labels"], c, SIZE), labels)]

        kinds.append(kind_of(pair))
        target, other = places(pair["labels"]), places(pair["exemplar_labels"])
        assert target and other
        if kinds[-1] == "cross":
            assert min(overlap(a, b, SIZE) for a in target for b in other) <= 0.1
            assert cover(pair["labels"], pair["exemplar_labels"]) >= 0.4
    assert kinds.count("cross") > 15


def test_the_exemplar_of_a_self_pair_is_the_target(paired):
    dataset, config = paired(exemplars="self", retrieved_share=0.0)
    assert {kind_of(pair_at(dataset, config, 0, p, 0)) for p in range(8)} == {"self"}


def test_a_retrieved_exemplar_is_of_another_photograph(paired, monkeypatch):
    dataset, config = paired(retrieved_share=1.0)
    seen, draw = [], Matches.draw

    def pick(matches, index, rng):
        seen.append((index, draw(matches, index, rng)))
        return seen[-1][1]

    monkeypatch.setattr(Matches, "draw", pick)
    assert {kind_of(pair_at(dataset, config, 0, p, p % 7)) for p in range(14)} == {"retrieved"}
    assert len(seen) == 14 and all(index != other for index, other in seen)


# --- pairs of patches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("other", "expected"), [((0, 0), 1.0), ((0, 2), 2 / 6), ((2, 2), 1 / 7), ((4, 0), 0.0)])
def test_overlap_by_hand(other, expected):
    assert overlap((0, 0), other, (4, 4)) == pytest.approx(expected)


def test_cover_by_hand():
    target = np.array([[0, 0], [1, 2]])
    assert cover(target, np.array([[0, 1], [1, 1]])) == 0.75
    assert cover(target, np.array([[5, 5], [5, 5]])) == 0.0
    rare = np.zeros((10, 20), int)
    rare[0, 0] = 1  # 0.5% do not count
    assert cover(target, rare) == 0.5


def test_the_first_allowed_draw_is_chosen():
    labels = np.zeros((20, 20), int)
    labels[:, 10:] = 1
    overlapping, foreign, good, late = [[0, 0], [0, 2]], [[0, 0], [0, 10]], [[0, 0], [10, 0]], [[10, 0], [0, 0]]
    offsets = np.array([overlapping, foreign, good, late])
    np.testing.assert_array_equal(choose_pair(labels, (8, 8), offsets), good)
    assert choose_pair(labels, (8, 8), offsets[:2]) is None  # the overlapping one is no candidate beside an allowed one
    np.testing.assert_array_equal(choose_pair(labels, (8, 8), offsets[:1]), overlapping)


def test_augmentation_keeps_the_colours_and_moves_the_pixels(rng):
    image = rng.integers(0, 2, (16, 16, 1), dtype=np.uint8).repeat(3, -1) * 200
    labels = (image[..., 0] > 0).astype(np.int32)
    moved = [augment(image, labels, random_numbers(0, p)) for p in range(20)]
    assert all(i.dtype == np.uint8 and i.shape == image.shape for i, _ in moved)
    assert all(la.dtype == np.int32 and set(np.unique(la)) <= {0, 1} for _, la in moved)
    assert sum((la != labels).any() for _, la in moved) >= 15  # the others are turned and scaled by next to nothing
    means = [i.mean() for i, _ in moved]
    assert abs(np.mean(means) - image.mean()) < 10


def test_augmentation_mirrors_half_of_the_patches():
    """A patch that is dark on its left is dark on its right as often; no rotation or scale could do that."""
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    sides = [augment(image, image[..., 0].astype(np.int32), random_numbers(0, p))[0] for p in range(200)]
    assert 70 < sum(side[:, :4].mean() > 128 for side in sides) < 130


# --- retrieval -------------------------------------------------------------------------------------------------------


def test_a_histogram_by_hand():
    labels = np.array([[0, 0, 1], [2, 2, 2]])  # 2 is unknown
    np.testing.assert_allclose(label_histogram(labels, 2), [2 / 3, 1 / 3])
    np.testing.assert_allclose(label_histogram(np.full((2, 2), 2), 2), [0, 0])


def test_the_data_sets_histograms_are_those_of_its_files(paired):
    dataset, _ = paired()
    expected = [np.bincount(dataset.read(i)["labels"].ravel(), minlength=4) / (20 * 24) for i in range(7)]
    np.testing.assert_allclose(dataset.label_histograms, expected, rtol=1e-6)


def test_exemplars_are_the_best_fifth_without_the_layout_itself():
    """Class 0 fills i percent of example i: the 20% of matches of example 50 lie 10 to each side of it."""
    shares = np.arange(101, dtype=np.float32) / 100
    matches = Matches(np.stack([shares, 1 - shares], 1))
    drawn = {matches.draw(50, random_numbers(0, p)) for p in range(500)}
    assert drawn == set(range(40, 61)) - {50}


@pytest.mark.parametrize(("count", "expected"), [(1, {0}), (2, {1})])
def test_few_examples_find_what_there_is(count, expected):
    matches = Matches(np.eye(2, dtype=np.float32)[:count])
    assert {matches.draw(0, random_numbers(0, p)) for p in range(5)} == expected


def test_of_many_matches_some_are_kept_and_always_the_same(rng):
    histograms = rng.dirichlet(np.full(9, 0.3), 2000).astype(np.float32)
    matches = Matches(histograms)
    similarity = np.minimum(histograms, histograms[7]).sum(1)
    similarity[7] = -1
    best = set(np.argsort(-similarity)[:400].tolist())
    found = matches.of(7)
    assert len(found) == CANDIDATES == len(set(found.tolist())) and set(found.tolist()) <= best
    assert np.mean(sorted(found)) == pytest.approx(np.mean(sorted(best)), rel=0.2)  # from all of the fifth
    np.testing.assert_array_equal(found, Matches(histograms).of(7))
    assert matches.of(7) is found


# --- what else an example may be -------------------------------------------------------------------------------------


def test_a_photograph_of_any_size_keeps_its_aspect(paired):
    dataset, config = paired(load_size=(0, 0), short_side=(14, 30), retrieved_share=0.3)
    assert dataset.load_short(0, 10)["labels"].shape == (10, 12)  # files of 20 x 24
    sizes, kinds, load = set(), set(), dataset.load_short

    def watched(index, short_side):
        arrays = load(index, short_side)
        sizes.add(arrays["labels"].shape)
        return arrays

    dataset.load_short = watched
    for position in range(40):
        pair = pair_at(dataset, config, 0, position, position % 7)
        kinds.add(kind_of(pair))
        assert pair["image"].shape == pair["exemplar"].shape == (*SIZE, 3)
        np.testing.assert_array_equal(pair["image"], pair_at(dataset, config, 0, position, position % 7)["image"])
    shorts = {min(size) for size in sizes}
    assert shorts <= set(range(14, 31)) and len(shorts) > 10
    assert all(abs(max(size) / min(size) - 1.2) < 0.05 for size in sizes)
    assert kinds == {"cross", "retrieved"} or kinds == {"cross", "retrieved", "self"}


def test_half_of_the_exemplars_come_with_predicted_labels(paired):
    """A segmenter that sees class 9 everywhere shows where its labels are used."""
    dataset, config = paired(retrieved_share=0.2)
    dataset.predict_labels = lambda photograph: np.full(photograph.shape[:2], 3, np.int32)
    pairs = [pair_at(dataset, config, 0, position, position % 7) for position in range(200)]
    predicted = [bool((pair["exemplar_labels"] == 3).all()) for pair in pairs]
    assert 0.4 < np.mean(predicted) < 0.6
    assert not any((pair["labels"] == 3).all() for pair in pairs)
    batch = layout_batch(dataset, [0, 1])  # what is measured always has them
    assert (batch["exemplar_labels"] == 3).all() and not (batch["labels"] == 3).all()


def test_layouts_come_with_the_same_exemplars_at_each_call(paired, folder, data_config):
    config = data_config(name="folder", dir=str(folder), image_size=(20, 24), exemplars="cross+self")
    dataset = open_dataset(config, "validation")
    batch, again = layout_batch(dataset, [0, 2]), layout_batch(dataset, [2])
    assert batch["exemplar"].shape == (2, 20, 24, 3) and not batch["has_target"].any()
    np.testing.assert_array_equal(batch["exemplar"][1:], again["exemplar"])
    np.testing.assert_array_equal(as_colors(batch["exemplar"]), dataset.classes.colorize(batch["exemplar_labels"]))
    assert not np.array_equal(batch["exemplar_labels"], batch["labels"])
