import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.layers.class_branches import ClassBranches

BRANCHES, FILTERS = 4, 5
FORMS = ("dense", "lookup")


def make(randomize, **arguments):
    layer = ClassBranches(BRANCHES, **{"kernel_size": 3, **arguments})
    layer.build((None, 6, 8, FILTERS))
    return randomize(layer, scale=0.4)


@pytest.fixture
def features(rng):
    return rng.normal(size=(2, 6, 8, FILTERS)).astype(np.float32)


@pytest.fixture
def branches(rng):
    """Some pixels have none; one branch is not there at all."""
    return rng.choice([0, 1, 3, BRANCHES], (2, 6, 8)).astype(np.int32)


@pytest.fixture
def branch_loop(convolve_numpy):
    """The plain form: a Python loop over the branches, each with its slice of the weights."""

    def loop(layer, features, branches):
        size, kernel, bias = layer.kernel_size, np.asarray(layer.kernel), np.asarray(layer.bias)
        margin = [(0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)]
        images, own = [], 0.0
        for i in range(BRANCHES):
            mask, part = (branches == i)[..., None], slice(3 * i, 3 * i + 3)
            seen = features * mask if layer.mask_mode == "input" else features
            image = np.tanh(convolve_numpy(np.pad(seen, margin, mode="reflect"), kernel[..., part]) + bias[part])
            images.append(image if layer.mask_mode == "input" else image * mask)
            own = own + image * mask
        if layer.fusion == "sum":
            local = sum(images)
        else:
            local = convolve_numpy(np.concatenate(images, -1), layer.fusion_kernel, padding=1)
            local = np.tanh(local + np.asarray(layer.fusion_bias))
        return {"class_image": own, "local_image": local, "class_images": np.concatenate(images, -1)}

    return loop


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [3, 7])
@pytest.mark.parametrize("fusion", ["sum", "concat"])
@pytest.mark.parametrize(("mask_mode", "form"), [("output", "dense"), ("output", "lookup"), ("input", "auto")])
def test_every_form_is_the_loop_over_the_branches(
    mask_mode, form, fusion, size, training, features, branches, branch_loop, randomize
):
    layer = make(randomize, kernel_size=size, fusion=fusion, mask_mode=mask_mode, form=form)
    expected = branch_loop(layer, features, branches)
    outputs = layer(features, branches=branches, training=training)
    assert outputs.keys() == expected.keys() - (set() if mask_mode == "input" else {"class_images"})
    for key, value in outputs.items():
        np.testing.assert_allclose(value, expected[key], atol=2e-5, err_msg=key)
        assert np.std(expected[key]) > 0.1


def gradients(layer, features, branches):
    features, weights = tf.constant(features), np.random.default_rng(1).normal(size=(2, 6, 8, 3))
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = layer(features, branches=branches, training=True)
        total = sum(tf.reduce_sum(outputs[key] * weights) for key in ("local_image", "class_image"))
    return tape.gradient(total, [features, *(variable.value for variable in layer.trainable_variables)])


@pytest.mark.parametrize("fusion", ["sum", "concat"])
def test_both_forms_have_the_same_gradient(fusion, features, branches, randomize):
    by_form = [gradients(make(randomize, fusion=fusion, form=form), features, branches) for form in FORMS]
    for dense, lookup in zip(*by_form, strict=True):
        np.testing.assert_allclose(lookup, dense, atol=1e-4)
        assert np.any(dense)


def test_the_gradient_of_the_released_form_is_that_of_a_difference(features, branches, randomize):
    """Recomputed in the backward pass, so worth a check of its own: along a random direction."""
    layer = make(randomize, mask_mode="input")
    direction = np.random.default_rng(2).normal(size=layer.kernel.shape).astype(np.float32)
    gradient = float(tf.reduce_sum(gradients(layer, features, branches)[1] * direction))
    weights, start, totals = np.random.default_rng(1).normal(size=(2, 6, 8, 3)), np.asarray(layer.kernel), []
    for step in (0.005, -0.005):
        layer.kernel.assign(start + step * direction)
        outputs = layer(features, branches=branches)
        totals.append(sum(np.sum(outputs[key] * weights) for key in ("local_image", "class_image")))
    assert gradient == pytest.approx((totals[0] - totals[1]) / 0.01, rel=0.02)


@pytest.mark.parametrize("form", FORMS)
def test_an_absent_branch_gets_no_gradient(form, features, branches, randomize):
    of_features, of_kernel, of_bias, of_fusion, _ = gradients(make(randomize, form=form), features, branches)
    absent = slice(6, 9)  # branch 2
    assert not np.any(of_kernel[..., absent]) and not np.any(of_bias[absent]) and not np.any(of_fusion[:, :, absent])
    assert np.any(of_kernel[..., :6]) and np.any(of_features)


@pytest.mark.parametrize("form", FORMS)
def test_pixels_without_a_branch_are_zero(form, features, branches, randomize):
    image = make(randomize, form=form)(features, branches=branches)["class_image"].numpy()
    assert not np.any(image[branches == BRANCHES])
    assert np.all(np.any(image[branches != BRANCHES], axis=-1))


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("form", FORMS)
def test_half_precision_is_close(policy, form, features, branches, randomize):
    expected = make(randomize, form=form)(features, branches=branches)["local_image"]
    outputs = make(randomize, form=form, dtype=policy)(features, branches=branches, training=True)
    assert outputs["local_image"].dtype == outputs["class_image"].dtype == tf.float32
    np.testing.assert_allclose(outputs["local_image"], expected, atol=0.1)


def test_a_branch_starts_as_if_it_were_alone():
    layer = ClassBranches(50, kernel_size=3, initializer="xavier_0.02")
    layer.build((None, 6, 8, 64))
    expected = np.sqrt(4e-4 * 2 / (9 * (64 + 3)))  # Xavier with gain 0.02 from 64 to 3 filters
    assert np.std(layer.kernel) == pytest.approx(expected, rel=0.02)
    kernels = np.asarray(layer.kernel).reshape(-1, 50, 3)
    assert not np.allclose(kernels[:, 0], kernels[:, 1])


def test_auto_is_the_form_that_is_cheaper(monkeypatch, features, branches, randomize):
    used = []
    monkeypatch.setattr("ecgan_tf.layers.class_branches.lookup_convolution", lambda *a: used.append(a) or 0.0)
    make(randomize)(features, branches=branches)
    assert not used
    thresholds = {False: BRANCHES, True: BRANCHES + 1}
    monkeypatch.setattr("ecgan_tf.layers.class_branches.LOOKUP_FROM_BRANCHES", thresholds)
    make(randomize)(features, branches=branches, training=True)
    assert not used
    make(randomize)(features, branches=branches)
    assert used
