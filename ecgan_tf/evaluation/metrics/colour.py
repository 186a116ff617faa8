"""Are the classes synthesised in their colours? Mean colour per class and image, synthesised against photographed."""

import numpy as np

SMALLEST_AREA = 20  # pixels; the mean of fewer says little


class ClassColourError:
    """How far the mean colour of a class in a synthesised image is from the photograph's, in units of 1/255.

    For every class, the mean over the images that show it (on at least `SMALLEST_AREA` pixels) of the absolute
    difference of the two mean colours, averaged over red, green and blue. It sees neither texture nor shape: 0 means
    that each region has the right colour on average. A measure of our own, comparable only with itself.
    """

    def __init__(self, num_classes):
        self.sums = np.zeros(num_classes)
        self.counts = np.zeros(num_classes, int)

    def add(self, labels, photographs, images):
        """Takes a batch in.

        Args:
            labels: int (batch, height, width); other ids than the classes' are left out.
            photographs, images: float (batch, height, width, 3) in [-1, 1].
        """
        difference = 127.5 * (np.clip(images, -1.0, 1.0) - photographs)
        for example, ids in zip(difference, labels):
            for label in range(len(self.sums)):
                region = ids == label
                if region.sum() >= SMALLEST_AREA:
                    self.sums[label] += np.abs(example[region].mean(axis=0)).mean()
                    self.counts[label] += 1

    def per_class(self):
        """float (num_classes,), NaN where no image showed the class."""
        return np.divide(self.sums, self.counts, out=np.full(len(self.sums), np.nan), where=self.counts > 0)

    def mean(self):
        """Mean over the classes that were shown."""
        return float(np.nanmean(self.per_class()))
