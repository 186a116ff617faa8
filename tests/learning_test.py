"""Small synthetic pairs from which a method must learn what it is for: make conformance runs these."""

import json

import numpy as np
import pytest
from PIL import Image

from ecgan_tf import train
from ecgan_tf.config import load_config
from ecgan_tf.data import open_dataset
from ecgan_tf.evaluation.evaluate import generate_of
from ecgan_tf.evaluation.measures import Measures
from ecgan_tf.evaluation.networks.choice import open_judges
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.training.segmenter import train_segmenter

pytestmark = pytest.mark.slow
SIDE = 32
COUNTS = {"train": 96, "val": 24}
LEAST_DIVERSITY = 12.0  # of 255, between two pictures of a layout; photographs of one layout are 37 apart


def write_pairs(folder, draw):
    """A data set of two classes in the folder layout; `draw` gives the pictures of a region by the name of a folder."""
    rng = np.random.default_rng(0)
    for split, count in COUNTS.items():
        for number in range(count):
            slope, offset = rng.uniform(-1, 1), rng.uniform(0.2, 0.8)
            y, x = np.mgrid[:SIDE, :SIDE] / SIDE
            region = y > offset + slope * (x - 0.5)
            pictures = {"labels": region.astype(np.uint8), **draw(rng, region[..., None])}
            for kind, pixels in pictures.items():
                path = folder / split / kind / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    entries = [{"id": i, "name": name, "color": [255 * i] * 3} for i, name in enumerate(("sky", "ground"))]
    (folder / "classes.json").write_text(json.dumps({"classes": entries}))


def noisy(rng, picture):
    """Colours with grain, uint8."""
    return np.clip(picture + rng.normal(0, 3, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def seasons(tmp_path_factory):
    """Photographs whose ground has any dark colour, and whose sky the opposite one: the layout does not say which."""
    folder = tmp_path_factory.mktemp("seasons")

    def draw(rng, region):
        colour = rng.uniform(10, 120, 3)
        return {"images": noisy(rng, np.where(region, colour, 255 - colour))}

    write_pairs(folder, draw)
    return folder


def learn(folder, name, run, **values):
    config = load_config(name)
    fast = {
        "data.name": "folder",
        "data.dir": str(folder),
        "data.image_size": (SIDE, SIDE),
        "data.load_size": (0, 0),
        "loss.reconstruction": 10.0,
        "loss.perceptual": 0.0,
        "optimizer.generator_lr": 1e-3,
        "optimizer.discriminator_lr": 1e-3,
        "optimizer.ema_decay": 0.99,
        "train.global_batch_size": 8,
        "train.log_every": 100,
        "train.steps": 800,
    }
    config.update_from_flattened_dict({**fast, **values})
    train(config, str(run))
    return config


def test_a_vae_gives_other_pictures_of_a_layout_and_better_ones(seasons, tmp_path):
    scores = {}
    for use_vae in (False, True):
        run = tmp_path / f"{use_vae}"
        config = learn(
            seasons,
            "earth_tiles:toy",
            run,
            **{"model.use_vae": use_vae, "model.initializer": "he", **({"loss.kl": 0.2} if use_vae else {})},
        )
        data, model = open_dataset(config.data, "validation"), open_model(str(run))
        judge = tmp_path / "judge.npz"
        if not judge.exists():
            train_segmenter(config, str(judge), steps=150)
        measured = Measures(data, open_judges([str(judge)], data)).measure(generate_of(model, None, data))
        scores[use_vae] = measured.numbers[measured.find("fd")]
    labels = np.stack([data.load(index, data.image_size)["labels"] for index in range(8)])
    pictures = [model(labels, seed=seed).astype(float) for seed in range(4)]
    apart = np.mean([np.abs(a - b).mean() for i, a in enumerate(pictures) for b in pictures[:i]])
    assert apart > LEAST_DIVERSITY
    noise = measured.references[measured.find("fd")]  # between two halves of the photographs
    assert scores[True] < scores[False] + noise


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    """Photographs whose ground has the colour that the other view shows beside black and white.

    Without these there is nothing to see: instance normalisation takes a colour out of a picture that is all of it.
    """
    folder = tmp_path_factory.mktemp("views")

    def draw(rng, region):
        colour = rng.uniform(20, 235, 3)
        picture, source = np.where(region, colour, 128), np.tile(colour, (SIDE, SIDE, 1))
        source[:, : SIDE // 4], source[:, -SIDE // 4 :] = 0, 255
        return {"images": noisy(rng, picture), "sources": noisy(rng, source)}

    write_pairs(folder, draw)
    return folder


def test_cross_view_takes_the_colour_of_the_other_view(views, tmp_path):
    values = {"model.initializer": "he", "loss.reconstruction": 100.0, "train.steps": 1600}
    config = learn(views, "earth_tiles:lggan_cross_view_toy", tmp_path / "run", **values)
    data, model = open_dataset(config.data, "validation"), open_model(str(tmp_path / "run"))
    examples = [data.load(index, data.image_size) for index in range(len(data))]
    labels, sources = (np.stack([example[key] for example in examples]) for key in ("labels", "source"))
    pictures = model(labels, source=sources)
    ground = np.stack([picture[mask].mean(axis=0) for picture, mask in zip(pictures, labels == 1)])
    wanted = sources[:, SIDE // 2, SIDE // 3 : -SIDE // 3].mean(axis=1)
    distances = np.abs(ground[:, None] - wanted).mean(axis=-1)  # of each picture's ground to each of the other views
    own, others = np.diag(distances), distances[~np.eye(len(data), dtype=bool)]
    assert own.mean() < 0.5 * others.mean()
    assert (distances.argmin(axis=1) == np.arange(len(data))).mean() > 0.25  # of 24: 0.04 by chance
