"""The graph that all targets are made from."""

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import open_keras_run
from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.spade import SPADE
from export.inference_model import InferenceModel, resize_nearest


@pytest.mark.parametrize("normalization", ["batch", "instance"])
def test_a_folded_spade_gives_the_same(normalization, rng, randomize):
    spade = SPADE(3, hidden_filters=4, normalization=normalization)
    spade.build((None, 8, 8, 6))
    randomize(spade)
    if normalization == "batch":
        spade.norm.moving_mean.assign(rng.normal(size=6))
        spade.norm.moving_variance.assign(rng.uniform(0.1, 4, 6))
    x, layout = rng.normal(size=(2, 8, 8, 6)).astype(np.float32), Layout(rng.integers(0, 3, (2, 8, 8)), 3)
    before = np.array(spade(x, layout=layout))
    for _ in range(2):  # the second time changes nothing
        spade.fold()
        np.testing.assert_allclose(spade(x, layout=layout), before, rtol=1e-4, atol=1e-4)
    assert spade.folded is (normalization == "batch")


def test_what_was_folded_is_counted(make_run):
    graph = InferenceModel(make_run("ecgan")).graph
    assert graph["after_folding"]["operators"] < 0.7 * graph["before_folding"]["operators"]
    assert graph["after_folding"]["values"] < graph["before_folding"]["values"]  # u and v are gone


def test_a_run_can_be_exported_at_another_size(make_run):
    run = make_run("ecgan")
    model = InferenceModel(run, (64, 32))
    assert model.image_size == (64, 32) and model.layouts["labels"].shape == (2, 64, 32)
    expected = open_keras_run(run, (64, 32)).generate(model.layouts)
    np.testing.assert_allclose(model.image(**model.layouts)["image"], expected, atol=1e-4)


def test_layouts_are_resized_as_the_data_pipeline_does(rng):
    from ecgan_tf.data.label_maps import resize_labels

    labels = rng.integers(0, 9, (3, 12, 20))
    np.testing.assert_array_equal(
        resize_nearest(labels, (8, 32)), [resize_labels(example, (8, 32)) for example in labels]
    )


def test_codes_keep_their_shape_at_another_size_which_a_vae_does_not_have(make_run):
    noisy = InferenceModel(make_run("spade", noise="classes", image_size=(64, 64)), (32, 64))
    assert noisy.layouts["noise"].shape == (2, 3, 64) and noisy.layouts["labels"].shape == (2, 32, 64)
    run = make_run("spade", use_vae=True, image_size=(64, 64))
    with pytest.raises(RequestError, match=r"--image_size=32,64: .* has a VAE, .* give 64,64"):
        InferenceModel(run, (32, 64))
    assert InferenceModel(run, (64, 64)).layouts["z"].shape == (2, 256)
