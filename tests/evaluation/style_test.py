import numpy as np
import pytest

from ecgan_tf.evaluation.style import StyleFollowing, class_colours

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
