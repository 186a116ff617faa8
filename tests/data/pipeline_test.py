import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.label_maps import read_layout
from ecgan_tf.data.pipeline import (
    augmentations,
    crop_and_flip,
    example_at,
    layout_batch,
    readable_errors,
    to_batch,
    training_batches,
    validation_batches,
)
from ecgan_tf.errors import RequestError


@pytest.fixture
def cropped(folder, data_config):
    """A data set whose photographs are its labels in colour, with crops, flips and boundaries."""
    config = data_config(name="folder", dir=str(folder), load_size=(20, 24), use_instances=True)
    return open_dataset(config, "train"), config


def batches(data, batch_size, start_step, steps, seed=3):
    return list(training_batches(*data, batch_size, seed, start_step, steps).as_numpy_iterator())


def assert_equal(a, b):
    assert a.keys() == b.keys()
    for key in a:
        np.testing.assert_array_equal(a[key], b[key])


def as_colors(image):
    return np.round((image + 1) * 127.5).astype(np.uint8)


def test_shapes_types_and_ranges(cropped):
    dataset = training_batches(*cropped, 3, 0, 0, 2)
    assert {key: tuple(spec.shape) for key, spec in dataset.element_spec.items()} == {
        "image": (3, 16, 16, 3),
        "labels": (3, 16, 16),
        "edges": (3, 16, 16, 1),
        "boundaries": (3, 16, 16, 1),
    }
    batch = next(dataset.as_numpy_iterator())
    assert {key: array.dtype.name for key, array in batch.items()} == {
        "image": "float32", "labels": "int32", "edges": "float32", "boundaries": "float32",
    }  # fmt: skip
    assert -1 <= batch["image"].min() < batch["image"].max() <= 1
    assert set(np.unique(batch["edges"])) == {-1, 1}
    assert set(np.unique(batch["boundaries"])) == {0, 1}


def test_a_batch_has_edges_only_where_they_are_used(folder, data_config):
    config = data_config(name="folder", dir=str(folder), edge_source="none")
    data = open_dataset(config, "train"), config
    assert training_batches(*data, 3, 0, 0, 1).element_spec.keys() == {"image", "labels"}
    assert batches(data, 3, 0, 1)[0].keys() == layout_batch(data[0], [0]).keys() == {"image", "labels"}


def test_the_other_view_is_cropped_and_flipped_with_the_image(folder, data_config, save):
    for split, count in (("train", 7), ("val", 3)):
        for i in range(count):  # the photograph, doubled in size
            with Image.open(folder / split / "images" / f"{i}.png") as image:
                save(folder / split / "sources" / f"{i}.png", np.asarray(image).repeat(2, 0).repeat(2, 1))
    config = data_config(name="folder", dir=str(folder), load_size=(20, 24), use_sources=True)
    data = open_dataset(config, "train")
    for batch in training_batches(data, config, 3, 0, 0, 3).as_numpy_iterator():
        assert batch["source"].dtype == np.float32
        np.testing.assert_array_equal(batch["source"], batch["image"])
    validation = layout_batch(open_dataset(config, "validation"), [1])
    layout = read_layout(folder / "val" / "labels" / "1.png", data.classes, (16, 16),
                         source_path=folder / "val" / "sources" / "1.png")  # fmt: skip
    np.testing.assert_allclose(layout["source"], validation["source"][0], atol=1e-6)


def test_starting_at_a_step_equals_skipping_to_it(cropped):
    from_start, later = batches(cropped, 3, 0, 7), batches(cropped, 3, 4, 3)
    assert len(from_start) == 7
    for expected, batch in zip(from_start[4:], later, strict=True):
        assert_equal(batch, expected)


def test_an_example_of_the_stream_does_not_depend_on_the_batch_size(cropped):
    large, small = batches(cropped, 6, 0, 2), batches(cropped, 3, 0, 4)
    for i, batch in enumerate(large):
        pair = small[2 * i : 2 * i + 2]
        assert_equal(batch, {key: np.concatenate([half[key] for half in pair]) for key in batch})


def test_another_seed_gives_another_stream(cropped):
    assert any(
        (a["image"] != b["image"]).any() for a, b in zip(batches(cropped, 3, 0, 2, 3), batches(cropped, 3, 0, 2, 4))
    )


@pytest.mark.parametrize("num_examples", [1, 2, 7, 358])
def test_every_epoch_visits_each_example_once_in_another_order(num_examples):
    epochs = [[example_at(0, e * num_examples + i, num_examples) for i in range(num_examples)] for e in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(num_examples))
    if num_examples > 6:
        assert epochs[0] != epochs[1] != epochs[2]


