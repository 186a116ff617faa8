"""Every layer, head and discriminator of the package passes the same checks; one that is not in the table fails.

The generators have a table of their own, METHODS, in tests/conformance_test.py.
"""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

import ecgan_tf.layers
import ecgan_tf.models
from ecgan_tf.layers.from_arguments import FromArguments
from ecgan_tf.layers.layout import Layout
from ecgan_tf.layers.spectral_conv import SpectralConv2D
from ecgan_tf.models.generator import Generator

LABELS, SIZE, FILTERS = 4, (16, 32), 8
MODULATION = {"num_labels": LABELS, "has_boundaries": True, "hidden_filters": 4, "initializer": "he"}
FEATURES, IMAGE = (None, *SIZE, FILTERS), (None, *SIZE, 3)


@dataclasses.dataclass(frozen=True)
class Case:
    """How a layer is made and called.

    Attributes:
        arguments: of its constructor.
        build: of its `build`.
        call: function of the layer and the inputs `inputs()` to its output.
        shape: of the first output for a batch of 2.
    """

    arguments: dict
    build: tuple
    call: Callable
    shape: tuple


def on_features(layer, x):
    return layer(x["features"])


def on_layout(layer, x):
    return layer(layout=layout(x))


def on_both(layer, x):
    return layer(x["features"], layout=layout(x))


def on_exemplar(layer, x):
    return layer(x["features"], x["others"], x["features"])


def on_image(layer, x):
    return layer(x["image"])


def judge(layer, x):
    inputs = {"labels": x["labels"], "boundaries": x["boundaries"], "source": x["image"]}
    return layer(inputs, tf.concat([x["image"]] * 3, axis=0))


def layout(x):
    return Layout(x["labels"], LABELS, x["boundaries"])


