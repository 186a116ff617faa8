"""Small data sets, written to a temporary folder."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.config import base_config

SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"
COLORS = np.array([[200, 40, 30], [30, 180, 60], [20, 60, 220], [240, 220, 90]], np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def data_config():
    """`config.data` with the given values."""

    def make(**values):
        method = "lggan_cross_view" if values.get("use_sources") else "ecgan"  # whose keys the values are
        config = base_config(method).data
        config.update({"image_size": (16, 16), **values})
        return config

    return make


@pytest.fixture
def shared_data():
    """The folder of a pack of real data."""

    def find(name):
        if not (SHARED_DATA / name).is_dir():
            pytest.skip(f"{SHARED_DATA / name} is absent")
        return str(SHARED_DATA / name)

    return find


@pytest.fixture
def save():
    """Writes an array as an image file, its folder included."""

    def save(path, array, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(path, **options)
        return path

    return save


@pytest.fixture
def folder(tmp_path, rng, save):
    """A data set in the folder layout whose photographs are its label maps in colour: 7 train, 3 validation."""
    classes = [{"id": i, "name": f"class {i}", "color": color} for i, color in enumerate(COLORS.tolist())]
    (tmp_path / "classes.json").write_text(json.dumps({"ignore_index": None, "classes": classes}))
    for split, count in (("train", 7), ("val", 3)):
        for i in range(count):
            labels = np.repeat(np.repeat(rng.integers(0, 4, (5, 6), dtype=np.uint8), 4, 0), 4, 1)
            save(tmp_path / split / "images" / f"{i}.png", COLORS[labels])
            save(tmp_path / split / "labels" / f"{i}.png", labels)
            save(tmp_path / split / "instances" / f"{i}.png", labels.astype(np.uint16) * 1000)
    return tmp_path
