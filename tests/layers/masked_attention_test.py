import keras
import numpy as np
import pytest

from ecgan_tf.layers.masked_attention import FullAttention, MaskedSpatialChannelAttention, PooledStyle

TARGET, EXEMPLAR, LABELS = (2, 4, 3, 5), (2, 3, 4, 6), (2, 3, 4, 5)
NAMES = ("target", "exemplar", "exemplar_labels")


@pytest.fixture
def inputs(rng):
    """The two scenes differ in size, so that no axis can be taken for another."""
    return [rng.normal(size=shape).astype(np.float32) for shape in (TARGET, EXEMPLAR, LABELS)]


def built(layer, randomize, labels=LABELS):
    layer.build(TARGET, EXEMPLAR, labels)
    return randomize(layer)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def weights_of(layer):
    return {variable.path: variable.numpy().astype(np.float64) for variable in layer.variables}


def attention_numpy(layer, target, exemplar, labels, convolve):
    """The three equations of the paper, for one example after the other and one slot after the other."""
    w = {path.split("/", 1)[1]: value for path, value in weights_of(layer).items()}
    margin = layer.kernel_size // 2
    joined = exemplar if labels is None else np.concatenate([exemplar, labels], -1)
    to_read = convolve(joined, w["psi_2/kernel"], padding=margin) + w["psi_2/bias"]
    to_write = convolve(target, w["psi_1/kernel"], padding=margin) + w["psi_1/bias"]
    aligned = np.zeros((*target.shape[:3], exemplar.shape[-1]))
    for b in range(len(target)):
        means = [x[b].mean((0, 1)) for x in ([target] if labels is None else [target, labels])]
        hidden = np.maximum(np.concatenate(means) @ w["mask_hidden/kernel"] + w["mask_hidden/bias"], 0)
        mask = 1 / (1 + np.exp(-(hidden @ w["mask/kernel"] + w["mask/bias"])))
        beta = softmax(w["write_sharpness"] * to_write[b], -1)
        for k in range(layer.slots):
            alpha = np.exp(w["read_sharpness"] * to_read[b, ..., k])
            alpha /= alpha.sum()
            value = sum(
                alpha[i, j] * exemplar[b, i, j] for i in range(exemplar.shape[1]) for j in range(exemplar.shape[2])
            )
            aligned[b] += beta[..., k : k + 1] * mask[k] * value
    return aligned


@pytest.mark.parametrize("with_labels", [True, False])
@pytest.mark.parametrize("kernel_size", [1, 3])
def test_attention_matches_numpy(inputs, randomize, convolve_numpy, kernel_size, with_labels):
    layer = MaskedSpatialChannelAttention(7, mask_filters=9, kernel_size=kernel_size)
    built(layer, randomize, LABELS if with_labels else None)
    layer.read_sharpness.assign(1.7)
    layer.write_sharpness.assign(0.6)
    target, exemplar, labels = inputs
    labels = labels if with_labels else None
    expected = attention_numpy(layer, target, exemplar, labels, convolve_numpy)
    np.testing.assert_allclose(layer(target, exemplar, labels), expected, rtol=1e-4, atol=1e-5)


def test_the_maps_are_distributions_over_positions_and_over_slots(inputs, randomize):
    layer = built(MaskedSpatialChannelAttention(7), randomize)
    target, exemplar, labels = inputs
    style, alpha = layer.read(exemplar, labels)
    _, maps = layer.write(target, style, labels.mean((1, 2)))
    assert alpha.shape == (2, 3, 4, 7) and maps["target"].shape == (2, 4, 3, 7) and maps["mask"].shape == (2, 7)
    np.testing.assert_allclose(np.sum(alpha, (1, 2)), 1, rtol=1e-5)
    np.testing.assert_allclose(np.sum(maps["target"], -1), 1, rtol=1e-5)


def test_one_slot_without_a_mask_is_attended_global_pooling(inputs, randomize):
    layer = built(MaskedSpatialChannelAttention(1, use_mask=False), randomize)
    target, exemplar, labels = inputs
    _, alpha = layer.read(exemplar, labels)
    pooled = (np.array(alpha) * exemplar).sum((1, 2))
    everywhere = np.broadcast_to(pooled[:, None, None], (*TARGET[:3], EXEMPLAR[-1]))
    np.testing.assert_allclose(layer(target, exemplar, labels), everywhere, rtol=1e-4, atol=1e-5)


