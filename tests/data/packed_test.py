"""Shards of a data set give what its folder gives, bit for bit; broken, unfinished and other ones say so."""

import itertools
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.packed import Part
from ecgan_tf.data.packing import pack
from ecgan_tf.data.pipeline import Share, layout_batch, layouts_to_keep, readable_errors, training_batches
from ecgan_tf.data.validate import find_mistakes
from ecgan_tf.errors import RequestError

SMALL = 4000  # bytes, of a shard of a few examples
# Of every kind of what may be asked of a data set; sizes of the fixture's photographs are 20x24.
CASES = {
    "crops, flips and Canny's edges": {"load_size": (18, 20), "use_instances": True},
    "no crops": {"use_instances": True},
    "label boundaries": {"load_size": (20, 24), "edge_source": "label_boundary"},
    "no edges, no flips": {"load_size": (17, 16), "edge_source": "none", "flip": False},
    "of another view": {"load_size": (18, 20), "use_sources": True},
    "pairs of patches": {
        "image_size": (8, 10), "load_size": (18, 20), "exemplars": "cross+self", "retrieved_share": 0.5,
    },
    "photographs of drawn sizes": {
        "image_size": (8, 10), "exemplars": "cross+self", "short_side": (12, 19), "use_instances": True,
        "retrieved_share": 0.3,
    },
}  # fmt: skip


@pytest.fixture
def packed(folder, data_config, save, rng, tmp_path_factory):
    """Packs the folder for some settings; gives the configs of the folder and of the shards."""

    def make(shard_bytes=SMALL, **values):
        if values.get("use_sources"):
            for split, count in (("train", 7), ("val", 3)):
                for i in range(count):
                    save(folder / split / "sources" / f"{i}.png", rng.integers(0, 256, (30, 20, 3), np.uint8))
        config = data_config(name="folder", dir=str(folder), **values)
        shards = tmp_path_factory.mktemp("shards")
        pack(config, shards, shard_bytes=shard_bytes)
        return config, moved(config, shards)

    return make


def moved(config, folder, **values):
    config = config.copy_and_resolve_references()
    config.update({"dir": str(folder), **values})
    return config


def batches(config, first=0, steps=5, size=3, share=None, threads=None):
    found = training_batches(open_dataset(config, "train"), config, size, 3, first, steps, share)
    if threads:
        options = tf.data.Options()
        options.threading.private_threadpool_size = threads
        found = found.with_options(options)
    return list(found.as_numpy_iterator())


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            assert a[key].dtype == b[key].dtype
            np.testing.assert_array_equal(a[key], b[key])


# --- the same batches ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_shards_give_what_the_folder_gives(packed, folder, case):
    of_folder, of_shards = packed(**CASES[case])
    expected = batches(of_folder)
    assert len({batch["image"].tobytes() for batch in expected}) == 5  # they differ, so that an order counts
    shutil.move(folder / "train", folder / "away")  # nothing is read from it
    found = batches(of_shards)
    shutil.move(folder / "away", folder / "train")
    assert_same(found, expected)
    splits = [[open_dataset(config, split) for config in (of_shards, of_folder)] for split in ("train", "validation")]
    for ours, theirs in splits:
        assert_same([layouts_to_keep(ours, 32)], [layouts_to_keep(theirs, 32)])
        assert [example.name for example in ours.examples] == [example.name for example in theirs.examples]
        assert ours.aspect == theirs.aspect and ours.classes.to_dict() == theirs.classes.to_dict()
        np.testing.assert_array_equal(ours.label_counts(), theirs.label_counts())
        np.testing.assert_array_equal(ours.label_histograms, theirs.label_histograms)
    assert_same([layout_batch(splits[1][0], [2, 0])], [layout_batch(splits[1][1], [2, 0])])


def test_any_workers_readers_and_steps_see_one_stream(packed):
    of_folder, of_shards = packed(**CASES["crops, flips and Canny's edges"])
    expected = batches(of_folder, steps=6, size=4)
    for threads in (1, 3):
        assert_same(batches(of_shards, first=2, steps=4, size=4, threads=threads), expected[2:])
    for workers in (2, 4):
        shares = [Share(first, 1, workers) for first in range(workers)]
        parts = [batches(of_shards, first=1, steps=5, size=4, share=share) for share in shares]
        whole = [{key: np.concatenate([p[key] for p in step]) for key in step[0]} for step in zip(*parts, strict=True)]
        assert_same(whole, expected[1:])


