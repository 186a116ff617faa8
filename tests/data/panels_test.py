"""The pictures of LGGAN's cross-view release, six panels side by side."""

import subprocess
import sys

import numpy as np
import pytest

from ecgan_tf.config import base_config, check_config
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.data.panels import groups_of
from ecgan_tf.data.pipeline import training_batches
from ecgan_tf.errors import RequestError


@pytest.fixture
def pairs(tmp_path, save):
    """Panels of one colour each, 100 more each time; label maps of 10 rows, one value a row."""
    rows = np.array([0, 10, 20, 30, 40, 50, 60, 12, 58, 66], np.uint8)
    labels = np.broadcast_to(rows[:, None, None], (10, 10, 3))
    panels = [np.full((10, 10, 3), value, np.uint8) for value in (10, 110, 210, 250)]
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            picture = np.concatenate([*panels, labels, labels[::-1]], axis=1)
            save(tmp_path / split / f"{number}.a2g.png", picture)
    return tmp_path


def make(folder, **values):
    config = base_config("lggan_cross_view")
    config.update_from_flattened_dict(
        {"data.name": "cross_view", "data.dir": str(folder), "data.image_size": (10, 10), "data.flip": False, **values}
    )
    return config


@pytest.mark.parametrize(("direction", "given", "wanted"), [("a2g", 10, 110), ("g2a", 110, 10)])
def test_a_direction_takes_its_panels(pairs, direction, given, wanted):
    config = make(pairs, **{"data.direction": direction})
    data = open_dataset(config.data, "train")
    assert (len(data), len(open_dataset(config.data, "validation")), data.classes.num_classes) == (3, 2, 6)
    arrays = data.load(1)
    assert (arrays["source"] == given).all() and (arrays["image"] == wanted).all()
    expected = [6, 0, 1, 2, 3, 4, 5, 0, 5, 6]
    np.testing.assert_array_equal(arrays["labels"][:, 0], expected[::-1] if direction == "a2g" else expected)
    assert data.label_counts().tolist() == [60, 30, 30, 30, 30, 60, 60]
    (batch,) = training_batches(data, config.data, 2, 0, 0, 1)
    assert batch["source"].shape == batch["image"].shape == (2, 10, 10, 3)


def test_values_between_two_groups_are_of_the_nearest():
    values = np.array([[4, 5, 14, 15, 64, 65, 255]], np.uint8)[..., None].repeat(3, -1)
    np.testing.assert_array_equal(groups_of(values), [[6, 0, 0, 1, 5, 6, 6]])


def test_a_picture_of_no_six_panels_is_refused(pairs, save):
    save(pairs / "train" / "wrong.png", np.zeros((10, 64, 3), np.uint8))
    with pytest.raises(RequestError, match="wrong.png: 64 pixels wide, which is no multiple of 6"):
        open_dataset(make(pairs).data, "train").check(10)


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        ("spade", {"data.name": "cross_view", "data.dir": "D"}, "is read by the method that translates a second view"),
        (
            "lggan_cross_view",
            {"data.name": "folder", "data.dir": "D", "data.direction": "g2a"},
            "direction is 'g2a'; in a",
        ),
        ("lggan_cross_view", {"data.name": "folder", "data.dir": "D", "model.sau_patch": "upsampled"}, "'sau' does"),
        ("lggan_plus", {"model.fusion": "global"}, "sau_place is 'both', but .* there are no decoders"),
        ("lggan_plus", {"model.sau_place": "none", "model.sau_patch": "upsampled"}, "sau_place 'none' reads none"),
    ],
)
def test_what_nothing_would_read_is_refused(method, values, message):
    config = base_config(method)
    config.update_from_flattened_dict(values)
    with pytest.raises(RequestError, match=message):
        check_config(config)


def test_validate_reads_joined_pictures(pairs):
    words = [sys.executable, "-m", "ecgan_tf", "validate", "--data.name=cross_view"]
    result = subprocess.run([*words, f"--data.dir={pairs}"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "No errors." in result.stdout
