"""The style of an exemplar read once, and layouts synthesised in it: two files that together give Keras' pictures."""

import types

import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.inference.runtimes import PAINTER, STYLE_ENCODER, open_keras_run, open_model
from ecgan_tf.methods import make_generator
from export.inference_model import InferenceModel
from export.parity import compare
from export.style_split import is_guided, split, write_split_tflite
from export.targets import artefacts_of
from export.tflite import operators


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("msca", has_unknown=True, has_boundaries=True)


@pytest.fixture(scope="module")
def model(run):
    return InferenceModel(run)


@pytest.fixture(scope="module")
def expected(run, model):
    images = open_keras_run(run).generate(model.layouts)
    assert np.ptp(images) > 0.3  # a constant image would agree with anything
    return images


def test_only_guided_models_can_be_split(model):
    assert is_guided(model) and not is_guided(
        types.SimpleNamespace(generator=make_generator("spade", num_classes=3, image_size=(32, 32)))
    )


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("split")
    write_split_tflite(model, str(folder))
    return folder


def test_the_two_files_synthesise_what_keras_gives(model, expected, folder):
    assert {path.name for path in folder.iterdir()} == {"style_encoder.tflite", "painter.tflite"}
    synthesizer = open_model(str(folder))
    result = compare(expected, synthesizer.generate(model.layouts), "float32")
    assert result["passed"], result
    exemplars = {name: model.layouts[name][::-1].copy() for name in ("exemplar", "exemplar_labels")}
    swapped = {**model.layouts, **exemplars}
    assert compare(model.image(**swapped)["image"].numpy(), synthesizer.generate(swapped), "float32")["passed"]
    assert not compare(expected, synthesizer.generate(swapped), "float32")["passed"]  # the exemplars do matter


def test_a_guided_model_has_the_split_among_its_artefacts(model):
    assert {"split_float32", "split_float16"} <= set(artefacts_of(["tflite"], model))
    assert not [name for name in artefacts_of(["onnx"], model) if name.startswith("split")]


def test_bilinear_enlargement_is_a_builtin(folder):
    for path in folder.iterdir():
        assert {"RESIZE_BILINEAR", "SOFTMAX"} <= set(operators(path.read_bytes()))


def test_a_style_that_was_read_once_gives_two_layouts(model):
    """That is what the split is for: the painter needs nothing of the exemplar but its style."""
    parts, inputs = split(model), model.layouts
    exemplar = {name: tf.constant(inputs[name][:1]) for name in ("exemplar", "exemplar_labels")}
    style = parts[STYLE_ENCODER].function(**exemplar)
    for i in range(2):
        layout = {name: tf.constant(inputs[name][i : i + 1]) for name in ("labels", "boundaries")}
        image = parts[PAINTER].function(**layout, **style)["image"]
        whole = model.image(**layout, **exemplar)["image"]
        np.testing.assert_allclose(image, whole, atol=1e-3)
