import numpy as np

from ecgan_tf.attention_pictures import attention_pictures, slot_colours


def maps(alpha, beta):
    return [{"exemplar": np.array(alpha, float)[None], "target": np.array(beta, float)[None]}]


def test_what_a_slot_read_has_the_colour_of_what_it_synthesised():
    alpha = np.zeros((2, 2, 3))
    alpha[0, 0] = [0.8, 0.0, 0.25]
    alpha[0, 1] = [0.2, 0.0, 0.25]
    alpha[1, 0] = [0.0, 1.0, 0.25]
    alpha[1, 1] = [0.0, 0.0, 0.25]
    beta = np.eye(3)[[[0, 1], [2, 2]]]
    pictures = attention_pictures(maps(alpha, beta), (4, 6), scale=0)
    first, second, third = slot_colours(3)
    for y, x, expected in ((0, 0, (first + third) / 2), (0, 1, (0.25 * first + third) / 1.25), (1, 1, third)):
        np.testing.assert_allclose(pictures["read from"][0, 2 * y, 3 * x], expected, atol=0.51)
        assert (
            pictures["read from"][0, 2 * y : 2 * y + 2, 3 * x : 3 * x + 3] == pictures["read from"][0, 2 * y, 3 * x]
        ).all()
    for y, x, expected in ((0, 0, first), (0, 1, second), (1, 0, third)):
        np.testing.assert_allclose(pictures["synthesised with"][0, 2 * y, 3 * x], expected, atol=0.51)


def test_what_no_slot_read_is_black():
    alpha = np.zeros((2, 2, 1))
    alpha[0, 0] = 1.0
    picture = attention_pictures(maps(alpha, np.ones((2, 2, 1))), (2, 2), scale=0)["read from"][0]
    assert picture[0, 0].max() > 200 and not picture[1].any()


def test_slots_differ_in_colour():
    colours = slot_colours(64)
    distances = np.linalg.norm(colours[:, None] - colours[None], axis=-1) + 1e9 * np.eye(64)
    assert distances.min() > 5 and colours.min() >= 0 and colours.max() <= 255


def test_a_map_that_is_absent_is_left_out():
    assert list(attention_pictures([{"target": np.ones((1, 2, 2, 1))}], (2, 2), scale=0)) == ["synthesised with"]
    assert attention_pictures([{}], (2, 2), scale=0) == {}
