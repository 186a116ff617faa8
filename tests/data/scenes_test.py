import json
import re

import numpy as np
import pytest

from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.folders import SPLITS, _listed, find_classes, find_examples
from ecgan_tf.data.scenes import OUTDOORS, find_scenes, is_scene, largest_thing
from ecgan_tf.errors import RequestError


@pytest.fixture
def coco(tmp_path, save, data_config):
    """Half sky, half wall in four photographs, with a person on none, 20%, 30% of the first, and two of 20% beside."""
    config = data_config(name="coco_stuff", dir=str(tmp_path))
    names = find_classes(config).names
    sky, wall, person = names.index("sky-other"), names.index("wall-brick"), names.index("person")
    for part in ("train", "val"):
        for name, columns in (
            ("0_none", []),
            ("1_small", [(0, 2)]),
            ("2_large", [(0, 3)]),
            ("3_two", [(0, 2), (4, 6)]),
        ):
            labels = np.full((10, 10), wall, np.uint8)
            labels[:5] = sky
            for start, end in columns:
                labels[:, start:end] = np.where(np.arange(10)[:, None] < 4, labels[:, start:end], person)
                labels[:4, start:end] = person if name == "2_large" else labels[:4, start:end]
            save(tmp_path / f"{part}_img" / f"{name}.png", np.zeros((10, 10, 3), np.uint8))
            save(tmp_path / f"{part}_label" / f"{name}.png", labels)
    return config


def test_largest_thing_by_hand():
    labels = np.full((4, 5), 150)
    labels[:2, :2] = 3  # 4 pixels of class 3
    labels[3, :3] = 3  # 3 more, apart
    labels[:, 4] = 7  # 4 pixels
    assert largest_thing(labels) == 4 / 20
    assert largest_thing(labels, np.zeros((4, 5), np.uint16)) == 7 / 20  # one instance in two parts
    assert largest_thing(np.full((4, 5), 150)) == 0
    assert is_scene(np.full((4, 5), 150), None, [150]) and not is_scene(np.full((4, 5), 150), None, [149])


def test_the_scenes_of_both_splits(coco):
    scenes = find_scenes(coco)
    assert scenes == {split: ["0_none", "1_small", "3_two"] for split in ("train", "validation")}


def test_every_class_of_the_outdoors_is_one_of_coco_stuff(coco):
    assert set(OUTDOORS) < set(find_classes(coco).names[91:])


def test_other_classes_have_no_scenes(data_config):
    with pytest.raises(RequestError, match="'earth_tiles' lacks .* classes by which a scene is told"):
        find_scenes(data_config(name="earth_tiles"))


def test_a_selection_is_what_is_trained_on(folder, data_config, tmp_path):
    path = tmp_path / "selection.json"
    config = data_config(name="folder", dir=str(folder), selection=str(path))
    path.write_text(json.dumps({"train": ["5", "1"], "validation": ["2"]}))
    assert [example.name for example in open_dataset(config, "train").examples] == ["1", "5"]
    assert [example.name for example in find_examples(config, "validation")] == ["2"]


def test_a_folder_of_split_lists_is_a_selection(folder, data_config, tmp_path):
    lists = tmp_path / "dayton_split"
    lists.mkdir()
    plain = data_config(name="folder", dir=str(folder))
    names = {split: [example.name for example in find_examples(plain, split)] for split in SPLITS}
    (lists / "dayton_train.txt").write_text("\n".join(f"{name}.jpg" for name in names["train"][:3]) + "\n\n")
    (lists / "dayton_test.txt").write_text(f".\n..\n{names['validation'][1]}.png")
    config = data_config(name="folder", dir=str(folder), selection=str(lists))
    assert [example.name for example in find_examples(config, "train")] == names["train"][:3]
    assert [example.name for example in find_examples(config, "validation")] == names["validation"][1:2]
    (lists / "other_train.lst").write_text("nothing.png")
    with pytest.raises(RequestError, match="2 text files are for the split 'train'"):
        find_examples(config, "train")
    (lists / "dayton_train.txt").unlink()
    with pytest.raises(RequestError, match="1 of 1 names of the split 'train' are no photographs"):
        find_examples(config, "train")


def test_a_line_of_a_split_list_may_lack_the_direction_of_a_joined_picture():
    images = {"x.y.a-82.a2g": 1, "x.y.a53": 2}
    assert _listed("x.y.a-82.jpg", images) == "x.y.a-82.a2g"
    assert _listed("x.y.a53.jpg", images) == _listed("x.y.a53", images) == "x.y.a53"
    assert _listed("other.jpg", images) == "other.jpg"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"train": ["1", "77"]}, "1 of 2 names of the split 'train' are no photographs of the data set, such as '77'"),
        ({"validation": ["1"]}, "lists no examples of the split 'train'"),
        ({"train": []}, "lists no examples of the split 'train'"),
        (["1"], "cannot be read as JSON"),
    ],
)
def test_a_selection_that_does_not_fit_is_refused(folder, data_config, tmp_path, content, message):
    path = tmp_path / "selection.json"
    path.write_text(json.dumps(content))
    config = data_config(name="folder", dir=str(folder), selection=str(path))
    with pytest.raises(RequestError, match=f"{re.escape(str(path))}.*{re.escape(message)}"):
        find_examples(config, "train")
