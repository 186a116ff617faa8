import numpy as np
import pytest
import tensorflow as tf

from ecgan_tf.losses.local import class_feature_loss, local_loss, pool_by_branch

BRANCHES = 4


@pytest.fixture
def branches(rng):
    """Branch 2 is nowhere, branch 3 only in the second example; some pixels have none."""
    branches = rng.choice([0, 1, BRANCHES], (2, 5, 6))
    branches[1, 0] = 3
    return branches.astype(np.int32)


@pytest.mark.parametrize("pool", ["area", "hw"])
def test_pooling_is_a_loop_over_examples_and_branches(pool, branches, rng):
    features = rng.normal(size=(2, 5, 6, 3)).astype(np.float32)
    pooled, present = pool_by_branch(tf.constant(features), tf.constant(branches), BRANCHES, pool)
    for example in range(2):
        for branch in range(BRANCHES):
            region = features[example][branches[example] == branch]
            assert present[example, branch] == (len(region) > 0)
            size = max(len(region), 1) if pool == "area" else 30
            np.testing.assert_allclose(pooled[example, branch], region.sum(0) / size, atol=1e-5)
    assert np.asarray(present).sum(1).tolist() == [2, 3]


def test_the_class_loss_matches_numpy(rng):
    logits = rng.normal(size=(2, BRANCHES, BRANCHES))
    present = np.array([[1, 1, 0, 0], [1, 0, 1, 1]], np.float32)
    expected = []
    for example in range(2):
        entropies = [
            -np.log(np.exp(logits[example, i, i]) / np.exp(logits[example, i]).sum())
            for i in range(BRANCHES)
            if present[example, i]
        ]
        expected.append(np.mean(entropies))
    np.testing.assert_allclose(class_feature_loss(logits, present), expected, rtol=1e-5)


def test_an_absent_class_changes_nothing(rng):
    logits, present = rng.normal(size=(2, 3, 3)).astype(np.float32), np.array([[1, 1, 0], [1, 0, 0]], np.float32)
    other = np.where(present[..., None] > 0, logits, logits[::-1, ::-1])
    np.testing.assert_allclose(class_feature_loss(other, present), class_feature_loss(logits, present), rtol=1e-6)
    assert np.all(np.asarray(class_feature_loss(logits, np.zeros((2, 3), np.float32))) == 0)


@pytest.mark.parametrize("mask_mode", ["output", "input"])
def test_the_local_loss_is_a_sum_over_the_classes(mask_mode, branches, rng):
    image = rng.uniform(-1, 1, (2, 5, 6, 3)).astype(np.float32)
    class_images = rng.uniform(-1, 1, (BRANCHES, 2, 5, 6, 3)).astype(np.float32)
    masks = [(branches == i)[..., None] for i in range(BRANCHES)]
    if mask_mode == "output":
        class_images = class_images * np.array(masks)
        outputs = {"class_image": class_images.sum(0)}
    else:
        outputs = {"class_image": None, "class_images": np.concatenate(class_images, axis=-1)}
    expected = sum(np.abs(r - image * mask).mean((1, 2, 3)) for r, mask in zip(class_images, masks))
    loss = local_loss(image, outputs, tf.constant(branches), BRANCHES)  # a tensor of bools times one of floats is bools
    np.testing.assert_allclose(loss, expected, rtol=1e-5)
