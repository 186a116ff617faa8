import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import ecgan_tf.data
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.folders import find_classes, find_examples
from ecgan_tf.errors import RequestError

EARTH_TILES = Path(ecgan_tf.data.__file__).parent / "earth_tiles"


def test_earth_tiles_are_embedded(data_config):
    config = data_config(name="earth_tiles")
    assert len(find_examples(config, "train")) == 358
    assert len(find_examples(config, "validation")) == 37
    classes = find_classes(config)
    assert (classes.num_classes, classes.has_unknown, classes.names[0]) == (17, False, "water")


def test_earth_tiles_are_what_their_manifest_says():
    lines = (EARTH_TILES / "MANIFEST.sha256").read_text().splitlines()
    listed = {name: checksum for checksum, name in (line.split(maxsplit=1) for line in lines)}
    files = {path.relative_to(EARTH_TILES).as_posix(): path for path in EARTH_TILES.rglob("*") if path.is_file()}
    assert files.keys() - {"MANIFEST.sha256"} == listed.keys()
    assert {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in listed} == listed
    assert any(name.startswith("licenses/") for name in listed)


def test_the_folder_files(folder, data_config):
    examples = find_examples(data_config(name="folder", dir=str(folder)), "train")
    assert [example.name for example in examples] == list("0123456")
    assert examples[2].labels == folder / "train" / "labels" / "2.png"
    assert examples[2].instances is None


def test_sources_are_found_when_they_are_used(folder, data_config):
    (folder / "val" / "images").rename(folder / "val" / "sources")  # what is there serves as the other view
    shutil.copytree(folder / "val" / "sources", folder / "val" / "images")
    examples = find_examples(data_config(name="folder", dir=str(folder), use_sources=True), "validation")
    assert examples[1].source == folder / "val" / "sources" / "1.png"
    assert find_examples(data_config(name="folder", dir=str(folder)), "validation")[1].source is None


def test_missing_sources_are_named(folder, data_config):
    config = data_config(name="folder", dir=str(folder), use_sources=True)
    assert "sources: no such folder; cross-view translation reads the other view there" in mistake(config)
    shutil.copytree(folder / "train" / "images", folder / "train" / "sources")
    (folder / "train" / "sources" / "5.png").unlink()
    assert "5.png: no photograph of the other view; expected" in mistake(config)


def test_instances_are_found_when_they_are_used(folder, data_config):
    examples = find_examples(data_config(name="folder", dir=str(folder), use_instances=True), "validation")
    assert examples[1].instances == folder / "val" / "instances" / "1.png"


def test_hidden_and_foreign_files_are_left_alone(folder, data_config):
    for name in (".DS_Store", "._0.png", "notes.txt"):
        (folder / "train" / "images" / name).write_text("")
    assert len(find_examples(data_config(name="folder", dir=str(folder)), "train")) == 7


@pytest.fixture
def cityscapes(tmp_path, save, rng):
    for part, count in (("train", 3), ("val", 2)):
        for i in range(count):
            city = ("aachen", "bad-honnef")[i % 2]
            stem = f"{city}_{i:06d}_000019"
            labels = rng.integers(0, 34, (16, 32), dtype=np.uint8)
            image = rng.integers(0, 256, (16, 32, 3), dtype=np.uint8)
            save(tmp_path / "leftImg8bit" / part / city / f"{stem}_leftImg8bit.png", image)
            for kind, array in (
                ("labelIds", labels),
                ("instanceIds", labels.astype(np.uint16) * 1000),
                ("color", image),
            ):
                save(tmp_path / "gtFine" / part / city / f"{stem}_gtFine_{kind}.png", array)
    return tmp_path


def test_the_cityscapes_files(cityscapes, data_config):
    config = data_config(name="cityscapes", dir=str(cityscapes), use_instances=True, image_size=(8, 16))
    dataset = open_dataset(config, "train")
    names = ["aachen_000000_000019", "aachen_000002_000019", "bad-honnef_000001_000019"]
    assert [example.name for example in dataset.examples] == names
    assert dataset.examples[0].labels.name == "aachen_000000_000019_gtFine_labelIds.png"
    assert dataset.classes.num_classes == 35
    assert dataset.load(0)["boundaries"].shape == (8, 16)


def test_a_missing_cityscapes_label_map_is_expected_in_its_city(cityscapes, data_config):
    missing = cityscapes / "gtFine/train/bad-honnef/bad-honnef_000001_000019_gtFine_labelIds.png"
    missing.unlink()
    with pytest.raises(RequestError, match=f"no label map; expected {missing}. 1 of 3"):
        find_examples(data_config(name="cityscapes", dir=str(cityscapes)), "train")


