"""Does a picture follow its exemplar? One layout, several exemplars, the colours of each class."""

import itertools

import numpy as np

from ecgan_tf.evaluation.metrics.colour import SMALLEST_AREA

SMALLEST_DIFFERENCE = 5.0  # of 255: exemplars that show a class in closer colours ask for no move that could be seen


class StyleFollowing:
    """The share of cases in which a class's mean colour moves toward the exemplar's when the exemplar is changed.

    A case is a layout, an ordered pair of exemplars (A, B), and a class that all three show on at least
    `SMALLEST_AREA` pixels and the two exemplars in mean colours at least `SMALLEST_DIFFERENCE` apart. It counts as
    followed if the class, synthesised after B, is nearer to its colour in B than when synthesised after A. A model
    that ignores its exemplar follows in none; one that answers at random, in half.
    """

    def __init__(self, num_classes):
        self.num_classes = num_classes
        self.followed = 0
        self.cases = 0

    def add(self, labels, images, exemplars, exemplar_labels):
        """Takes one layout in.

        Args:
            labels: int (height, width).
            images: float (exemplars, height, width, 3) in [-1, 1], the layout synthesised after each exemplar.
            exemplars: float (exemplars, height, width, 3) in [-1, 1].
            exemplar_labels: int (exemplars, height, width).
        """
        synthesised = np.stack([class_colours(image, labels, self.num_classes) for image in images])
        wanted = np.stack([class_colours(x, ids, self.num_classes) for x, ids in zip(exemplars, exemplar_labels)])
        for a, b in itertools.permutations(range(len(images)), 2):
            apart = distance(wanted[a], wanted[b]) >= SMALLEST_DIFFERENCE
            case = apart & np.isfinite(synthesised[a]).all(-1)  # comparisons with NaN are false
            nearer = distance(synthesised[b], wanted[b]) < distance(synthesised[a], wanted[b])
            self.cases += int(case.sum())
            self.followed += int((case & nearer).sum())

    def share(self):
        """Followed cases over all, NaN where there was none."""
        return self.followed / self.cases if self.cases else float("nan")


def class_colours(image, labels, num_classes):
    """Mean colour of each class in 0..255: float (num_classes, 3), NaN below `SMALLEST_AREA` pixels."""
    scaled = 127.5 * (np.clip(image, -1.0, 1.0) + 1.0)
    regions = [labels == label for label in range(num_classes)]
    missing = np.full(3, np.nan)
    return np.stack([scaled[r].mean(axis=0) if r.sum() >= SMALLEST_AREA else missing for r in regions])


def distance(colours, others):
    """Mean absolute difference of red, green and blue."""
    return np.abs(colours - others).mean(axis=-1)


def measure_style(generate, data, exemplars=3, shown=6, progress=None, watch=None):
    """Synthesises every layout of a data set after several exemplars from it.

    The exemplars are drawn from the layout's best matches, as in the paper's test protocol, and are the same each time.

    Args:
        generate: function of a dictionary of arrays to images float (batch, height, width, 3).
        data: `LabelledPhotographs`.
        exemplars: how many for each layout, at most.
        shown: of how many layouts pictures are kept.
        progress: function of (layouts done, layouts in all).
        watch: function that is shown each layout's images after its exemplars, float (exemplars, height, width, 3).
    Returns:
        `StyleFollowing`; and a dictionary from caption to uint8 (shown, height, width, 3), for a grid.
    """
    from ecgan_tf.data.dataset import evenly_spread
    from ecgan_tf.data.exemplars import best_matches, random_numbers
    from ecgan_tf.data.pipeline import to_batch
    from ecgan_tf.pixels import to_uint8

    following, rows = StyleFollowing(data.classes.num_classes), []
    picked = evenly_spread(len(data), shown)
    for index in range(len(data)):
        matches = random_numbers(0, index).permutation(best_matches(data.label_histograms, index))[:exemplars]
        layout = data.load(index, data.image_size)
        others = [data.load(int(other), data.image_size) for other in matches]
        batch = to_batch(
            [{**layout, "exemplar": x["image"], "exemplar_labels": x["labels"], "has_target": 0.0} for x in others]
        )
        images = np.asarray(generate(batch))
        following.add(batch["labels"][0], images, batch["exemplar"], batch["exemplar_labels"])
        if watch:
            watch(images)
        if index in picked and len(matches) == exemplars:
            row = {"label map": data.classes.colorize(batch["labels"][0])}
            for i, image in enumerate(images, start=1):
                row[f"exemplar {i}"] = to_uint8(batch["exemplar"][i - 1])
                row[f"synthesised after {i}"] = to_uint8(image)
            rows.append({**row, "photograph": to_uint8(batch["image"][0])})
        if progress:
            progress(index + 1, len(data))
    return following, {caption: np.stack([row[caption] for row in rows]) for caption in (rows[0] if rows else ())}


def measure_tasks(generate, data, progress=None):
    """Distance to the photograph in the paper's three test tasks (docs/papers/msca.md, section 7).

    The spec asks for LPIPS and others as well; this is the mean L1 distance, in [0, 2].

    Args:
        generate, data, progress: as in `measure_style`.
    Returns:
        dictionary: `l1_duplicating`, where the exemplar is the photograph that is wanted; `l1_mirroring`, where it is
        its mirror image; `l1_retrieving`, where it is another one, drawn from the best matches.
    """
    from ecgan_tf.data.pipeline import layout_batch

    distances = {"l1_duplicating": [], "l1_mirroring": [], "l1_retrieving": []}
    for index in range(len(data)):
        batch = layout_batch(data, [index])
        exemplars = (
            {"exemplar": batch["image"], "exemplar_labels": batch["labels"]},
            {"exemplar": batch["image"][:, :, ::-1], "exemplar_labels": batch["labels"][:, :, ::-1]},
            {},
        )
        for distance_of, exemplar in zip(distances.values(), exemplars):
            image = np.clip(generate({**batch, **exemplar}), -1.0, 1.0)
            distance_of.append(np.abs(image - batch["image"]).mean())
        if progress:
            progress(index + 1, len(data))
    return {task: float(np.mean(values)) for task, values in distances.items()}
