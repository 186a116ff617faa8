import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.models import discriminators, make_discriminator
from ecgan_tf.models.discriminators import MultiscaleDiscriminator, PatchDiscriminator, halve


def inputs_of(rng, batch_size, size=(32, 32)):
    """Layouts of 3 classes, unknown and boundaries."""
    return {
        "labels": rng.integers(0, 4, (batch_size, *size)).astype(np.int32),
        "boundaries": rng.integers(0, 2, (batch_size, *size, 1)).astype(np.float32),
    }


@pytest.fixture
def discriminator(rng, randomize):
    discriminator = make_discriminator(
        "multiscale", num_classes=3, has_unknown=True, has_boundaries=True, base_filters=4
    )
    randomize(discriminator, scale=0.1)
    discriminator(inputs_of(rng, 1), rng.normal(size=(1, 32, 32, 3)), training=True)
    return discriminator


def flatten(predictions):
    return [np.asarray(x) for features, logits in predictions for x in (*features, logits)]


@pytest.mark.parametrize(
    ("num_classes", "has_unknown", "has_boundaries", "parameters"),
    [(35, False, True, 5_601_410), (150, True, False, 5_836_930), (182, True, True, 5_904_514)],
    ids=["cityscapes", "ade20k", "coco_stuff"],
)
def test_published_parameter_counts(num_classes, has_unknown, has_boundaries, parameters):
    discriminator = make_discriminator(
        "multiscale", num_classes=num_classes, has_unknown=has_unknown, has_boundaries=has_boundaries
    )
    assert sum(np.prod(variable.shape) for variable in discriminator.trainable_variables) == parameters


def test_published_feature_shapes_at_256():
    discriminator = make_discriminator("multiscale", num_classes=2)
    inputs, image = {"labels": np.zeros((1, 256, 256), np.int32)}, np.zeros((1, 256, 256, 3), np.float32)
    shapes = [x.shape[1:] for x in flatten(discriminator(inputs, image, training=True))]
    first = [(129, 129, 64), (65, 65, 128), (33, 33, 256), (34, 34, 512), (35, 35, 1)]
    second = [(65, 65, 64), (33, 33, 128), (17, 17, 256), (18, 18, 512), (19, 19, 1)]
    assert shapes == first + second


