"""Whether the classes take the colours of their exemplar, and the test tasks of MSCA's paper."""

import numpy as np
import pytest

from ecgan_tf.config import base_config
from ecgan_tf.data import open_dataset
from ecgan_tf.evaluation.networks.judge import JudgeNetwork
from ecgan_tf.evaluation.style import (
    FeatureFollowing,
    StyleFollowing,
    class_colours,
    measure_style,
    measure_tasks,
    recoloured,
    style_distance,
)

LABELS = np.repeat([[0, 1]], 8, axis=0).repeat(4, axis=1)  # 8x8, 32 pixels of each class


def flat(first, second):
    """A picture of LABELS with one grey for each class, in 0..255."""
    greys = np.array([first, second])[LABELS] / 127.5 - 1
    return np.repeat(greys[..., None], 3, -1)


def follow(images, exemplars, exemplar_labels=LABELS):
    following = StyleFollowing(2)
    following.add(LABELS, np.stack(images), np.stack(exemplars), np.stack([exemplar_labels] * len(exemplars)))
    return following


EXEMPLARS = [flat(40, 60), flat(200, 61), flat(100, 160)]


def test_a_picture_with_the_exemplars_colours_follows_it():
    following = follow(EXEMPLARS, EXEMPLARS)
    assert following.cases == 6 + 4  # 60 and 61 are too near to ask for a move
    assert following.share() == 1.0


def test_moving_the_other_way_is_not_following():
    opposite = [flat(255 - 40, 255 - 60), flat(255 - 200, 255 - 61), flat(255 - 100, 255 - 160)]
    assert follow(opposite, EXEMPLARS).share() < 0.5


def test_a_picture_that_ignores_its_exemplar_does_not_follow():
    assert follow([flat(100, 100)] * 3, EXEMPLARS).share() == 0.0


def test_a_small_move_in_the_right_direction_counts():
    moved = [flat(100 + (x - 100) * 0.1, 90 + (y - 90) * 0.1) for x, y in ((40, 60), (200, 61), (100, 160))]
    assert follow(moved, EXEMPLARS).share() == 1.0


def test_classes_that_the_exemplars_do_not_show_are_no_cases():
    following = follow(EXEMPLARS, EXEMPLARS, np.full((8, 8), 5))
    assert following.cases == 0 and np.isnan(following.share())


def test_colours_by_hand():
    colours = class_colours(flat(10, 250), LABELS, 3)
    np.testing.assert_allclose(colours[:2], [[10] * 3, [250] * 3])
    assert np.isnan(colours[2]).all()
    small = LABELS.copy()
    small[:, :] = 0
    small[0, 0] = 1  # fewer pixels than say something
    assert np.isnan(class_colours(flat(10, 250), small, 2)[1]).all()


@pytest.mark.parametrize("count", [1, 2])
def test_few_exemplars_make_few_pairs(count):
    assert follow(EXEMPLARS[:count], EXEMPLARS[:count]).cases == (0 if count == 1 else 2)


@pytest.fixture(scope="module")
def tiles():
    config = base_config("msca").data
    config.update({"image_size": (32, 32), "exemplars": "cross+self"})
    return open_dataset(config, "validation")


def test_the_tasks_give_each_layout_its_exemplar(tiles):
    """A generator that shows its exemplar is right in the first task, and wrong in the others."""
    numbers = measure_tasks(lambda batch: batch["exemplar"], tiles)
    assert numbers["l1_duplicating"] == 0
    mirrored = [tiles.load(i)["image"] / 127.5 for i in range(len(tiles))]
    expected = np.mean([np.abs(image - image[:, ::-1]).mean() for image in mirrored])
    assert numbers["l1_mirroring"] == pytest.approx(expected, rel=1e-4)
    assert numbers["l1_retrieving"] > 0.1
    assert numbers["ssim_duplicating"] == pytest.approx(1) and numbers["ssim_mirroring"] < 0.9
    best = measure_tasks(lambda batch: batch["image"], tiles)
    assert best == pytest.approx({name: float(name.startswith("ssim")) for name in numbers})


def colours(images):
    """A judge's feature maps: the colours themselves."""
    return [np.asarray(images) + 2.0]


def test_a_judge_measures_the_tasks_and_who_is_nearer(tiles):
    judge = JudgeNetwork("colours", "colours", "0", features=colours, feature_maps=colours)
    numbers = measure_tasks(lambda batch: batch["exemplar"], tiles, judges=[judge])
    assert [name for name in numbers if "style_colours" in name and numbers[name] > 1e-9] == []
    assert numbers["perceptual_colours_duplicating"] == 0 < numbers["perceptual_colours_mirroring"]
    following, rng = FeatureFollowing(judge), np.random.default_rng(0)
    exemplars = rng.uniform(-1, 1, (3, 8, 8, 3)).astype(np.float32)
    following.add(exemplars, exemplars)
    assert following.nearer == [True] * 6 and following.diversities[0] > 0
    following.add(exemplars[[1, 2, 0]], exemplars)
    assert following.nearer[6:].count(True) <= 3  # one of the two others always is the exemplar itself
    following.add(exemplars[:1], exemplars[:1])
    assert len(following.nearer) == 12


def test_a_recoloured_photograph_has_the_exemplars_statistics(rng):
    photograph, exemplar = (rng.uniform(-0.5, 0.5, (16, 16, 3)).astype(np.float32) for _ in range(2))
    labels = np.repeat([[0, 1]], 16, 0).repeat(8, 1)
    painted = recoloured(photograph, labels, exemplar, np.zeros_like(labels))
    for statistic in (np.mean, np.std):
        of_class = statistic(painted[labels == 0], axis=0)
        np.testing.assert_allclose(of_class, statistic(exemplar.reshape(-1, 3), axis=0), atol=3e-3)
    np.testing.assert_array_equal(painted[labels == 1], photograph[labels == 1])  # which the exemplar does not show


def test_a_style_distance_by_hand(rng):
    maps = [rng.normal(size=(2, 4, 4, 3)), rng.normal(size=(2, 2, 2, 5))]
    moved = [layer[:, ::-1, ::-1] for layer in maps]
    np.testing.assert_allclose(style_distance(maps, moved), 0, atol=1e-12)
    brighter = [layer + 1.0 for layer in maps]
    np.testing.assert_allclose(style_distance(brighter, maps), np.sqrt(3) + np.sqrt(5), rtol=1e-6)


def test_each_layout_is_synthesised_after_three_different_exemplars(tiles):
    """A generator that synthesises its exemplar's class colours follows in every case, and its pictures are kept."""
    seen = []

    def synthesise(batch):
        seen.append(batch)
        images = np.zeros_like(batch["image"])
        for image, labels, exemplar, ids in zip(images, *(batch[k] for k in ("labels", "exemplar", "exemplar_labels"))):
            for label, colour in enumerate(class_colours(exemplar, ids, 17)):
                image[labels == label] = np.nan_to_num(colour) / 127.5 - 1
        return images

    following, columns = measure_style(synthesise, tiles, shown=4)
    assert following.cases > 200 and following.share() == 1.0
    for batch in seen:
        assert len(batch["labels"]) == 3 and (batch["labels"] == batch["labels"][0]).all()
        assert len({exemplar.tobytes() for exemplar in batch["exemplar"]}) == 3
    assert list(columns)[:3] == ["label map", "exemplar 1", "synthesised after 1"]
    assert columns["synthesised after 3"].shape == (4, 32, 32, 3)
