"""The PNG signature of the SavedModel: bytes in, bytes out."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ecgan_tf.evaluation.pictures import to_uint8
from ecgan_tf.runtimes import open_keras_run
from export.model import InferenceModel
from export.saved_model import _boundaries, write_saved_model


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("ecgan", has_unknown=True)


@pytest.fixture(scope="module")
def served(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    write_saved_model(InferenceModel(run), str(folder))
    return tf.saved_model.load(str(folder / "1"))


def png(values):
    content = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(content, format="PNG")
    return content.getvalue()


def test_png_bytes_give_the_same_picture_as_ids(run, served):
    model = InferenceModel(run)
    labels = model.layouts["labels"]
    file_values = np.where(labels == model.generator.num_classes, 255, labels)
    encoded = served.signatures["png"](labels_bytes=tf.constant([png(values) for values in file_values]))
    pictures = [np.asarray(Image.open(io.BytesIO(content))) for content in encoded["image_bytes"].numpy()]
    np.testing.assert_array_equal(pictures, to_uint8(open_keras_run(run)(model.layouts)))


def test_a_layout_of_another_size_is_resized(served):
    encoded = served.signatures["png"](labels_bytes=tf.constant([png(np.zeros((100, 70)))]))
    assert Image.open(io.BytesIO(encoded["image_bytes"].numpy()[0])).size == (32, 32)


def test_a_value_that_is_no_class_is_refused(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="no class"):
        served.signatures["png"](labels_bytes=tf.constant([png(np.full((32, 32), 77))]))


def test_the_batch_size_is_open(served):
    labels = tf.zeros((3, 32, 32), tf.int32)
    assert served.signatures["serving_default"](labels=labels)["image"].shape == (3, 32, 32, 3)


def test_boundaries_equal_the_data_pipelines(rng):
    from ecgan_tf.data.layouts import label_boundaries

    instances = rng.integers(0, 3, (9, 7))
    np.testing.assert_array_equal(_boundaries(tf.constant(instances))[..., 0], label_boundaries(instances))
