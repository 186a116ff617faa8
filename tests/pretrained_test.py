"""The models of the box: found by their names, small, and painting what the layout says."""

import os
import pathlib

import numpy as np
import pytest

from ecgan_tf.config import load_config
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.requests import synthesize
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.pretrained import find_model, pretrained_models

LAYOUTS = pathlib.Path(__file__).parents[1] / "ecgan_tf" / "data" / "earth_tiles" / "val" / "labels"


def test_they_are_small_and_each_folder_has_a_card():
    models = pretrained_models()
    assert set(models) == {"earth", "earth_256"}
    assert sum(os.path.getsize(path) for path in models.values()) <= 8_000_000
    for path in models.values():
        assert os.path.isfile(os.path.join(os.path.dirname(path), "README.md"))


def test_what_lies_there_comes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_model("earth") == pretrained_models()["earth"]
    (tmp_path / "earth").mkdir()
    assert find_model("earth") == str(tmp_path / "earth")
    assert find_model("mars") == str(tmp_path / "mars")


@pytest.mark.parametrize("name", ["earth", "earth_256"])
def test_pictures_have_the_colours_of_the_photographs_of_their_layouts(name):
    """Nearer to its own photograph than to that of another layout, in most cases, class by class unseen."""
    model, data = open_model(name), open_dataset(load_config("ecgan_earth").data, "validation")
    side = model.image_size[0]
    examples = [data.load(index, (side, side)) for index in range(0, len(data), 4)]
    small = [means(example["image"]) for example in examples]
    pictures = [model(example["labels"]) for example in examples]
    distances = np.array([[np.abs(means(picture) - other).mean() for other in small] for picture in pictures])
    assert pictures[0].shape == (side, side, 3) and all(picture.std() > 8 for picture in pictures)
    own = np.diag(distances)
    assert np.mean(own[:, None] <= distances) > 0.8 and own.mean() < 30


def means(image):
    """Mean colours of an 8x8 grid."""
    side = len(image) // 8
    return image.astype(float).reshape(8, side, 8, side, 3).mean((1, 3))


def test_synthesize_takes_a_name(tmp_path):
    synthesize("earth", str(LAYOUTS / sorted(os.listdir(LAYOUTS))[0]), str(tmp_path / "out"))
    assert len(list((tmp_path / "out").glob("*.png"))) == 1
    with pytest.raises(RequestError, match="no such file or folder.*a model of the box such as earth"):
        synthesize("mars", str(LAYOUTS), str(tmp_path / "out"))