def test_the_stream_shows_the_examples_of_its_order(cropped):
    dataset, config = cropped
    config.load_size, config.flip = (0, 0), False
    dataset = open_dataset(config, "train")
    shown = np.concatenate([batch["labels"] for batch in batches((dataset, config), 4, 0, 4)])
    for position, labels in enumerate(shown):
        np.testing.assert_array_equal(labels, dataset.load(example_at(3, position, 7))["labels"])


def test_crop_and_flip_are_shared(cropped):
    dataset, _ = cropped
    whole = {i: dataset.load(i) for i in range(len(dataset))}
    for step, batch in enumerate(batches(cropped, 4, 0, 6)):
        np.testing.assert_array_equal(as_colors(batch["image"]), dataset.classes.colorize(batch["labels"]))
        offsets, flips = augmentations(*cropped, 3, range(4 * step, 4 * step + 4))
        for j, (offset, flip) in enumerate(zip(offsets, flips)):
            arrays = whole[example_at(3, 4 * step + j, 7)]
            window = (slice(offset[0], offset[0] + 16), slice(offset[1], offset[1] + 16))
            mirror = slice(None, None, -1 if flip else 1)
            np.testing.assert_array_equal(batch["labels"][j], arrays["labels"][window][:, mirror])
            np.testing.assert_array_equal(batch["edges"][j, ..., 0] > 0, arrays["edges"][window][:, mirror] > 0)
            np.testing.assert_array_equal(batch["boundaries"][j, ..., 0], arrays["boundaries"][window][:, mirror])


def test_crop_and_flip_by_hand():
    labels = np.arange(12, dtype=np.int32).reshape(3, 4)
    np.testing.assert_array_equal(crop_and_flip({"a": labels}, (2, 2), (1, 2), False)["a"], [[6, 7], [10, 11]])
    np.testing.assert_array_equal(crop_and_flip({"a": labels}, (2, 2), (1, 2), True)["a"], [[7, 6], [11, 10]])


def test_every_offset_and_both_flips_occur_equally_often(cropped):
    offsets, flips = augmentations(*cropped, 0, range(9000))
    for axis, choices in ((0, 5), (1, 9)):
        counts = np.bincount(offsets[:, axis], minlength=choices)
        assert len(counts) == choices and counts.min() > 0.85 * 9000 / choices
    assert 0.47 < flips.mean() < 0.53


def test_flips_can_be_turned_off(cropped):
    dataset, config = cropped
    config.flip = False
    assert not augmentations(dataset, config, 0, range(100))[1].any()


def test_validation_shows_every_example_once_in_order(folder, data_config):
    config = data_config(name="folder", dir=str(folder), load_size=(20, 24), use_instances=True)
    dataset = open_dataset(config, "validation")
    shown = list(validation_batches(dataset, config, 2).as_numpy_iterator())
    assert [batch["name"].tolist() for batch in shown] == [[b"0", b"1"], [b"2"]]
    for batch, indices in zip(shown, ([0, 1], [2]), strict=True):
        del batch["name"]
        assert_equal(batch, layout_batch(dataset, indices))


def test_validation_of_training_examples_neither_crops_nor_flips(cropped):
    batch = layout_batch(cropped[0], [5])
    rows, columns = (2 * np.arange(16) + 1) * 20 // 32, (2 * np.arange(16) + 1) * 24 // 32
    expected = cropped[0].read(5)["labels"][rows[:, np.newaxis], columns]
    np.testing.assert_array_equal(batch["labels"][0], expected)


def test_an_unreadable_file_in_a_batch_is_named(cropped, folder):
    (folder / "train" / "labels" / "4.png").write_text("")
    with pytest.raises(
        RequestError, match=f"^{folder}/train/labels/4.png: not a PNG image, or a broken one; save it as PNG.$"
    ):
        with readable_errors():
            batches(cropped, 7, 0, 1)


def test_tensorflow_takes_the_arrays_of_a_batch_as_they_are(cropped):
    for array in to_batch([cropped[0].load(index, (5, 7)) for index in range(3)]).values():
        assert array.ctypes.data % 64 == 0 and array.flags.c_contiguous


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
from ecgan_tf.config import base_config
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.pipeline import training_batches

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
config = base_config("ecgan").data
config.update({"name": "folder", "dir": sys.argv[1], "image_size": (16, 16), "load_size": (20, 24)})
batches = training_batches(open_dataset(config, "train"), config, 4, 0, 2, 3)
distributed = strategy.experimental_distribute_dataset(batches)
for whole, parts in zip(batches, distributed):
    halves = strategy.experimental_local_results(parts["image"])
    assert [half.shape for half in halves] == [(2, 16, 16, 3)] * 2
    np.testing.assert_array_equal(tf.concat(halves, 0), whole["image"])
print("same stream")
"""


def test_two_replicas_share_the_stream_of_one(folder):
    result = subprocess.run([sys.executable, "-c", REPLICAS, str(folder)], capture_output=True, text=True, timeout=120)
    assert "same stream" in result.stdout, result.stderr[-2000:]
