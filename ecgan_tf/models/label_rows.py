"""Where classes stand in the variables of a network, so that those of one data set can serve another."""

import dataclasses

import numpy as np

from ecgan_tf.layers.class_branches import ClassBranches
from ecgan_tf.layers.class_norm import ClassNormalization
from ecgan_tf.layers.label_conv import LabelConv2D
from ecgan_tf.models.discriminators import MultiscaleDiscriminator, PairDiscriminator
from ecgan_tf.models.ecgan import SemanticPreservingModule
from ecgan_tf.models.heads import ClassFeatureClassifier
from ecgan_tf.models.oasis import OASISDiscriminator
from ecgan_tf.models.segmentation_discriminator import SegmentationDiscriminator


@dataclasses.dataclass(frozen=True)
class Rows:
    """An axis of a variable on which labels stand side by side, in the order of their ids.

    Attributes:
        axis: of the variable.
        start: of the first label.
        width: numbers in a row that each label has.
        has_unknown: whether the unknown label has a row, after the others, where the network knows it.
    """

    axis: int
    start: int = 0
    width: int = 1
    has_unknown: bool = True


def label_rows(network, branches_are_labels=True):
    """The variables of a network that have rows of labels: dictionary from path to list of `Rows`.

    Whatever has none does not change its shape with the classes, but for the memory of the contrast, which holds what
    a run has seen, and begins anew.

    Args:
        network: generator, discriminator or head, built.
        branches_are_labels: whether LGGAN's branches are of a label each; groups of labels have no names to match.
    """
    found = {}
    for layer in network._flatten_layers():
        if isinstance(layer, LabelConv2D):
            found[layer.kernel.path] = [Rows(2)]
        elif isinstance(layer, ClassNormalization):
            found[layer.gamma.path], found[layer.beta.path] = [Rows(0)], [Rows(0)]
        elif isinstance(layer, ClassBranches) and branches_are_labels:
            found[layer.kernel.path], found[layer.bias.path] = [Rows(3, width=3)], [Rows(0, width=3)]
            if layer.fusion == "concat":
                found[layer.fusion_kernel.path] = [Rows(2, width=3)]
        elif isinstance(layer, SemanticPreservingModule):
            found.update(_of_semantic_preserving(layer, network))
        elif isinstance(layer, MultiscaleDiscriminator) and layer.is_conditional:
            found.update({scale.kernel.path: [Rows(2)] for scale in layer.scales})
        elif isinstance(layer, PairDiscriminator) and layer.condition == "labels":
            found[layer.convolutions[0].kernel.path] = [Rows(2)]
        elif isinstance(layer, OASISDiscriminator):
            found[layer.to_logits.kernel.path], found[layer.to_logits.bias.path] = [Rows(3)], [Rows(0)]
        elif isinstance(layer, SegmentationDiscriminator):
            found[layer.to_logits.kernel.path] = [Rows(3, has_unknown=False)]
            found[layer.to_logits.bias.path] = [Rows(0, has_unknown=False)]
        elif isinstance(layer, ClassFeatureClassifier) and branches_are_labels:
            found[layer.dense.kernel.path], found[layer.dense.bias.path] = [Rows(1)], [Rows(0)]
    return found


def _of_semantic_preserving(layer, network):
    """G_s reads C + 3 + 3 + N' channels, gives one for each class, and goes back to those that it reads."""
    before = layer.to_classes.kernel.shape[2] - network.num_labels - network.has_boundaries
    joined, classes = Rows(2, before), Rows(3, has_unknown=False)
    return {
        layer.to_classes.kernel.path: [joined, classes],
        layer.to_classes.bias.path: [dataclasses.replace(classes, axis=0)],
        layer.to_features.kernel.path: [dataclasses.replace(classes, axis=2), Rows(3, before)],
        layer.to_features.bias.path: [Rows(0, before)],
        layer.to_image.kernel.path: [joined],
    }


def transfer(new, old, rows, sources, num_classes):
    """A variable's value for other classes: rows of classes that both have are copied, all others stay as they are.

    Args:
        new: array of the network that is begun, with its initial values.
        old: array of the other network.
        rows: list of `Rows`.
        sources: for each label of the new network, unknown last where it has one, the label of the old one, or -1.
        num_classes: of the new network and of the old one.
    Returns:
        array of the shape of `new`; None where the two differ in more than their classes.
    """
    taken, given = [np.arange(length) for length in new.shape], [np.arange(length) for length in new.shape]
    if new.ndim != old.ndim:
        return None
    by_axis = {each.axis: each for each in rows}
    for axis, (length, other) in enumerate(zip(new.shape, old.shape)):
        if axis in by_axis:
            taken[axis], given[axis] = _positions(length, other, by_axis[axis], sources, num_classes)
        if axis not in by_axis and length != other:
            return None
        if taken[axis] is None:
            return None
    value = new.copy()
    value[np.ix_(*taken)] = old[np.ix_(*given)]
    return value


def _positions(length, other, rows, sources, num_classes):
    """Where on an axis of so many positions the network takes something, and from where on the other's axis.

    What stands before and after the labels is the same in both; two Nones where it is not.
    """
    counts = [number + (rows.has_unknown and unknown) for number, unknown in num_classes]
    after = [size - rows.start - rows.width * count for size, count in zip((length, other), counts)]
    if after[0] != after[1] or after[0] < 0:
        return None, None
    taken, given = list(range(rows.start)), list(range(rows.start))
    for label, source in enumerate(sources[: counts[0]]):
        if 0 <= source < counts[1]:
            taken += range(rows.start + rows.width * label, rows.start + rows.width * (label + 1))
            given += range(rows.start + rows.width * source, rows.start + rows.width * (source + 1))
    taken += range(length - after[0], length)
    given += range(other - after[0], other)
    return taken, given
