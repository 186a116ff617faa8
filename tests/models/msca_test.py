import keras
import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.convert import torch_names
from ecgan_tf.errors import RequestError
from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.models import make_generator
from ecgan_tf.models.msca import LabelPyramid

TINY = {"base_filters": 2, "spade_hidden_filters": 3, "initializer": "he", "attention_slots": (2, 3, 4, 4, 4)}


def make(seed=0, **arguments):
    keras.utils.set_random_seed(seed)
    generator = make_generator(
        "msca", **{"num_classes": 3, "image_size": (32, 64), "has_unknown": True, **TINY, **arguments}
    )
    rng = np.random.default_rng(seed)
    for layer in generator._flatten_layers():
        if isinstance(layer, SpectralConv2D):  # at first sigma is a random number, and dividing by it explodes
            layer.u.assign(rng.normal(size=layer.u.shape))  # Keras 3.12 draws it from a generator that no seed resets
            for _ in range(3):
                layer.normalized_kernel(training=True)
    return generator


@pytest.fixture(scope="module")
def generator():
    return make(has_boundaries=True)


@pytest.fixture
def inputs(rng):
    def labels(count):
        return rng.integers(0, count, (2, 4, 8)).repeat(8, 1).repeat(8, 2).astype(np.int32)

    return {
        "labels": labels(4),
        "boundaries": rng.integers(0, 2, (2, 32, 64, 1)).astype(np.float32),
        "exemplar": rng.uniform(-1, 1, (2, 32, 64, 3)).astype(np.float32),
        "exemplar_labels": labels(3),
    }


def styles_of(generator, inputs):
    """Two different styles."""
    first = generator.encode_exemplar(inputs["exemplar"], inputs["exemplar_labels"])
    second = generator.encode_exemplar(-inputs["exemplar"][::-1], inputs["exemplar_labels"][::-1])
    return first, second


def test_the_outputs_have_the_promised_shapes_and_ranges(generator, inputs):
    outputs = generator(inputs)
    assert outputs["image"].shape == (2, 32, 64, 3) and np.abs(outputs["image"]).max() < 1
    assert np.ptp(outputs["image"]) > 0.1
    for i, (maps, slots) in enumerate(zip(outputs["attention"], (2, 3, 4, 4, 4), strict=True)):
        assert {key: tuple(x.shape) for key, x in maps.items()} == {
            "exemplar": (2, 32 >> i, 64 >> i, slots),
            "target": (2, 32 >> i, 64 >> i, slots),
            "mask": (2, slots),
        }


def test_reading_once_and_synthesis_equals_one_call(generator, inputs):
    style = generator.encode_exemplar(inputs["exemplar"], inputs["exemplar_labels"])
    layout = {key: inputs[key] for key in ("labels", "boundaries")}
    np.testing.assert_allclose(generator.synthesise(layout, style)["image"], generator(inputs)["image"], atol=1e-6)


def test_the_style_is_all_that_is_known_of_an_exemplar(generator, inputs):
    style = generator.encode_exemplar(inputs["exemplar"], inputs["exemplar_labels"])
    widths = (2, 4, 8, 8, 8)
    assert {key: tuple(x.shape) for key, x in style.items()} == {
        "label_pool": (2, 5, 2),
        "global_code": (2, 8),
        **{f"values_{i}": (2, slots, widths[i]) for i, slots in enumerate((2, 3, 4, 4, 4))},
    }


def test_shares_of_styles(generator, inputs):
    """All of one is that one; halves of the same are the same; a constant map is a number; half way is neither."""
    a, b = styles_of(generator, inputs)

    def synthesise(style):
        return generator.synthesise(inputs, style)["image"].numpy()

    only_a, only_b, mixed = synthesise(a), synthesise(b), synthesise([(a, 0.7), (b, 0.3)])
    assert np.abs(only_a - only_b).max() > 0.05
    np.testing.assert_allclose(synthesise([(a, 1.0), (b, 0.0)]), only_a, atol=1e-5)
    np.testing.assert_allclose(synthesise([(b, 0.5), (b, 0.5)]), only_b, atol=1e-5)
    np.testing.assert_allclose(
        synthesise([(a, np.full((2, 32, 64, 1), 0.7)), (b, np.full((2, 32, 64, 1), 0.3))]), mixed, atol=1e-5
    )
    for other in (only_a, only_b):
        assert np.abs(mixed - other).max() > 0.01
    assert np.isfinite(synthesise([(a, 1.5), (b, -0.5)])).all()


def test_shares_in_space_keep_each_style_on_its_side(generator, inputs):
    """Far from the border between them, that is: the coarse blocks look over it."""
    a, b = styles_of(generator, inputs)
    left = np.zeros((2, 32, 64, 1), np.float32)
    left[:, :, :32] = 1.0
    image = generator.synthesise(inputs, [(a, left), (b, 1.0 - left)])["image"].numpy()
    of_a, of_b = (generator.synthesise(inputs, style)["image"].numpy() for style in (a, b))

    def distance(side, style):
        return np.abs(image[:, :, side] - style[:, :, side]).mean()

    outer_left, outer_right = slice(0, 16), slice(48, 64)
    assert distance(outer_left, of_a) < distance(outer_left, of_b)
    assert distance(outer_right, of_b) < distance(outer_right, of_a)


