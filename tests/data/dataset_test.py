import shutil
import threading

import numpy as np
import pytest

from ecgan_tf.config import base_config, keys_of
from ecgan_tf.data.dataset import MemoryCache, open_dataset
from ecgan_tf.data.edges import canny_edges
from ecgan_tf.data.label_maps import label_boundaries
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS


@pytest.fixture
def open_folder(folder, data_config):
    def open_folder(split="train", **values):
        return open_dataset(data_config(name="folder", dir=str(folder), **values), split)

    return open_folder


def test_shapes_and_types(open_folder):
    dataset = open_folder(image_size=(16, 16), load_size=(20, 24), use_instances=True)
    arrays = dataset.load(0)
    assert {key: (array.shape, array.dtype) for key, array in arrays.items()} == {
        "image": ((20, 24, 3), np.uint8),
        "labels": ((20, 24), np.int32),
        "edges": ((20, 24), np.uint8),
        "boundaries": ((20, 24), np.uint8),
    }
    assert set(np.unique(arrays["edges"])) == {0, 255}
    assert (dataset.name, len(dataset), dataset.has_unknown, dataset.has_boundaries) == ("folder", 7, False, True)


def test_only_training_examples_are_loaded_larger_than_the_image(open_folder):
    assert open_folder("train", load_size=(20, 20)).load_size == (20, 20)
    assert open_folder("validation", load_size=(20, 20)).load_size == (16, 16)
    assert open_folder("train").load_size == (16, 16)


def test_the_configured_unknown_label(open_folder, folder, save):
    save(folder / "train" / "labels" / "0.png", np.full((20, 24), 9, np.uint8))
    dataset = open_folder(unknown_label=9)
    assert dataset.has_unknown and (dataset.load(0)["labels"] == 4).all()


def test_the_cache_changes_nothing_and_spares_the_files(open_folder, folder):
    cached, uncached = open_folder(), open_folder(cache_gb=0.0)
    cached.check(100)
    for i in range(7):
        for key, array in uncached.load(i).items():
            np.testing.assert_array_equal(cached.load(i)[key], array)
    (folder / "train" / "images" / "0.png").unlink()
    cached.load(0)
    with pytest.raises(RequestError, match="0.png: no such file"):
        uncached.load(0)


def test_where_whole_examples_do_not_fit_the_pictures_alone_are_read_again(open_folder, folder):
    values = {"load_size": (20, 24), "use_instances": True}
    little, uncached = open_folder(cache_gb=1.9e-5, **values), open_folder(cache_gb=0.0, **values)
    expected = [uncached.load(i) for i in range(7)]
    assert 7 * sum(array.nbytes for array in uncached.prepare(0, (20, 24)).values()) > 19_000
    for kinds in (("images", "labels", "instances"), ("images",)):  # what is there the first time, and the second
        for path in (folder / "train").iterdir():
            if path.name not in kinds:
                shutil.rmtree(path)
        for i in range(7):
            found = little.load(i)
            assert found.keys() == expected[i].keys()
            for key, array in found.items():
                np.testing.assert_array_equal(array, expected[i][key])


def test_labels_are_counted_in_the_files(open_folder, folder, save):
    for index in range(7):
        labels = np.full((20, 24), index % 2, np.uint8)
        labels[0] = 3
        save(folder / "train" / "labels" / f"{index}.png", labels)
    dataset = open_folder()
    assert dataset.label_counts().tolist() == [4 * 19 * 24, 3 * 19 * 24, 0, 7 * 24, 0]
    assert dataset.label_counts(limit=3).tolist() == [2 * 19 * 24, 19 * 24, 0, 3 * 24, 0]  # 0, 3 and 6


def test_cached_arrays_cannot_be_written_to(open_folder):
    dataset = open_folder()
    dataset.load(0)
    with pytest.raises(ValueError, match="read-only"):
        dataset.load(0)["image"][0] = 0


def test_the_cache_stays_below_its_limit_with_many_threads():
    cache = MemoryCache(1000)
    put = [lambda i=i: cache.put(i, {"a": np.zeros(100, np.uint8)}) for i in range(50)]
    threads = [threading.Thread(target=work) for work in put]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(cache.get(i) is not None for i in range(50)) == 10


def test_check_finds_a_truncated_file(open_folder, folder):
    path = folder / "train" / "labels" / "6.png"
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(RequestError, match=f"{path}: "):
        open_folder().check(7)


def test_check_joins_five_problems(open_folder, folder):
    for path in (folder / "train" / "images").iterdir():
        path.write_text("")
    with pytest.raises(RequestError, match="; and 2 more$") as error:
        open_folder().check(7)
    assert str(error.value).count("not a PNG/JPEG") == 5


def test_check_spreads_evenly_and_reports_progress(open_folder):
    dataset, seen = open_folder(), []
    dataset.check(3, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert [i for i in range(7) if dataset._cache.get((i, (16, 16)))] == [0, 3, 6]
    dataset.check(0)


@pytest.mark.parametrize("part", ["labels", "instances"])
def test_partners_of_another_size_name_both_files(open_folder, folder, save, part):
    save(folder / "train" / part / "1.png", np.zeros((21, 24), np.uint8))
    with pytest.raises(RequestError, match=f"images/1.png is 24x20 pixels but .*{part}/1.png is 24x21"):
        open_folder(use_instances=True).load(1)


# --- edges are made for the methods that learn them ------------------------------------------------------------------


def test_edges_are_those_of_the_source_that_is_asked_for(open_folder):
    canny, labels = (open_folder(edge_source=source) for source in ("canny", "label_boundary"))
    assert canny.has_edges and labels.has_edges
    arrays = labels.load(0)
    np.testing.assert_array_equal(arrays["edges"], 255 * label_boundaries(arrays["labels"]))
    edges = canny_edges(canny.load(0)["image"], 0.075, 0.175)
    np.testing.assert_array_equal(canny.load(0)["edges"], edges)
    changed = open_folder(canny_low=0.4, canny_high=0.9).load(0)["edges"]
    np.testing.assert_array_equal(changed, canny_edges(canny.load(0)["image"], 0.4, 0.9))
    assert (changed != edges).any()


@pytest.mark.parametrize("method", [name for name in METHODS if "data.edge_source" not in keys_of(name)])
def test_a_method_without_edges_gets_none(method, folder):
    config = base_config(method).data
    config.name, config.dir, config.image_size = "folder", str(folder), (16, 16)
    if method == "lggan_cross_view":
        for split in ("train", "val"):
            shutil.copytree(folder / split / "images", folder / split / "sources")
    dataset = open_dataset(config, "train")
    assert not dataset.has_edges and "edges" not in dataset.load(0)


def test_edges_can_be_turned_off(open_folder):
    dataset = open_folder(edge_source="none")
    assert not dataset.has_edges
    assert dataset.load(0).keys() == {"image", "labels"}
