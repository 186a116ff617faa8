"""Does a fixed segmentation network find the layout again in the synthesised picture? Its confusion matrix says."""

import numpy as np

from ecgan_tf.errors import RequestError


class Confusion:
    """Counts of pixels by class of the label map and class of the prediction (Long et al., 2015, section 5).

    Pixels whose label is no id of a class, such as the project's unknown id or a file's 255, are unknown: they count in
    `accuracy_all` alone. Predictions are ids of classes everywhere.

    Ranks photographs before noisy ones, and all pictures of the layouts before those of other layouts. More it ranks
    only as far as the network does: one that judges by colours takes a blurred picture for the photograph.

    Attributes:
        matrix: int64 (num_classes, num_classes), rows for labels, columns for predictions.
        unknown: number of unknown pixels.
    """

    def __init__(self, num_classes):
        self.num_classes = num_classes
        self.matrix = np.zeros((num_classes, num_classes), np.int64)
        self.unknown = 0

    def add(self, labels, predictions):
        """Takes a batch in.

        Args:
            labels: int (...); ids 0..num_classes-1, any other one is unknown.
            predictions: int, the shape of labels; ids 0..num_classes-1.
        """
        labels, predictions = np.asarray(labels), np.asarray(predictions)
        if labels.shape != predictions.shape:
            raise RequestError(f"predictions of shape {predictions.shape} for labels of shape {labels.shape}.")
        if labels.dtype.kind not in "iu" or predictions.dtype.kind not in "iu":
            raise RequestError(f"labels of type {labels.dtype} and predictions of {predictions.dtype}; give integers.")
        labels, predictions = labels.astype(np.int64), predictions.astype(np.int64)  # uint8 ids would wrap below
        foreign = np.unique(predictions[(predictions < 0) | (predictions >= self.num_classes)])
        if len(foreign):
            raise RequestError(
                f"predictions of the ids {foreign[:5].tolist()}, where classes are 0..{self.num_classes - 1}; "
                "map the network's classes to those of the labels first."
            )
        known = (labels >= 0) & (labels < self.num_classes)
        pairs = labels[known] * self.num_classes + predictions[known]
        self.matrix += np.bincount(pairs, minlength=self.num_classes**2).reshape(self.matrix.shape)
        self.unknown += int(known.size - known.sum())

    def per_class_iou(self):
        """Intersection over union: float (num_classes,), NaN where a class is in neither labels nor predictions."""
        both = np.diag(self.matrix)
        either = self.matrix.sum(axis=0) + self.matrix.sum(axis=1) - both
        return np.divide(both, either, out=np.full(self.num_classes, np.nan), where=either > 0)

    def mean_iou(self):
        """mIoU: mean of `per_class_iou` over the classes that are there; NaN before any pixel."""
        iou = self.per_class_iou()
        return float(np.nanmean(iou)) if np.isfinite(iou).any() else float("nan")

    def frequency_weighted_iou(self):
        """Sum of `per_class_iou` times the share of the class in the labels; NaN before any pixel."""
        return _ratio((np.nan_to_num(self.per_class_iou()) * self.matrix.sum(axis=1)).sum(), self.matrix.sum())

    def accuracy_valid(self):
        """Share of the pixels of known label that are predicted right."""
        return _ratio(np.trace(self.matrix), self.matrix.sum())

    def accuracy_all(self):
        """Share of all pixels that are predicted right; unknown ones are errors.

        In all likelihood the papers' column "Acc" (docs/papers/training_and_evaluation.md, section 4): SPADE's 81.9 on
        Cityscapes is measured as 93.5 where unknown pixels are left out.
        """
        return _ratio(np.trace(self.matrix), self.matrix.sum() + self.unknown)


def _ratio(part, whole):
    return float(part / whole) if whole else float("nan")
