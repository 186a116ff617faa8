"""What teaches LGGAN's class branches: their features tell the classes apart, their images are those of their class."""

from keras import ops

from ecgan_tf.losses.reduction import mean_absolute_difference, per_example_mean


def pool_by_branch(features, branches, num_branches, pool="area"):
    """The mean feature of every branch's region.

    Args:
        features: h, float (batch, height, width, filters); batch static.
        branches: int32 (batch, height, width); `num_branches` where a pixel has none.
        num_branches: c.
        pool: "hw": sums are divided by height * width, zeros included, as released, so that small regions give tiny
            vectors; "area": by the area of the region.
    Returns:
        float32 (batch, c, filters), 0 for absent branches, and float32 (batch, c), 1 for those that are present.
    """
    batch, height, width, filters = features.shape
    rows = branches + (num_branches + 1) * ops.arange(batch, dtype="int32")[:, None, None]
    flat = ops.reshape(ops.cast(features, "float32"), (-1, filters))
    rows, count = ops.reshape(rows, (-1,)), batch * (num_branches + 1)
    sums = ops.reshape(ops.segment_sum(flat, rows, count), (batch, -1, filters))[:, :-1]
    areas = ops.reshape(ops.segment_sum(ops.ones_like(flat[:, 0]), rows, count), (batch, -1))[:, :-1]
    sizes = ops.maximum(areas, 1.0)[..., None] if pool == "area" else height * width
    return sums / sizes, ops.cast(areas > 0, "float32")


def class_feature_loss(logits, present):
    """The classification-based feature learning: branch i's pooled feature should be classified as i.

        sum over i of e_i CE(logits_i, i) / sum over i of e_i,  e_i = 1 if branch i is present

    Args:
        logits: float (batch, c, c), for every branch's feature.
        present: e, float (batch, c).
    Returns:
        float32 (batch,), 0 where no branch is present.
    """
    log_probabilities = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    entropies = -ops.diagonal(log_probabilities, axis1=1, axis2=2)
    return ops.sum(entropies * present, axis=1) / ops.maximum(ops.sum(present, axis=1), 1.0)


def local_loss(image, outputs, branches, num_branches):
    """The local L1: sum over i of mean |r_i - M_i I|, the mean over all pixels and channels of each class image.

    It is a sum over the classes, as released: with the masks at the output it grows with the area of the branches, and
    with the masks at the input also by what branches synthesise outside their regions.

    Args:
        image: I, float (batch, height, width, 3).
        outputs: of `ClassBranches`.
        branches: int32 (batch, height, width); `num_branches` where a pixel has none.
        num_branches: c.
    Returns:
        float32 (batch,).
    """
    image = ops.cast(image, "float32")
    if "class_images" not in outputs:  # the r_i are 0 outside their regions: their sum has all of it
        has_branch = ops.cast(branches < num_branches, "float32")[..., None]
        return mean_absolute_difference(outputs["class_image"], image * has_branch)
    total = 0.0
    for branch in range(num_branches):
        mask = ops.cast(branches == branch, "float32")[..., None]
        class_image = outputs["class_images"][..., 3 * branch : 3 * branch + 3]
        total = total + per_example_mean(ops.absolute(class_image - image * mask))
    return total


def total_variation(images):
    """The sum of the absolute differences of neighbouring pixels, not their mean, as in the cross-view release.

    Args:
        images: float (batch, height, width, 3).
    Returns:
        float32 (batch,).
    """
    images = ops.cast(images, "float32")
    down = ops.absolute(images[:, 1:] - images[:, :-1])
    right = ops.absolute(images[:, :, 1:] - images[:, :, :-1])
    return ops.sum(down, axis=(1, 2, 3)) + ops.sum(right, axis=(1, 2, 3))
