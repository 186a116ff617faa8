import json

import keras
import numpy as np
import pytest

from ecgan_tf import train
from ecgan_tf.config import check_config, load_config
from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import make_generator
from ecgan_tf.methods.base import TEACHER
from ecgan_tf.methods.mobile import MobileObjective, make_teacher
from ecgan_tf.runs.folder import read_model
from ecgan_tf.runs.opening import open_run
from ecgan_tf.training.gan import GAN
from ecgan_tf.training.initial import begin

LAYOUT = {"num_classes": 3, "image_size": (32, 48)}


def test_the_layout_is_seen_at_the_whole_size(rng):
    """A single pixel of another class changes the picture where it lies."""
    generator = make_generator("mobile", base_filters=8, **LAYOUT)
    labels = np.zeros((1, *LAYOUT["image_size"]), np.int32)
    before = generator({"labels": labels})["image"].numpy()
    labels[0, 17, 21] = 1
    moved = np.abs(generator({"labels": labels})["image"].numpy() - before).max(axis=-1)[0]
    assert np.unravel_index(moved.argmax(), moved.shape) in [(y, x) for y in (16, 17, 18) for x in (20, 21, 22)]


def test_its_multiplications_are_few():
    """By the formulas of its convolutions: at 256x256, with the 24 filters of its config."""
    generator = make_generator("mobile", num_classes=17, image_size=(256, 256), base_filters=24)
    total = 0
    for layer in generator._flatten_layers():
        if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D):
            side = next(256 >> shift for shift in range(5) if _level(layer.path) == 4 - shift)
            total += side * side * int(np.prod(layer.kernel.shape))
    assert 0.1e9 < total < 1e9  # the bound for a phone is 3e9


def _level(path):
    words = path.split("/")[1].split("_")
    return {"to": 4}.get(words[0], int(words[1]) if words[1].isdigit() else 0) - (words[0] == "narrowing")


class Teacher:
    input_specs = {"labels": None}

    def __init__(self, image, scales):
        self.outputs = {"image": image, "scales": scales}

    def __call__(self, inputs):
        assert set(inputs) == {"labels"}
        return self.outputs


def test_the_terms_are_their_definitions(rng, tiny_config):
    config = tiny_config("mobile")
    config.loss.update({"distill_pixels": 3.0, "distill_features": 2.0, "adversarial": 0.0, "feature_matching": 0.0})
    image, taught = (rng.uniform(-1, 1, (2, 8, 8, 3)).astype(np.float32) for _ in range(2))
    ours, theirs = ([rng.normal(size=(2, 8 >> i, 8 >> i, 2)).astype(np.float32) for i in range(2)] for _ in range(2))
    adapters = [lambda x: 2 * x, lambda x: x + 1]
    objective = MobileObjective(config, [], [], 3, None, Teacher(taught, theirs), adapters)
    batch = {"image": image, "labels": np.zeros((2, 8, 8), np.int32)}
    terms = objective.generator_terms(batch, {"image": image, "scales": ours}, {})
    assert {symbol: weight for symbol, (weight, _) in terms.items()} == {"L_d": 3.0, "L_d^f": 2.0}
    np.testing.assert_allclose(terms["L_d"][1], np.abs(image - taught).mean((1, 2, 3)), rtol=1e-5)
    sides = (1, 2, 3)
    pairs = zip(adapters, ours, theirs)
    distances = [np.abs(adapt(x) - y).mean(sides) / np.abs(y).mean(sides) for adapt, x, y in pairs]
    np.testing.assert_allclose(terms["L_d^f"][1], np.mean(distances, axis=0), rtol=1e-4)
    assert not MobileObjective(config, [], [], 3).generator_terms(batch, {"image": image}, {})


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("teacher") / "run")
    train(load_config("ecgan_earth_tiles:toy", data__image_size=(32, 32), loss__perceptual=0.0, train__steps=2), folder)
    return folder


def student_config(teacher, **values):
    return load_config("earth_tiles:mobile_toy", data__image_size=(32, 32), loss__perceptual=0.0,
                       loss__distill_from=teacher, **values)  # fmt: skip


def test_it_is_taught_and_goes_on(teacher, tmp_path):
    run = str(tmp_path / "run")
    train(student_config(teacher, train__steps=2), run)
    before = open_run(run)[0]({"labels": np.zeros((1, 32, 32), int)})["image"].numpy()
    train(student_config(teacher, train__steps=4, train__extend="hold"), run)
    after = open_run(run)[0]({"labels": np.zeros((1, 32, 32), int)})["image"].numpy()
    assert np.isfinite(after).all() and after.std() > 0 and np.any(before != after)
    with open(f"{run}/metrics.jsonl") as file:
        lines = [json.loads(line) for line in file]
    assert {"L_d^f", "L_d"} <= {key.split("/")[-1] for line in lines for key in line}


def test_the_teacher_is_the_run_frozen_and_saved_with_the_student(teacher, rng):
    config = student_config(teacher)
    arguments = {"num_classes": 17, "image_size": (32, 32), "has_unknown": False, "has_boundaries": False,
                 **{key: value for key, value in config.model.items() if key != "name"}}  # fmt: skip
    gan = GAN(config, arguments)
    assert not gan.heads[TEACHER].trainable_variables and len(gan.heads) == 5
    assert any(name.startswith("teacher/") for name in gan.named_variables())
    begin(gan, config, None, _classes(teacher))
    labels = rng.integers(0, 17, (1, 32, 32))
    original = open_run(teacher)[0]
    original.by_neighbourhoods = False
    np.testing.assert_array_equal(
        gan.heads[TEACHER]({"labels": labels})["image"], original({"labels": labels})["image"]
    )


def _classes(run):
    return ClassList.from_dict(read_model(run)["classes"])


def test_what_cannot_teach_is_refused(teacher, tmp_path):
    with pytest.raises(RequestError, match="loss.distill_from=.*: not a run folder"):
        check_config(student_config(str(tmp_path)))
    with pytest.raises(RequestError, match="distill_pixels and distill_features are both 0"):
        check_config(student_config(teacher, loss__distill_pixels=0.0, loss__distill_features=0.0))
    with pytest.raises(RequestError, match="a teacher of other layouts .num_classes 17 for 3"):
        make_teacher(teacher, make_generator("mobile", base_filters=4, **LAYOUT))

    def described(name, **arguments):
        """A folder of a run, as far as a teacher's architecture is asked for."""
        folder = tmp_path / name
        folder.mkdir()
        arguments = {"num_classes": 17, "has_unknown": False, "has_boundaries": False, "base_filters": 4, **arguments}
        (folder / "model.json").write_text(json.dumps({"name": name, "arguments": arguments}))
        return str(folder)

    lggan, student = described("lggan"), make_generator("mobile", base_filters=4, num_classes=17, image_size=(32, 32))
    with pytest.raises(RequestError, match="lggan gives no features at several scales"):
        make_teacher(lggan, student)
    assert make_teacher(lggan, student, needs_scales=False)
    with pytest.raises(RequestError, match="also takes exemplar"):
        make_teacher(described("msca"), student, needs_scales=False)