def test_with_equal_scores_one_slot_is_the_mean_of_the_pooled_style(inputs, randomize):
    layer = built(MaskedSpatialChannelAttention(1, use_mask=False), randomize)
    layer.read_sharpness.assign(0.0)
    pooled = PooledStyle()
    pooled.build(TARGET, EXEMPLAR, LABELS)
    np.testing.assert_allclose(layer(*inputs), pooled(*inputs), rtol=1e-4, atol=1e-5)


def test_the_decoupled_form_equals_its_quadratic_form(inputs, randomize):
    """F_x (alpha^T diag(m) beta), with the matrix between all pairs of positions written out."""
    layer = built(MaskedSpatialChannelAttention(7), randomize)
    target, exemplar, labels = inputs
    style, alpha = layer.read(exemplar, labels)
    _, maps = layer.write(target, style, labels.mean((1, 2)))
    alpha, beta, mask = np.array(alpha), np.array(maps["target"]), np.array(maps["mask"])
    pairs = np.einsum("bhwk,bk,bijk->bhwij", beta, mask, alpha)
    expected = np.einsum("bhwij,bijn->bhwn", pairs, exemplar)
    np.testing.assert_allclose(layer(*inputs), expected, rtol=1e-4, atol=1e-5)


def test_moving_the_exemplars_pixels_with_their_labels_changes_nothing(inputs, randomize, rng):
    layer = built(MaskedSpatialChannelAttention(7, kernel_size=1), randomize)
    target, exemplar, labels = inputs
    order = rng.permutation(12)
    moved = [x.reshape(2, 12, -1)[:, order].reshape(x.shape) for x in (exemplar, labels)]
    assert np.abs(moved[0] - exemplar).max() > 0.5
    np.testing.assert_allclose(layer(target, *moved), layer(*inputs), rtol=1e-4, atol=1e-5)


def test_the_mask_can_shut_out_the_exemplar(inputs, randomize):
    layer = built(MaskedSpatialChannelAttention(7), randomize)
    layer.mask.bias.assign(np.full(7, -100.0))
    np.testing.assert_allclose(layer(*inputs), 0, atol=1e-6)


def test_full_attention_matches_numpy(inputs, randomize):
    layer = built(FullAttention(4), randomize)
    target, exemplar, labels = inputs
    w = {path.split("/", 1)[1]: value for path, value in weights_of(layer).items()}
    queries = target @ w["psi_1/kernel"][0, 0] + w["psi_1/bias"]
    keys = labels @ w["psi_2/kernel"][0, 0] + w["psi_2/bias"]
    expected = np.zeros((*TARGET[:3], EXEMPLAR[-1]))
    for b, i, j in np.ndindex(*TARGET[:3]):
        scores = (keys[b].reshape(12, 4) @ queries[b, i, j]) / 2.0
        expected[b, i, j] = softmax(scores, 0) @ exemplar[b].reshape(12, -1)
    np.testing.assert_allclose(layer(*inputs), expected, rtol=1e-4, atol=1e-5)


def test_a_slot_starts_to_be_read_where_the_layout_is_as_where_it_synthesises(inputs):
    """Both softmaxes have the same scores for the same layout, and pixels have no say yet."""
    layer = MaskedSpatialChannelAttention(7, sharpness=2.0)
    layer.build(TARGET, EXEMPLAR, LABELS)
    _, exemplar, labels = inputs
    _, alpha = layer.read(exemplar, labels)
    _, maps = layer.write(labels, {"values": np.zeros((2, 7, 6), np.float32)}, labels.mean((1, 2)))
    scores = [np.log(np.array(x)) for x in (alpha, maps["target"])]
    read = scores[0] - scores[0].mean((1, 2), keepdims=True)
    synthesised = scores[1] - scores[1].mean(-1, keepdims=True)
    for of_slots in (read, synthesised):
        assert np.ptp(of_slots) > 0.1
    both = (2.0 * layer.psi_1(labels)).numpy()
    np.testing.assert_allclose(read, both - both.mean((1, 2), keepdims=True), atol=1e-4)
    np.testing.assert_allclose(synthesised, both - both.mean(-1, keepdims=True), atol=1e-4)


@pytest.mark.parametrize("layer", [MaskedSpatialChannelAttention(7, 9, False, 1, "he"), FullAttention(4)], ids=str)
def test_config_round_trip(layer):
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


def test_attention_runs_in_half_precision_with_its_softmax_in_float32(inputs, randomize):
    keras.config.set_dtype_policy("mixed_float16")
    layer = built(MaskedSpatialChannelAttention(7), randomize)
    target, exemplar, labels = (x.astype(np.float16) for x in inputs)
    style, alpha = layer.read(exemplar, labels)
    assert alpha.dtype == "float32" and style["values"].dtype == "float16"
    assert layer(target, exemplar, labels).dtype == "float16"