def test_each_worker_reads_its_own_part_alone(packed, monkeypatch):
    _, of_shards = packed(**CASES["no crops"])
    reads, read = [], Part.read
    monkeypatch.setattr(Part, "read", lambda part, index: reads.append(index) or read(part, index))
    parts = []
    for first in range(2):  # an epoch of 7 examples, less one
        reads.clear()
        batches(of_shards, steps=3, size=2, share=Share(first, 1, 2))
        parts.append(set(reads))
    assert [len(part) for part in parts] == [3, 3] and not parts[0] & parts[1]


def test_a_selection_and_a_limit_are_packed(packed, folder, tmp_path):
    names = {"train": ["1", "2", "5"], "validation": ["0", "2"]}
    (tmp_path / "scenes.json").write_text(json.dumps(names))
    of_folder, of_shards = packed(selection=str(tmp_path / "scenes.json"), limit=2)
    assert_same(batches(of_shards), batches(of_folder))
    (tmp_path / "scenes.json").write_text(json.dumps({"train": ["1", "5"], "validation": ["0", "1"]}))
    with pytest.raises(RequestError, match="not those of config.data.selection="):
        open_dataset(of_shards, "validation")


def test_the_embedded_tiles_can_be_packed(data_config, tmp_path):
    config = data_config(name="earth_tiles", image_size=(16, 16), load_size=(18, 18))
    pack(config, tmp_path)
    assert_same(batches(moved(config, tmp_path)), batches(config))


# --- what was killed or broken ---------------------------------------------------------------------------------------


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_killed_run_goes_on(folder, data_config, tmp_path):
    config = data_config(name="folder", dir=str(folder), load_size=(18, 20))
    pack(config, tmp_path / "whole", shard_bytes=SMALL)
    steps = itertools.count()

    def killed(done, count, part):
        if next(steps) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pack(config, tmp_path / "shards", killed, SMALL)
    left = contents(tmp_path / "shards")
    assert 0 < sum(name.endswith(".npz") for name in left) < 4 and not [name for name in left if "partial" in name]
    with pytest.raises(RequestError, match="not all shards are made yet; run the same ecgan convert-data again"):
        open_dataset(moved(config, tmp_path / "shards"), "train")
    count, made, size = pack(config, tmp_path / "shards", shard_bytes=SMALL)
    assert made == count - sum(name.endswith(".npz") for name in left)
    found, expected = contents(tmp_path / "shards"), contents(tmp_path / "whole")
    assert size == sum(len(content) for name, content in found.items() if name != "shards.json")
    assert {k: v for k, v in found.items() if k.endswith(".bin")} == {
        k: v for k, v in expected.items() if k.endswith(".bin")
    }
    assert pack(config, tmp_path / "shards", shard_bytes=SMALL) == (count, 0, size)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