def test_the_exemplars_boundaries_are_none(generator, inputs):
    """The pooled labels of an exemplar are those of the same layout as a target without boundaries."""
    style = generator.encode_exemplar(inputs["exemplar"], inputs["exemplar_labels"])
    layout = Layout(inputs["exemplar_labels"], 4, np.zeros((2, 32, 64, 1), np.float32))
    for i, features in enumerate(generator.label_pyramid(layout=layout)):
        np.testing.assert_allclose(style["label_pool"][:, i], np.mean(features, (1, 2)), atol=1e-6)


def test_an_exemplar_without_the_layouts_classes_still_gives_a_picture(generator, inputs):
    layout = {**inputs, "labels": np.full((2, 32, 64), 2, np.int32)}
    with_class, without = (
        generator({**layout, "exemplar_labels": np.full((2, 32, 64), label, np.int32)}) for label in (2, 0)
    )
    assert np.isfinite(without["image"]).all() and np.ptp(without["image"]) > 0
    masks = [np.concatenate([maps["mask"] for maps in outputs["attention"]], 1) for outputs in (with_class, without)]
    assert np.abs(masks[0] - masks[1]).max() > 1e-3  # the mask sees which classes the exemplar has


def test_every_variable_learns(inputs):
    """From one start or another: few filters may all be dead by an unlucky draw, a variable without use always is."""
    silent = []
    for seed in range(4):
        generator = make(seed, has_boundaries=True)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(generator(inputs)["image"] ** 2)
        gradients = tape.gradient(loss, [v.value for v in generator.trainable_variables])
        silent.append({v.path for v, g in zip(generator.trainable_variables, gradients) if g is None or not np.any(g)})
    assert not set.intersection(*silent)


@pytest.mark.parametrize(
    ("switch", "absent"),
    [
        ({"attention": "gap"}, ["attention_", "psi"]),
        ({"attention": "full"}, ["attention_4/mask"]),
        ({"use_mask": False}, ["mask"]),
        ({"use_global": False}, ["to_global", "of_style", "style_to_start"]),
        ({"exemplar_label": "none"}, []),
        ({"attention_slots": (0, 0, 0, 0, 0)}, []),
        ({"normalization": "instance"}, ["moving_mean"]),
    ],
    ids=str,
)
def test_a_switch(switch, absent, inputs):
    generator = make(**switch)
    paths = [variable.path for variable in generator.variables]
    assert not [path for path in paths for part in absent if part in path]
    names = ["labels", "exemplar", *([] if "exemplar_label" in switch else ["exemplar_labels"])]
    assert sorted(generator.input_specs) == sorted(names)
    image = generator({name: inputs[name] for name in names})["image"].numpy()
    other = generator({**{name: inputs[name] for name in names}, "exemplar": -inputs["exemplar"]})["image"]
    assert np.isfinite(image).all() and np.abs(image - other).max() > 1e-3
    if "attention_slots" in switch:
        assert (
            generator({n: inputs[n] for n in names})["attention"][0]["target"].shape[-1] == 4
        )  # three classes and unknown
    copy = type(generator).from_config(generator.get_config())
    copy.build()
    assert [tuple(v.shape) for v in copy.variables] == [tuple(v.shape) for v in generator.variables]


@pytest.mark.parametrize("attention", ["msca", "full", "gap"])
def test_half_precision_synthesises_nearly_the_same(attention, inputs):
    del inputs["boundaries"]
    expected = make(attention=attention)(inputs)["image"]
    keras.config.set_dtype_policy("mixed_float16")
    image = make(attention=attention)(inputs)["image"]
    assert image.dtype == "float32"
    assert 0 < np.abs(image - expected).max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": (32, 48)}, "multiple of 32"),
        ({"attention_slots": (4, 4)}, "one per scale"),
        ({"attention": "full", "exemplar_label": "none"}, "compares label maps"),
    ],
)
def test_what_cannot_be_built_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


def test_there_are_no_pytorch_names(generator):
    with pytest.raises(RequestError, match="no PyTorch release"):
        torch_names(generator)


def test_the_label_pyramid_matches_numpy(randomize, convolve_numpy, rng):
    """One convolution over labels and coarser features side by side."""
    pyramid = LabelPyramid(2, num_labels=3)
    pyramid.build()
    randomize(pyramid)
    labels = rng.integers(0, 3, (1, 32, 32)).astype(np.int32)
    fine_to_coarse = pyramid(layout=Layout(labels, 3))
    for i in (4, 3, 0):
        expected = [np.eye(3)[labels[:, :: 2**i, :: 2**i]]]
        kernels = [pyramid.of_labels[i].kernel.numpy()]
        if i < 4:
            expected.append(enlarge(np.array(fine_to_coarse[i + 1])))
            kernels.append(pyramid.of_coarser[i].kernel.numpy())
        x = convolve_numpy(np.concatenate(expected, -1), np.concatenate(kernels, 2), padding=1)
        x = x + pyramid.of_labels[i].bias.numpy()
        np.testing.assert_allclose(fine_to_coarse[i], np.where(x > 0, x, 0.2 * x), rtol=1e-4, atol=1e-4)


def enlarge(x):
    """Bilinear by 2: each new cell is 3/4 of the old one it lies in and 1/4 of the next on its side, axis by axis."""
    for axis in (1, 2):
        n = x.shape[axis]
        own = np.repeat(np.arange(n), 2)
        neighbour = np.clip(own + np.tile([-1, 1], n), 0, n - 1)
        x = 0.75 * x.take(own, axis) + 0.25 * x.take(neighbour, axis)
    return x
