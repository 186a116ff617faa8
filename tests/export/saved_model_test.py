"""The signatures of the SavedModel: ids, bytes of ids, PNGs; what each refuses."""

import io
import types

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ecgan_tf.data.label_maps import label_boundaries, resize_labels
from ecgan_tf.pixels import to_uint8
from export.saved_model import _boundaries, write_saved_model


@pytest.fixture(scope="module")
def serve_toy(tmp_path_factory):
    """Exports a model without weights whose image shows each input where it can be seen.

    That a generator's pictures are Keras' is tested in tests/serving.
    """

    def serve(specs, num_classes=3, file_values=(), unknown_label=None):
        specs = {name: tf.TensorSpec((None, *shape), dtype, name=name) for name, (shape, dtype) in specs.items()}
        size = specs["labels"].shape[1:]
        classes = [{"id": i, "raw_id": raw, "name": f"{i}"} for i, raw in enumerate(file_values or range(num_classes))]
        rng = np.random.default_rng(0)

        def image(**inputs):
            shown = tf.cast(inputs["labels"] % 128, tf.float32)[..., None] / 128
            for name, weight in (("other_labels", 0.01), ("boundaries", 0.5), ("photo", 0.1)):
                if name in inputs:
                    value = tf.cast(inputs[name], tf.float32)
                    shown += weight * (value if len(value.shape) == 4 else value[..., None])
            if "noise" in inputs:
                shown += inputs["noise"][:, None, None, :]
            return {"image": tf.ensure_shape(shown + tf.zeros((1, *size, 3)), (None, *size, 3))}

        model = types.SimpleNamespace(
            generator=types.SimpleNamespace(num_classes=num_classes, has_unknown=unknown_label is not None),
            description={"name": "toy", "classes": {"ignore_index": unknown_label, "classes": classes}},
            image_size=tuple(size),
            layouts={
                name: rng.integers(0, num_classes, (1, *spec.shape[1:])).astype(np.int32)
                if spec.dtype == tf.int32
                else rng.integers(0, 2, (1, *spec.shape[1:])).astype(np.float32)
                for name, spec in specs.items()
            },
            image=image,
            module=tf.Module,
            signature=lambda batch: specs,
        )
        folder = str(tmp_path_factory.mktemp("toy") / "1")
        write_saved_model(model, folder)
        return tf.saved_model.load(folder)

    return serve


def encoded(picture):
    content = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(content, format="PNG")
    return content.getvalue()


def png(values):
    return encoded(np.asarray(values).astype(np.uint8))


def palette_png():
    picture = Image.fromarray(np.zeros((32, 32), np.uint8), "P")
    picture.putpalette([1, 1, 1] * 256)
    return encoded(picture)


def decoded(contents):
    return np.array([np.asarray(Image.open(io.BytesIO(content))) for content in contents.numpy()])


@pytest.fixture(scope="module")
def served(serve_toy):
    return serve_toy({"labels": ((32, 32), tf.int32)}, unknown_label=255)


def test_ids_bytes_of_ids_and_pngs_give_one_picture(served, rng):
    labels = rng.integers(0, 4, (2, 32, 32)).astype(np.int32)  # 3 is unknown
    expected = to_uint8(np.repeat(labels[..., None] % 128 / 128, 3, -1))
    signatures = served.signatures
    np.testing.assert_array_equal(to_uint8(signatures["serving_default"](labels=labels)["image"]), expected)
    pixels = signatures["labels_uint8"](labels=labels.astype(np.uint8))["pixels"]
    assert pixels.dtype == tf.uint8
    np.testing.assert_array_equal(pixels, expected)
    files = [png(values) for values in np.where(labels == 3, 255, labels)]
    np.testing.assert_array_equal(decoded(signatures["png"](labels_bytes=files)["image_bytes"]), expected)


def test_the_batch_size_is_open(served):
    labels = tf.zeros((3, 32, 32), tf.int32)
    assert served.signatures["serving_default"](labels=labels)["image"].shape == (3, 32, 32, 3)
    assert len(served.signatures["png"](labels_bytes=[png(np.zeros((9, 9)))] * 3)["image_bytes"]) == 3


@pytest.mark.parametrize("label", [-1, 4, 2**31 - 1])
def test_an_id_without_a_class_is_refused(served, label):
    labels = np.zeros((1, 32, 32), np.int32)
    labels[0, 5, 6] = label
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels are not all ids of classes"):
        served.signatures["serving_default"](labels=labels)


def test_a_byte_without_a_class_is_refused(served):
    with pytest.raises(tf.errors.InvalidArgumentError, match="labels are not all ids of classes"):
        served.signatures["labels_uint8"](labels=np.full((1, 32, 32), 4, np.uint8))