DAMAGES = {
    "flipped": ("train-00001.bin", flip, "is not what was written"),
    "cut off": ("train-00001.bin", lambda path: os.truncate(path, path.stat().st_size // 3), "cut off at byte"),
    "missing": ("train-00001.bin", os.remove, "missing"),
    "empty": ("train-00001.bin", lambda path: path.write_bytes(b""), "cut off at byte 0"),
    "index flipped": ("train-00001.npz", flip, "broken"),
    "index missing": ("train-00001.npz", os.remove, "missing"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_shard_is_named_and_made_anew(packed, damage):
    of_folder, of_shards = packed()
    shards = open_dataset(of_shards, "train")._part.folder
    name, spoil, words = DAMAGES[damage]
    before = {path.name: path.stat().st_mtime_ns for path in shards.iterdir()}
    spoil(shards / name)
    remedy = f"{shards}/{name}: .*{words}.*; run the same ecgan convert-data again, which makes this shard anew"
    with pytest.raises(RequestError, match=remedy):
        open_dataset(of_shards, "train").check(100)  # as a run does before it begins
    with pytest.raises(RequestError, match=remedy), readable_errors():
        batches(of_shards)
    _, made, _ = pack(of_folder, shards, shard_bytes=SMALL)
    after = {path.name: path.stat().st_mtime_ns for path in shards.iterdir()}
    changed = {name for name in before if before[name] != after[name]}
    assert made == 1 and changed == {"shards.json", "train-00001.bin", "train-00001.npz"}
    assert_same(batches(of_shards), batches(of_folder))


def test_a_photograph_that_changed_makes_its_shard_anew(packed, folder, save):
    of_folder, of_shards = packed()
    save(folder / "train" / "images" / "3.png", np.full((20, 24, 3), 90, np.uint8))
    _, made, _ = pack(of_folder, open_dataset(of_shards, "train")._part.folder, shard_bytes=SMALL)
    assert made == 1
    assert_same(batches(of_shards), batches(of_folder))


# --- settings --------------------------------------------------------------------------------------------------------

OTHERS = {
    "image_size": {"image_size": (8, 8)},
    "load_size": {"load_size": (20, 24)},
    "limit": {"limit": 3},
    "canny_low": {"canny_low": 0.1},
    "edge_source": {"edge_source": "label_boundary"},
    "unknown_label": {"unknown_label": 77},
    "use_instances": {"use_instances": True},
    "short_side": {"short_side": (18, 20)},
    "name": {"name": "coco_stuff"},
}


@pytest.mark.parametrize("key", OTHERS)
def test_other_settings_are_refused_by_name(packed, key):
    _, of_shards = packed(load_size=(18, 20))
    of_shards.update(OTHERS[key])
    for split in ("train", "validation"):
        with pytest.raises(RequestError, match=f"holds shards of other settings: config.data.{key} .*convert-data"):
            open_dataset(of_shards, split)


def test_who_needs_less_takes_the_same_shards(packed, folder):
    _, of_shards = packed(load_size=(18, 20), use_instances=True)
    less = {"use_instances": False, "edge_source": "none", "flip": False, "cache_gb": 0.0}
    found = batches(moved(of_shards, of_shards.dir, **less))
    assert found[0].keys() == {"image", "labels"}
    assert_same(found, batches(moved(of_shards, folder, **less)))


def test_a_folder_of_something_else_is_not_written_to(packed, folder, data_config, tmp_path):
    of_folder, of_shards = packed(load_size=(18, 20))
    shards = open_dataset(of_shards, "train")._part.folder
    before = contents(shards)
    with pytest.raises(RequestError, match="holds shards that differ in load_size; give another folder"):
        pack(moved(of_folder, folder, load_size=(20, 24)), shards, shard_bytes=SMALL)
    with pytest.raises(RequestError, match="holds shards already"):
        pack(of_shards, tmp_path)
    own = sorted(folder.rglob("*"))
    with pytest.raises(RequestError, match="is the data set's own folder, in which shards would hide it"):
        pack(of_folder, folder)
    assert sorted(folder.rglob("*")) == own
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "weights.bin").write_bytes(b"1")
    with pytest.raises(RequestError, match="holds .bin files of something else"):
        pack(of_folder, tmp_path / "other")
    assert contents(shards) == before and os.listdir(tmp_path / "other") == ["weights.bin"]
    with pytest.raises(RequestError, match="there is nothing to pack"):
        pack(data_config(name="earth"), tmp_path)


def test_what_shards_do_not_hold_is_said(packed):
    _, of_shards = packed(load_size=(18, 20))
    data = open_dataset(of_shards, "train")
    with pytest.raises(RequestError, match="example '4' is wanted at 5x6, and the shards hold it at 18x20"):
        data.load(4, (5, 6))
    with pytest.raises(RequestError, match="do not hold the examples at the size of their files"):
        data.read(0)
    mistakes = [line for lines in find_mistakes(of_shards).values() for line in lines]
    assert mistakes and "holds shards; the same ecgan convert-data" in mistakes[0]


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2}, {"settings": {}}, {"settings": 3}, {"parts": {}}, {"parts": {"train": 1, "validation": [1]}},
        {"parts": {"train": [0], "validation": [1]}}, {"classes": {}}, {"parts": {"train": [9], "validation": [3]}},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_cannot_be_true_is_refused(packed, change):
    _, of_shards = packed()
    path = open_dataset(of_shards, "train")._part.folder / "shards.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RequestError, match="ecgan convert-data"):
        open_dataset(of_shards, "train").check(100)
