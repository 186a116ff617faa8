import json

import numpy as np
import pytest

from ecgan_tf.data.classes import ClassList, distinct_palette, load_class_list
from ecgan_tf.data.known_classes import ade20k_classes, cityscapes_classes, coco_stuff_classes
from ecgan_tf.errors import RequestError


def assert_equal(a, b):
    assert (a.names, a.unknown_label, a.file_values) == (b.names, b.unknown_label, b.file_values)
    np.testing.assert_array_equal(a.palette, b.palette)


@pytest.mark.parametrize("make", [cityscapes_classes, ade20k_classes, coco_stuff_classes])
def test_class_lists_survive_json(make):
    classes = make()
    assert_equal(ClassList.from_dict(json.loads(json.dumps(classes.to_dict()))), classes)


def test_known_classes():
    cityscapes, ade20k, coco_stuff = cityscapes_classes(), ade20k_classes(), coco_stuff_classes()
    assert (cityscapes.num_classes, cityscapes.has_unknown, cityscapes.names[7]) == (35, False, "road")
    assert (ade20k.num_classes, ade20k.unknown_label, ade20k.file_values[0]) == (150, 0, 1)
    assert (coco_stuff.num_classes, coco_stuff.unknown_label) == (182, 255)
    assert (coco_stuff.names[0], coco_stuff.names[91], coco_stuff.names[181]) == ("person", "banner", "wood")
    assert len(set(coco_stuff.names)) == 182


@pytest.mark.parametrize("num_classes", [1, 17, 256, 5000])
def test_the_fallback_palette_is_distinct_and_never_black(num_classes):
    colors = {tuple(color) for color in distinct_palette(num_classes).tolist()}
    assert len(colors) == num_classes
    assert (0, 0, 0) not in colors


def test_colorize_gives_each_id_its_colour_and_unknown_black():
    classes = ClassList(("a", "b"), np.uint8([[1, 2, 3], [4, 5, 6]]), unknown_label=255)
    np.testing.assert_array_equal(classes.colorize([[0, 1, 2]]), [[[1, 2, 3], [4, 5, 6], [0, 0, 0]]])
    assert classes.colorize(np.zeros((2, 3, 4), int)).shape == (2, 3, 4, 3)
    with pytest.raises(ValueError, match="0..2"):
        classes.colorize([[3]])


def test_classes_without_colours_and_with_raw_ids(tmp_path):
    content = {"raw_unlabelled_id": 0, "classes": [{"raw_id": 9, "name": "b"}, {"raw_id": 4, "name": "a"}]}
    (tmp_path / "classes.json").write_text(json.dumps(content))
    classes = load_class_list(tmp_path / "classes.json")
    assert (classes.names, classes.file_values, classes.unknown_label) == (("a", "b"), (4, 9), 0)
    np.testing.assert_array_equal(classes.palette, distinct_palette(2))


@pytest.mark.parametrize(
    "text, problem",
    [
        ("{", "Expecting"),
        ("[]", "list of objects"),
        ('{"classes": []}', "list of objects"),
        ('{"classes": [1]}', "list of objects"),
        ('{"classes": [{"name": "a"}]}', "'id' is missing"),
        ('{"classes": [{"id": 0}]}', "'name' is missing"),
        ('{"classes": [{"id": "0", "name": "a"}]}', "'0' is not an id"),
        ('{"classes": [{"id": -1, "name": "a"}]}', "-1 is not an id"),
        ('{"classes": [{"id": 0, "name": "a"}, {"id": 0, "name": "b"}]}', "same id"),
        ('{"classes": [{"id": 0, "name": "a", "color": [1, 2]}]}', "three integers"),
        ('{"classes": [{"id": 0, "name": "a", "color": [1, 2, 256]}]}', "three integers"),
        ('{"ignore_index": 0, "classes": [{"id": 0, "name": "a"}]}', "both a class"),
        ("\xff", "decode"),
    ],
)
def test_a_bad_class_list_is_named_with_its_mistake(tmp_path, text, problem):
    path = tmp_path / "classes.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(RequestError, match=problem) as error:
        load_class_list(path)
    assert str(path) in str(error.value)


def test_a_missing_class_list(tmp_path):
    with pytest.raises(RequestError, match="no such file. List the classes"):
        load_class_list(tmp_path / "classes.json")