FULL, HALF, DOUBLE = (2, *SIZE), (2, SIZE[0] // 2, SIZE[1] // 2), (2, 2 * SIZE[0], 2 * SIZE[1])
TRUNK = {"filters": 2, "upsampling": "normal", "modulation": MODULATION}
LAYOUT = {"num_labels": LABELS, "has_boundaries": True}
CASES = {
    "BatchNormalization": Case({}, (FEATURES,), on_features, (*FULL, FILTERS)),
    "ClassBranches": Case({"num_branches": LABELS, "kernel_size": 3}, (FEATURES,),
                          lambda layer, x: layer(x["features"], branches=x["labels"]), (*FULL, 3)),
    "ClassNormalization": Case(LAYOUT, (FEATURES,), on_both, (*FULL, FILTERS)),
    "ConvolutionChain": Case({"initializer": "he"}, (FEATURES,), on_features, (*FULL, 3)),
    "Decoder": Case({"filters": 2, "num_residual_blocks": 1}, (FEATURES,), on_features, (2, 64, 128, 2)),
    "ExemplarEncoder": Case({"filters": 4}, (IMAGE,), on_image, (*FULL, 4)),
    "FeatureSPADE": Case({"hidden_filters": 4}, (FEATURES, FEATURES),
                         lambda layer, x: layer(x["features"], x["others"]), (*FULL, FILTERS)),
    "FeatureSPADEResidualBlock": Case({"filters": 6, "modulation": {"hidden_filters": 4}}, (FEATURES, FEATURES),
                                      lambda layer, x: layer(x["features"], x["others"]), (*FULL, 6)),
    "FixedNoise": Case({"strength": 0.5}, (FEATURES,), on_features, (*FULL, FILTERS)),
    "FullAttention": Case({"filters": 4}, (FEATURES, FEATURES, FEATURES), on_exemplar, (*FULL, FILTERS)),
    "InstanceNormalization": Case({}, (FEATURES,), on_features, (*FULL, FILTERS)),
    "LabelConv2D": Case({"filters": 5, **LAYOUT}, (), on_layout, (*FULL, 5)),
    "LatentStart": Case({"filters": 5, "size": (2, 3)}, ((None, FILTERS),),
                        lambda layer, x: layer(x["features"][:, 0, 0]), (2, 2, 3, 5)),
    "LabelPyramid": Case({"filters": 4, **LAYOUT}, (), on_layout, (*FULL, 4)),
    "MaskedSpatialChannelAttention": Case({"slots": 3, "mask_filters": 4}, (FEATURES, FEATURES, FEATURES),
                                          on_exemplar, (*FULL, FILTERS)),
    "OASISResidualBlock": Case({"filters": 5, "sampling": "down"}, (FEATURES,), on_features, (*HALF, 5)),
    "PaddedConv2D": Case({"filters": 5, "kernel_size": 3, "padding": 1, "mode": "reflect"}, (FEATURES,), on_features,
                         (*FULL, 5)),
    "PatchDiscriminator": Case({"semantic_filters": 3, "base_filters": 4}, (),
                               lambda layer, x: layer(layer.of_layout(x["image"]), tf.concat([x["image"]] * 2, 0))[1],
                               (4, 5, 7, 1)),
    "PooledStyle": Case({}, (FEATURES, FEATURES), on_exemplar, (*FULL, FILTERS)),
    "ReflectResidualBlock": Case({"filters": FILTERS}, (FEATURES,), on_features, (*FULL, FILTERS)),
    "SPADE": Case(MODULATION, (FEATURES,), on_both, (*FULL, FILTERS)),
    "SPADEResidualBlock": Case({"filters": 6, "modulation": MODULATION}, (FEATURES,), on_both, (*FULL, 6)),
    "SPADETrunk": Case(TRUNK, ((32, 64),), lambda layer, x: layer(layout=enlarged(x)), (2, 1, 2, 32)),
    "SemanticAwareUpsampling": Case({"kernel_size": 3}, (FEATURES,), on_features, (*DOUBLE, FILTERS)),
    "SemanticPreservingModule": Case({"num_classes": 3}, (FEATURES,),
                                     lambda layer, x: layer([x["features"][..., :3]], layout=layout(x)), (*FULL, 3)),
    "SeparableBlock": Case({"modulation": LAYOUT}, (FEATURES,), on_both, (*FULL, FILTERS)),
    "SharedEncoder": Case({"filters": 2, **LAYOUT}, (), on_layout, (2, 4, 8, 8)),
    "SpectralConv2D": Case({"filters": 5, "kernel_size": 4, "strides": 2, "padding": 1}, (FEATURES,), on_features,
                           (*HALF, 5)),
    "StyleCode": Case({"filters": 4, "code_filters": 6}, (IMAGE,), on_image, (2, 6)),
    "TransposedConv2D": Case({"filters": 5}, (FEATURES,), on_features, (*DOUBLE, 5)),
    "UpsamplingBlock": Case({"filters": 5, "upsampler": "sau"}, (FEATURES,), on_features, (*DOUBLE, 5)),
    # models/: training-only heads, discriminators, the segmenter
    "ClassFeatureClassifier": Case({"filters": FILTERS, "num_branches": SIZE[0]}, (),
                                   lambda layer, x: layer(x["features"][:, :, 0]), (2, SIZE[0], SIZE[0])),
    "ClassPixelDecoder": Case({"filters": FILTERS}, (), on_features, (*FULL, 3)),
    "ContrastMemory": Case({"scales": [1], "num_classes": 3, "entries": 4, "dimension": 5}, (),
                           lambda layer, x: layer.read(1)[0], (12, 5)),
    "ImageEncoder": Case({"image_size": SIZE, "base_filters": 4}, (), on_image, (2, 256)),
    "MultiscaleDiscriminator": Case({"num_classes": LABELS, "has_boundaries": True, "base_filters": 4}, (), judge,
                                    (6, 9, 17, 4)),
    "OASISDiscriminator": Case({"num_classes": LABELS, "base_filters": 2}, (),
                               lambda layer, x: judge(layer, larger(larger(x)))[0][0], (6, 64, 128, LABELS + 1)),
    "PairDiscriminator": Case({"num_classes": LABELS, "condition": "source", "base_filters": 4}, (),
                              lambda layer, x: judge(layer, larger(x)), (6, 16, 32, 4)),
    "PixelEmbedding": Case({"filters": FILTERS, "dimension": 5}, (), on_features, (2, 4, 8, 5)),
    "SegmentationDiscriminator": Case({"num_classes": LABELS, "base_filters": 2, "depth": 1}, (), judge, (6, *SIZE, 2)),
    "Segmenter": Case({"num_classes": 3, "base_filters": 4}, (), on_image, (2, 4, 8, 3)),
    "VGGExemplarEncoder": Case({"network": "hed", "filters": 4}, (IMAGE,), on_image, (*FULL, 4)),
}  # fmt: skip


def enlarged(x):
    """The layout at twice its size, as a trunk wants it."""
    double = {key: tf.repeat(tf.repeat(x[key], 2, axis=1), 2, axis=2) for key in ("labels", "boundaries")}
    return layout(double)


def larger(x):
    return {key: tf.repeat(tf.repeat(value, 2, axis=1), 2, axis=2) for key, value in x.items()}


def registered():
    """Every class of layers/ and models/ that Keras can save, but for the generators: dictionary by name."""
    for package in (ecgan_tf.layers, ecgan_tf.models):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    classes = keras.saving.get_custom_objects()
    ours = {name.split(">")[1]: cls for name, cls in classes.items() if name.startswith("ecgan_tf>")}
    rooms = ("ecgan_tf.layers.", "ecgan_tf.models.")
    return {name: c for name, c in ours.items() if c.__module__.startswith(rooms) and not issubclass(c, Generator)}


LAYERS = registered()


@pytest.fixture
def inputs(rng):
    return {
        "features": tf.constant(rng.normal(size=(2, *SIZE, FILTERS)), tf.float32),
        "others": tf.constant(rng.normal(size=(2, *SIZE, FILTERS)), tf.float32),
        "image": tf.constant(rng.uniform(-1, 1, (2, *SIZE, 3)), tf.float32),
        "labels": tf.constant(rng.integers(0, LABELS, (2, *SIZE)), tf.int32),
        "boundaries": tf.constant(rng.integers(0, 2, (2, *SIZE, 1)), tf.float32),
    }


def make(name):
    layer = LAYERS[name](**CASES[name].arguments)
    layer.build(*CASES[name].build)
    for convolution in layer._flatten_layers():
        if isinstance(convolution, SpectralConv2D):  # where nothing else normalises, sigma has to be one
            for _ in range(5):
                convolution.normalized_kernel(training=True)
    return layer


def first(outputs):
    return tf.nest.flatten(outputs)[0]


def test_every_layer_is_in_the_table():
    assert set(CASES) == set(LAYERS)


def test_every_layer_is_saved_by_its_arguments():
    assert not [name for name, cls in LAYERS.items() if CASES[name].arguments and not issubclass(cls, FromArguments)]


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_layer_is_rebuilt_from_its_config_with_the_same_output(name, inputs):
    layer = make(name)
    config = keras.saving.serialize_keras_object(layer)["config"]
    twin = LAYERS[name].from_config(config)
    twin.build(*CASES[name].build)
    for variable, other in zip(layer.variables, twin.variables, strict=True):
        assert variable.name == other.name and variable.trainable == other.trainable
        other.assign(variable)
    for before, after in zip(*(tf.nest.flatten(CASES[name].call(x, inputs)) for x in (layer, twin)), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_output_has_the_shape_that_the_docstring_promises(name, inputs):
    assert first(CASES[name].call(make(name), inputs)).shape == CASES[name].shape


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_graph_of_an_open_batch_gives_what_eager_calls_give(name, inputs):
    layer = make(name)
    expected = tf.nest.flatten(CASES[name].call(layer, inputs))
    specs = {key: tf.TensorSpec((None, *x.shape[1:]), x.dtype) for key, x in inputs.items()}
    if "Discriminator" in name:  # count their pairs by the batch
        specs = {key: tf.TensorSpec(x.shape, x.dtype) for key, x in inputs.items()}
    graph = tf.function(lambda x: CASES[name].call(layer, x), autograph=False).get_concrete_function(specs)
    symbolic, actual = graph.structured_outputs, tf.nest.flatten(graph(inputs))
    assert first(symbolic).shape.is_compatible_with(CASES[name].shape)
    for before, after in zip(expected, actual, strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", sorted(CASES))
def test_half_precision_is_near_full_precision(name, inputs):
    full = make(name)
    keras.config.set_dtype_policy("mixed_float16")  # as a run does; a layer's own policy does not reach its sublayers
    half = make(name)
    for variable, other in zip(full.variables, half.variables, strict=True):
        assert other.dtype == variable.dtype  # weights stay in float32
        other.assign(variable)
    expected, actual = (first(CASES[name].call(layer, inputs)) for layer in (full, half))
    assert np.isfinite(actual).all()
    scale = max(float(np.abs(expected).max()), 1e-6)
    np.testing.assert_allclose(np.asarray(actual, np.float32) / scale, np.asarray(expected) / scale, atol=0.03)