REFUSED = {
    "a value of no class": (png(np.full((32, 32), 77)), "not all ids of classes"),
    "a value beyond all classes": (encoded(np.full((32, 32), 60000, np.uint16)), "not all ids of classes"),
    "colours": (encoded(np.zeros((32, 32, 3), np.uint8)), "not greyscale"),
    "a palette": (palette_png(), "not greyscale"),
    "one bit": (encoded(Image.new("1", (32, 32))), "not greyscale"),
    "no bytes": (b"", "no PNG"),
    "no PNG": (b"GIF89a, or what else", "no PNG"),
    "half a PNG": (png(np.random.default_rng(0).integers(0, 3, (32, 32)))[:-40], "Invalid PNG|decode"),
    "a bomb": (png(np.zeros((1, 1)))[:16] + b"\x00\x00\xff\xff" * 2 + png(np.zeros((1, 1)))[24:], "megapixels"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_png_that_is_no_label_map_is_refused(served, case):
    content, reason = REFUSED[case]
    with pytest.raises(tf.errors.InvalidArgumentError, match=reason):
        served.signatures["png"](labels_bytes=[content])


def test_values_of_16_bits_are_read_as_they_are(serve_toy):
    labels = np.array([[0, 1], [2, 299]])
    file_values = [*range(298), 5000, 65535]  # of the ids 298 and 299
    signatures = serve_toy({"labels": ((2, 2), tf.int32)}, num_classes=300, file_values=file_values).signatures
    assert "labels_uint8" not in signatures
    expected = to_uint8(np.repeat(labels[None, ..., None] % 128 / 128, 3, -1))
    file = encoded(np.array(file_values)[labels].astype(np.uint16))
    np.testing.assert_array_equal(decoded(signatures["png"](labels_bytes=[file])["image_bytes"]), expected)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not all ids"):
        signatures["png"](labels_bytes=[encoded(np.full((2, 2), 5001, np.uint16))])


@pytest.mark.parametrize("size", [(7, 5), (50, 40), (100, 33), (33, 64)])
def test_a_layout_of_another_size_is_resized_as_in_training(toy_pair, rng, size):
    labels = rng.integers(0, 3, size)
    instances = rng.integers(0, 300, size)
    answer = toy_pair.signatures["png"](
        labels_bytes=[png(labels)], instances_bytes=[encoded(instances.astype(np.uint16))]
    )
    expected = toy_pair.signatures["serving_default"](
        labels=resize_labels(labels, (33, 20))[None].astype(np.int32),
        boundaries=label_boundaries(resize_labels(instances, (33, 20)))[None, ..., None].astype(np.float32),
    )
    np.testing.assert_array_equal(decoded(answer["image_bytes"]), to_uint8(expected["image"]))


@pytest.fixture(scope="module")
def toy_pair(serve_toy):
    return serve_toy({"labels": ((33, 20), tf.int32), "boundaries": ((33, 20, 1), tf.float32)})


def test_batches_of_different_lengths_are_refused(toy_pair):
    with pytest.raises(tf.errors.InvalidArgumentError, match="boundaries and labels are not equally many"):
        toy_pair.signatures["serving_default"](
            labels=np.zeros((2, 33, 20), np.int32), boundaries=np.zeros((1, 33, 20, 1), np.float32)
        )


def test_photographs_further_labels_and_noise_have_their_form_in_each_signature(serve_toy, rng):
    signatures = serve_toy(
        {
            "labels": ((8, 8), tf.int32),
            "other_labels": ((8, 8), tf.int32),
            "photo": ((8, 8, 3), tf.float32),
            "noise": ((3,), tf.float32),
        }
    ).signatures
    labels, other = rng.integers(0, 3, (2, 2, 8, 8)).astype(np.int32)
    photo = rng.integers(0, 256, (2, 8, 8, 3)).astype(np.uint8)
    noise = rng.uniform(-0.1, 0.1, (2, 3)).astype(np.float32)
    expected = to_uint8(
        signatures["serving_default"](
            labels=labels, other_labels=other, photo=photo.astype(np.float32) / 127.5 - 1, noise=noise
        )["image"]
    )
    pixels = signatures["labels_uint8"](
        labels=labels.astype(np.uint8), other_labels=other.astype(np.uint8), photo=photo, noise=noise
    )["pixels"]
    np.testing.assert_array_equal(pixels, expected)
    answer = signatures["png"](
        labels_bytes=[png(x) for x in labels],
        other_labels_bytes=[png(x) for x in other],
        photo_bytes=[encoded(x) for x in photo],
        noise=noise,
    )
    np.testing.assert_array_equal(decoded(answer["image_bytes"]), expected)
    assert len(np.unique(expected)) > 20  # a picture that shows nothing would equal itself


def test_a_bomb_among_photographs_is_refused(serve_toy):
    signatures = serve_toy({"labels": ((8, 8), tf.int32), "photo": ((8, 8, 3), tf.float32)}).signatures
    with pytest.raises(tf.errors.InvalidArgumentError, match="a PNG of photo has more than 64 megapixels"):
        signatures["png"](labels_bytes=[png(np.zeros((8, 8)))], photo_bytes=[REFUSED["a bomb"][0]])


def test_boundaries_equal_the_data_pipelines(rng):
    instances = rng.integers(0, 3, (9, 7))
    np.testing.assert_array_equal(_boundaries(tf.constant(instances))[..., 0], label_boundaries(instances))


def test_without_the_protos_one_line_says_that_nothing_warms_up(serve_toy, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    signatures = serve_toy({"labels": ((4, 4), tf.int32)}).signatures
    both = {"labels_neighbourhoods", "png_neighbourhoods"}
    assert set(signatures) == {"serving_default", "labels_uint8", "png", *both}
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "ecgan_tf[serving]" in line]) == 1
