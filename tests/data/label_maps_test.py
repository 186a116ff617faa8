import numpy as np
import pytest

from ecgan_tf.data.classes import ClassList, distinct_palette
from ecgan_tf.data.known_classes import ade20k_classes, cityscapes_classes
from ecgan_tf.data.label_maps import (
    label_boundaries,
    labels_from_file,
    read_layout,
    resize_labels,
    resize_photograph,
)
from ecgan_tf.errors import RequestError

PLAIN = ClassList(("a", "b", "c"), np.uint8([[10, 0, 0], [0, 20, 0], [0, 0, 30]]))
WITH_UNKNOWN = PLAIN.with_unknown_label(255)


def boundaries_loops(instances):
    height, width = instances.shape
    result = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            for j, i in ((y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x)):
                if 0 <= j < height and 0 <= i < width and instances[j, i] != instances[y, x]:
                    result[y, x] = 1
    return result


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 1), (9, 11)])
def test_label_boundaries_match_loops(size, rng):
    instances = rng.integers(0, 2, size) * 26001
    np.testing.assert_array_equal(label_boundaries(instances), boundaries_loops(instances))


def test_boundaries_do_not_depend_on_the_numbers_of_instances(rng):
    instances = rng.integers(0, 6, (12, 12))
    renumbered = rng.permutation(6)[instances]
    np.testing.assert_array_equal(label_boundaries(renumbered), label_boundaries(instances))


def test_ids_pass_and_the_unknown_value_becomes_num_classes(tmp_path, save):
    path = save(tmp_path / "a.png", np.uint8([[0, 1], [2, 255]]))
    labels = labels_from_file(path, WITH_UNKNOWN)
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, [[0, 1], [2, 3]])


def test_ade20k_stores_ids_plus_one(tmp_path, save):
    path = save(tmp_path / "a.png", np.uint8([[0, 1, 150]]))
    np.testing.assert_array_equal(labels_from_file(path, ade20k_classes()), [[150, 0, 149]])


def test_an_id_out_of_range_is_explained(tmp_path, save):
    path = save(tmp_path / "a.png", np.uint8([[0, 1], [2, 255]]))
    with pytest.raises(RequestError) as error:
        labels_from_file(path, PLAIN)
    assert str(error.value) == (
        f"{path}: label id 255 is not below num_classes=3. Ids found: 0, 1, 2, 255. "
        "If 255 marks unlabelled pixels, set config.data.unknown_label=255."
    )


def test_ids_found_are_shortened(tmp_path, save):
    path = save(tmp_path / "a.png", np.arange(600, dtype=np.uint16).reshape(20, 30))
    with pytest.raises(RequestError, match="label id 599 .* 8, 9, ..., 599. Unlabelled pixels are 255 here"):
        labels_from_file(path, WITH_UNKNOWN)


def test_the_unknown_label_cannot_be_a_class():
    with pytest.raises(RequestError, match="unknown_label=1 is the value of class 'b'"):
        PLAIN.with_unknown_label(1)
    with pytest.raises(RequestError, match="at most 65535"):
        PLAIN.with_unknown_label(70000)


def test_colours_are_looked_up(tmp_path, save, rng):
    labels = rng.integers(0, 4, (6, 8))
    path = save(tmp_path / "a.png", WITH_UNKNOWN.colorize(labels))
    np.testing.assert_array_equal(labels_from_file(path, WITH_UNKNOWN), labels)


def test_colours_of_many_classes_are_looked_up(tmp_path, save):
    classes = ClassList(tuple(map(str, range(300))), distinct_palette(300))
    labels = np.arange(300).reshape(15, 20)
    np.testing.assert_array_equal(labels_from_file(save(tmp_path / "a.png", classes.colorize(labels)), classes), labels)


def test_of_classes_of_one_colour_the_first_is_meant(tmp_path, save):
    path = save(tmp_path / "a.png", np.uint8([[[0, 0, 142], [0, 0, 0]]]))
    np.testing.assert_array_equal(labels_from_file(path, cityscapes_classes()), [[26, 0]])


def test_a_foreign_colour_is_listed(tmp_path, save):
    path = save(tmp_path / "a.png", np.uint8([[[10, 0, 0], [1, 2, 3], [0, 0, 0]]]))
    with pytest.raises(RequestError, match=r"belong to no class: \(0, 0, 0\), \(1, 2, 3\)\. Add them"):
        labels_from_file(path, PLAIN)


@pytest.mark.parametrize("size", [(4, 6), (3, 4), (16, 24), (5, 17), (1, 1)])
def test_resized_labels_are_those_at_the_centres(size, rng):
    labels = rng.integers(0, 9, (8, 12))
    expected = [
        [labels[int((y + 0.5) * 8 / size[0]), int((x + 0.5) * 12 / size[1])] for x in range(size[1])]
        for y in range(size[0])
    ]
    np.testing.assert_array_equal(resize_labels(labels, size), expected)


def test_a_shrunk_photograph_is_the_average_of_its_areas(rng):
    photograph = rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)
    expected = photograph.reshape(4, 2, 3, 4, 3).mean((1, 3))
    np.testing.assert_allclose(resize_photograph(photograph, (4, 3)), expected, atol=1.01)


@pytest.mark.parametrize("size", [(16, 24), (16, 6), (3, 40), (8, 12)])
def test_resizing_keeps_a_uniform_photograph_uniform(size):
    photograph = np.full((8, 12, 3), (7, 130, 255), np.uint8)
    np.testing.assert_array_equal(resize_photograph(photograph, size), np.full((*size, 3), (7, 130, 255), np.uint8))


def test_read_layout_needs_no_photograph(tmp_path, save):
    path = save(tmp_path / "labels.png", np.repeat(np.uint8([[0, 1, 255]]), 3, 0))
    instances = save(tmp_path / "instances.png", np.repeat(np.uint16([[4, 4, 26001]]), 3, 0))
    layout = read_layout(path, WITH_UNKNOWN, (6, 6), instances)
    assert layout["labels"].dtype == np.int32 and layout["boundaries"].dtype == np.float32
    np.testing.assert_array_equal(layout["labels"], np.repeat([[0, 0, 1, 1, 3, 3]], 6, 0))
    np.testing.assert_array_equal(layout["boundaries"][..., 0], np.repeat([[0, 0, 0, 1, 1, 0]], 6, 0))
    assert read_layout(path, WITH_UNKNOWN, (6, 6)).keys() == {"labels"}


def test_instances_of_another_size_name_both_files(tmp_path, save):
    labels = save(tmp_path / "labels.png", np.zeros((4, 4), np.uint8))
    instances = save(tmp_path / "instances.png", np.zeros((4, 5), np.uint8))
    with pytest.raises(RequestError, match="labels.png is 4x4 pixels but .*instances.png is 5x4"):
        read_layout(labels, PLAIN, (4, 4), instances)