# --- mistakes --------------------------------------------------------------------------------------------------------


def mistake(config, split="train"):
    with pytest.raises(RequestError) as error:
        find_examples(config, split)
    return str(error.value)


def test_missing_folders_are_named(folder, tmp_path, data_config):
    assert f"{folder / 'nowhere'}: no such folder" in mistake(data_config(name="folder", dir=str(folder / "nowhere")))
    assert "config.data.dir is empty" in mistake(data_config(name="folder"))
    message = mistake(data_config(name="ade20k", dir=str(folder)))
    assert f"{folder / 'images' / 'training'}: no such folder" in message
    assert str(folder / "annotations" / "training" / "*.png") in message


def test_an_unknown_name_lists_the_choices(data_config):
    assert "earth_tiles, folder" in mistake(data_config(name="nope", dir="."))


def test_a_missing_label_map_is_named_and_counted(folder, data_config):
    for i in (2, 4):
        (folder / "train" / "labels" / f"{i}.png").unlink()
    message = mistake(data_config(name="folder", dir=str(folder)))
    assert f"{folder}/train/images/2.png: no label map; expected {folder}/train/labels/2.png. 2 of 7" in message


def test_a_label_map_without_a_photograph_is_named(folder, data_config):
    (folder / "train" / "images" / "3.png").unlink()
    message = mistake(data_config(name="folder", dir=str(folder)))
    assert f"{folder}/train/labels/3.png: a label map without a photograph. 1 of 7" in message


def test_two_photographs_of_one_name(folder, data_config, save):
    save(folder / "train" / "images" / "3.jpg", np.zeros((20, 24, 3), np.uint8))
    message = mistake(data_config(name="folder", dir=str(folder)))
    assert "3.jpg and " in message and "share the name '3'" in message


def test_an_empty_folder(tmp_path, data_config):
    (tmp_path / "train" / "images").mkdir(parents=True)
    (tmp_path / "train" / "labels").mkdir()
    assert "no photographs; expected" in mistake(data_config(name="folder", dir=str(tmp_path)))


def test_missing_instance_maps(folder, data_config):
    config = data_config(name="folder", dir=str(folder), use_instances=True)
    (folder / "train" / "instances" / "5.png").unlink()
    assert "5.png: no instance map; expected" in mistake(config)
    (folder / "val" / "instances").rename(folder / "val" / "elsewhere")
    assert "set config.data.use_instances=False" in mistake(config, "validation")


def test_a_class_list_of_another_length_than_the_layout(tmp_path, data_config):
    content = {"classes": [{"id": 0, "name": "a"}]}
    (tmp_path / "classes.json").write_text(json.dumps(content))
    with pytest.raises(RequestError, match="1 classes, but this data set has 150"):
        find_classes(data_config(name="ade20k", dir=str(tmp_path)))


# --- real data -------------------------------------------------------------------------------------------------------


def test_camvid(shared_data, data_config):
    config = data_config(name="folder", dir=shared_data("camvid"), image_size=(48, 64))
    dataset = open_dataset(config, "train")
    assert (len(dataset), len(find_examples(config, "validation"))) == (367, 101)
    assert (dataset.classes.num_classes, dataset.classes.unknown_label, dataset.has_unknown) == (11, 255, True)
    dataset.check(5)
    assert max(dataset.load(i)["labels"].max() for i in range(0, 367, 90)) == 11
    assert 0.005 < (dataset.load(0)["edges"] > 0).mean() < 0.3


def test_coco_stuff(shared_data, data_config):
    config = data_config(name="coco_stuff", dir=shared_data("coco_stuff_sample"), use_instances=True)
    dataset = open_dataset(config, "train")
    assert (len(dataset), len(find_examples(config, "validation"))) == (13, 8)
    dataset.check(100)
    assert dataset.classes.num_classes == 182
    assert 0 < dataset.load(0)["boundaries"].mean() < 1


def test_ade20k(shared_data, data_config):
    config = data_config(name="ade20k", dir=shared_data("ade20k_sample"))
    dataset = open_dataset(config, "validation")
    assert (len(dataset), len(find_examples(config, "train"))) == (3, 3)
    dataset.check(100)
    assert (dataset.classes.num_classes, dataset.classes.names[0], dataset.classes.unknown_label) == (150, "wall", 0)
    assert dataset.classes.file_values == tuple(range(1, 151))
