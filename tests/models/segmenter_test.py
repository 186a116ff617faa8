import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.errors import RequestError
from ecgan_tf.models.segmenter import Segmenter, label_logits, label_predictor, load_segmenter, segmenter_arrays
from ecgan_tf.pixels import as_float


@pytest.fixture(scope="module", params=[4, 1])
def segmenter(request):
    model = Segmenter(5, base_filters=8, stride=request.param, name="segmenter")
    model.build()
    return model


@pytest.fixture
def images(rng):
    return tf.constant(rng.uniform(-1, 1, (2, 32, 48, 3)), tf.float32)


def test_logits_are_at_the_stride(segmenter, images):
    logits = segmenter(images)
    assert logits.shape == (2, 32 // segmenter.stride, 48 // segmenter.stride, 5) and logits.dtype == tf.float32


def test_a_file_brings_its_stride_back(segmenter, images, tmp_path):
    np.savez(tmp_path / "segmenter.npz", **segmenter_arrays(segmenter))
    if segmenter.base_filters != 32:  # files are of the usual width
        with pytest.raises(RequestError):
            load_segmenter(str(tmp_path / "segmenter.npz"))
    whole = Segmenter(5, stride=segmenter.stride, name="segmenter")
    whole.build()
    np.savez(tmp_path / "segmenter.npz", **segmenter_arrays(whole))
    loaded = load_segmenter(str(tmp_path / "segmenter.npz"))
    assert loaded.stride == segmenter.stride
    np.testing.assert_array_equal(loaded(images), whole(images))


def test_names_are_unique(segmenter):
    assert len({variable.path for variable in segmenter.variables}) == len(segmenter.variables) > 0


def test_every_variable_learns(segmenter, images):
    segmenter.trainable = True
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(segmenter(images, training=True) ** 2)
    variables = segmenter.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    assert not [v.path for v, g in zip(variables, gradients, strict=True) if g is None or not np.any(g)]


def test_as_label_generator_it_is_frozen_and_passes_the_gradient_on(segmenter, images, snapshot):
    segment = label_logits(segmenter)
    before = snapshot(segmenter.variables)
    assert not segmenter.trainable_variables
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = segment(images)
    gradient = tape.gradient(logits, images)
    assert np.all(np.isfinite(gradient)) and np.mean(gradient != 0) > 0.9
    for old, new in zip(before, snapshot(segmenter.variables), strict=True):
        np.testing.assert_array_equal(old, new)  # batch statistics, too
    alone = segment(images[:1])
    np.testing.assert_allclose(alone, logits[:1], atol=1e-5)  # an image does not depend on its batch mates


def test_a_photograph_of_any_size_gets_labels_of_its_size(judge, rng):
    photograph = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    predict, segmenter = label_predictor(judge, 17), load_segmenter(judge)
    logits = tf.image.resize(segmenter(as_float(photograph)[None]), (48, 64))
    labels = predict(photograph)
    assert labels.dtype == np.int32
    assert np.mean(labels == np.argmax(logits, -1)[0]) > 0.99  # an untrained network has near ties
    assert predict(photograph[:41, :50]).shape == (41, 50) and predict(photograph[:5, :5]).shape == (5, 5)
    with pytest.raises(RequestError, match="a segmenter of 17 classes, the data set has 3"):
        label_predictor(judge, 3)
