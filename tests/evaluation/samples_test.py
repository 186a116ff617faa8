"""How much the pictures of a layout differ, by hand and of a run."""

import json
import types

import numpy as np
import pytest

import ecgan_tf
from ecgan_tf.config import base_config, load_config
from ecgan_tf.data import open_dataset
from ecgan_tf.evaluation.networks.judge import JudgeNetwork
from ecgan_tf.evaluation.samples import SAMPLES, measure_samples
from ecgan_tf.latents import draw_latents

SHAPES = {"z": (256,)}


@pytest.fixture(scope="module")
def tiles():
    config = base_config("spade").data
    config.update({"image_size": (32, 32)})
    return open_dataset(config, "validation")


def grey_of_code(batch):
    """A picture of one grey, which the first number of its code says."""
    return np.tile(np.tanh(batch["z"][:, 0])[:, None, None, None], (1, 32, 32, 3))


def test_the_difference_of_pixels_by_hand(tiles):
    model = types.SimpleNamespace(
        generate=grey_of_code, draw=lambda count, seed, number: draw_latents(SHAPES, seed, [number] * count)
    )
    maps = lambda images: [np.concatenate([np.asarray(images) + 2.0, np.ones_like(images)], axis=-1)]
    judge = JudgeNetwork("greys", "greys", "0", features=maps, feature_maps=maps)
    found, columns = measure_samples(model, tiles, [judge])
    greys = np.tanh(draw_latents(SHAPES, 0, range(SAMPLES))["z"][:, 0])
    apart = [abs(a - b) for i, a in enumerate(greys) for b in greys[:i]]
    assert found["pixels"] == pytest.approx(127.5 * np.mean(apart), rel=1e-4)
    assert found["greys"] > 0
    assert list(columns) == ["label map", "sample 1", "sample 2", "sample 3", "sample 4", "photograph"]
    assert all(pictures.shape == (6, 32, 32, 3) for pictures in columns.values())


def test_a_model_without_codes_has_no_samples_whatever_lies_there(make_run, tmp_path):
    config, out = load_config("earth_tiles:toy"), tmp_path / "E"
    many = make_run("spade", num_classes=17, use_vae=True, noise="classes")
    numbers = ecgan_tf.evaluate(str(many), str(out), config)
    assert numbers == json.loads((out / "evaluation.json").read_text())
    assert numbers["samples"]["diversity_pixels_32_val37"] > 0
    assert (out / "samples.png").is_file() and "between the pictures of a layout" in (out / "index.html").read_text()
    single = ecgan_tf.evaluate(str(make_run("spade", num_classes=17)), str(out), config)
    assert "samples" not in single and "four codes" not in (out / "index.html").read_text()