def test_published_feature_widths_at_256x512():
    discriminator = make_discriminator("multiscale", num_classes=2, base_filters=1, num_scales=1)
    inputs, image = {"labels": np.zeros((1, 256, 512), np.int32)}, np.zeros((1, 256, 512, 3), np.float32)
    widths = [x.shape[2] for x in flatten(discriminator(inputs, image, training=True))]
    assert widths == [257, 129, 65, 66, 67]


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (8, 5), (1, 2)])
def test_halving_averages_the_cells_inside(size, rng):
    x = rng.normal(size=(2, *size, 3)).astype(np.float32)
    expected = np.zeros((2, (size[0] + 1) // 2, (size[1] + 1) // 2, 3))
    for i in range(expected.shape[1]):
        for j in range(expected.shape[2]):
            rows, columns = slice(max(0, 2 * i - 1), 2 * i + 2), slice(max(0, 2 * j - 1), 2 * j + 2)
            expected[:, i, j] = x[:, rows, columns].mean((1, 2))
    np.testing.assert_allclose(halve(x), expected, atol=1e-6)


def test_halving_keeps_a_constant():
    np.testing.assert_allclose(halve(np.full((1, 7, 8, 1), 3.0, np.float32)), np.full((1, 4, 4, 1), 3.0), rtol=1e-6)


@pytest.fixture
def patch(randomize, rng):
    """A patch discriminator over 5 semantic channels, after one training call."""
    patch = PatchDiscriminator(5, base_filters=4)
    patch.build()
    randomize(patch, scale=0.2)
    of_layout = patch.of_layout(rng.normal(size=(1, 16, 16, 5)).astype(np.float32))
    patch(of_layout, rng.normal(size=(1, 16, 16, 3)), training=True)
    return patch


def leaky_relu(x):
    return np.where(x > 0, x, 0.2 * x)


def test_a_patch_discriminator_matches_numpy(patch, rng, convolve_numpy):
    semantic, images = rng.normal(size=(2, 12, 12, 5)), rng.normal(size=(6, 12, 12, 3))
    x = np.concatenate([np.concatenate([semantic] * 3), images], axis=-1)
    x = leaky_relu(convolve_numpy(x, patch.kernel, 2, 2) + np.asarray(patch.bias))
    expected = [x]
    for convolution, stride in zip(patch.convolutions, (2, 2, 1)):
        x = convolve_numpy(x, convolution.normalized_kernel(), stride, 2)
        x = leaky_relu((x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5))
        expected.append(x)
    features, logits = patch(patch.of_layout(semantic.astype(np.float32)), images.astype(np.float32))
    for feature, value in zip(features, expected, strict=True):
        np.testing.assert_allclose(feature, value, atol=2e-3)
    expected = convolve_numpy(x, patch.to_logits.kernel, 1, 2) + np.asarray(patch.to_logits.bias)
    np.testing.assert_allclose(logits, expected, atol=2e-3)


def test_stacked_pairs_are_judged_as_if_alone(discriminator, rng):
    inputs, images = inputs_of(rng, 2), rng.normal(size=(3, 2, 32, 32, 3)).astype(np.float32)
    stacked = flatten(discriminator(inputs, images.reshape(6, 32, 32, 3)))
    for i, pair in enumerate(images):
        for together, alone in zip(stacked, flatten(discriminator(inputs, pair)), strict=True):
            np.testing.assert_allclose(together[2 * i : 2 * i + 2], alone, atol=1e-4)


def test_the_layout_and_the_image_are_both_looked_at(discriminator, rng):
    inputs, image = inputs_of(rng, 1), rng.normal(size=(1, 32, 32, 3)).astype(np.float32)
    logits = flatten(discriminator(inputs, image))[-1]
    for other, seen in (({**inputs, "labels": 3 - inputs["labels"]}, image),
                        ({**inputs, "boundaries": 1 - inputs["boundaries"]}, image),
                        (inputs, -image)):  # fmt: skip
        assert np.abs(flatten(discriminator(other, seen))[-1] - logits).max() > 1e-3


def test_an_unconditional_discriminator_sees_the_image_alone(rng, randomize):
    discriminator = make_discriminator("multiscale", num_classes=3, has_unknown=True, has_boundaries=True,
                                       base_filters=4, is_conditional=False)  # fmt: skip
    randomize(discriminator, scale=0.1)
    assert discriminator.scales[0].kernel.shape == (4, 4, 3, 4)
    inputs, image = inputs_of(rng, 1), rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    said = flatten(discriminator(inputs, image))
    for x, other in zip(said, flatten(discriminator(inputs_of(rng, 1), image)), strict=True):
        np.testing.assert_array_equal(x, other)
    assert np.abs(flatten(discriminator(inputs, -image))[-1] - said[-1]).max() > 1e-3


def test_an_unconditional_patch_discriminator_starts_with_its_convolution(rng, randomize, convolve_numpy):
    patch = PatchDiscriminator(0, base_filters=4)
    patch.build()
    randomize(patch, scale=0.2)
    images = rng.normal(size=(2, 12, 12, 3))
    features, _ = patch(None, images.astype(np.float32))
    expected = leaky_relu(convolve_numpy(images, patch.kernel, 2, 2) + np.asarray(patch.bias))
    np.testing.assert_allclose(features[0], expected, atol=1e-4)


def test_the_second_scale_sees_half_the_size(discriminator, rng):
    inputs, image = inputs_of(rng, 2), rng.normal(size=(2, 32, 32, 3)).astype(np.float32)
    semantic = np.concatenate([np.eye(4, dtype=np.float32)[inputs["labels"]], inputs["boundaries"]], axis=-1)
    second = discriminator.scales[1]
    features, logits = second(second.of_layout(halve(semantic)), halve(image))
    expected = [*features, logits]
    for x, value in zip(flatten(discriminator(inputs, image)[1:]), expected, strict=True):
        np.testing.assert_allclose(x, value, atol=1e-5)


def test_every_scale_has_its_own_weights(discriminator):
    paths = [variable.path for variable in discriminator.variables]
    assert len(set(paths)) == len(paths) == 2 * (len(paths) // 2)
    assert not np.array_equal(discriminator.scales[0].kernel, discriminator.scales[1].kernel)


def test_a_discriminator_is_rebuilt_from_its_config():
    arguments = {"num_classes": 3, "has_unknown": True, "has_boundaries": True, "base_filters": 4, "num_scales": 3}
    arguments["is_conditional"] = False
    first = make_discriminator("multiscale", **arguments, initializer="he")
    second = MultiscaleDiscriminator.from_config(first.get_config())
    assert second.get_config() == first.get_config()
    assert {**arguments, "initializer": "he"}.items() <= second.get_config().items()


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match="Unknown discriminator 'patch'. Known: multiscale."):
        make_discriminator("patch", num_classes=3)


@pytest.fixture(params=["rows", "fallback"])
def by_rows(request, monkeypatch):
    """A layout's share that is added up from rows, or convolved since it has too many windows."""
    monkeypatch.setattr(discriminators, "FEWEST_LABELS", 0)
    monkeypatch.setattr(discriminators, "MOST_WINDOWS", {"rows": 2.0, "fallback": -1.0}[request.param])


@pytest.mark.parametrize("size", [(32, 32), (23, 38)])
@pytest.mark.parametrize("has_boundaries", [False, True])
def test_a_layout_by_neighbourhoods_is_judged_the_same(size, has_boundaries, by_rows, rng, randomize):
    discriminator = make_discriminator("multiscale", num_classes=3, has_unknown=True, has_boundaries=has_boundaries,
                                       base_filters=4, num_scales=3)  # fmt: skip
    randomize(discriminator, scale=0.1)
    inputs = {"labels": rng.integers(0, 4, (2, 8, 10)).repeat(4, 1).repeat(4, 2)[:, : size[0], : size[1]]}
    inputs["labels"] = tf.constant(inputs["labels"], tf.int32)
    if has_boundaries:
        inputs["boundaries"] = tf.constant(rng.integers(0, 2, (2, *size, 1)), tf.float32)
    images = tf.constant(rng.normal(size=(4, *size, 3)), tf.float32)
    values = [variable.value for variable in discriminator.trainable_variables]

    def judged(by_neighbourhoods):
        discriminator.by_neighbourhoods = by_neighbourhoods

        @tf.function(autograph=False)
        def judge():
            with tf.GradientTape() as tape:
                predictions = tf.nest.flatten(discriminator(inputs, images))
                loss = tf.add_n([tf.reduce_sum(tf.square(x)) for x in predictions])
            return predictions, tape.gradient(loss, values)

        return judge()

    (expected, gradients), (actual, others) = judged(False), judged(True)
    for x, value in zip(actual, expected, strict=True):
        np.testing.assert_allclose(x, value, atol=1e-4)
    for gradient, other in zip(gradients, others, strict=True):
        assert np.linalg.norm(other - gradient) <= 1e-3 * np.linalg.norm(gradient) + 1e-4
