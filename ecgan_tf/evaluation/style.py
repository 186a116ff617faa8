"""Does a picture follow its exemplar? One layout, several exemplars: the colours of each class, and features."""

import itertools

import numpy as np

from ecgan_tf.evaluation.metrics.colour import SMALLEST_AREA
from ecgan_tf.evaluation.metrics.perceptual import diversity, feature_distance
from ecgan_tf.evaluation.metrics.similarity import l1, ssim

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


class FeatureFollowing:
    """What a judge with feature maps says of a layout's pictures after several exemplars.

    A picture after A is held against one after B, both by their distance to A: the layout is the same, so that what
    differs is the style. Half of the pairs are nearer where a model answers at random.
    """

    def __init__(self, judge):
        self.judge = judge
        self.diversities, self.nearer = [], []

    def add(self, images, exemplars):
        """Takes one layout in: its pictures and their exemplars, float (exemplars, height, width, 3) in [-1, 1]."""
        if len(images) < 2:
            return
        of_images, of_exemplars = ([self.judge.feature_maps(x[None]) for x in xs] for xs in (images, exemplars))
        weights = self.judge.channel_weights
        self.diversities.append(float(np.mean(diversity(of_images, weights))))
        for exemplar, own in enumerate(of_images):
            to_own = feature_distance(own, of_exemplars[exemplar], weights)
            for other in (maps for number, maps in enumerate(of_images) if number != exemplar):
                self.nearer.append(bool(to_own < feature_distance(other, of_exemplars[exemplar], weights)))


def recoloured(photograph, labels, exemplar, exemplar_labels):
    """A photograph with each class's mean and deviation of the exemplar's: what follows an exemplar in every case.

    Args:
        photograph, exemplar: float (height, width, 3) in [-1, 1].
        labels, exemplar_labels: int (height, width) of either.
    Returns:
        float (height, width, 3) in [-1, 1]; classes that the exemplar does not show stay as they are.
    """
    result = np.array(photograph, np.float64)
    for label in np.unique(labels):
        here, there = labels == label, exemplar_labels == label
        if there.sum() >= SMALLEST_AREA:
            own, other = photograph[here], exemplar[there]
            scale = np.clip((other.std(axis=0) + 1e-3) / (own.std(axis=0) + 1e-3), 0.2, 3.0)
            result[here] = (own - own.mean(axis=0)) * scale + other.mean(axis=0)
    return np.clip(result, -1.0, 1.0).astype(np.float32)


def style_distance(features, others):
    """How far the channels' means and deviations are from each other (docs/papers/msca.md, section 7): layer by layer

        |mean - mean|_2 + |std - std|_2

    Args:
        features, others: lists, a layer each, of float (batch, height, width, channels).
    Returns:
        float64 (batch,), 0 for equal statistics, whatever lies where.
    """
    distance = 0.0
    for layer, other in zip(features, others, strict=True):
        for statistic in (np.mean, np.std):
            difference = statistic(layer, axis=(1, 2), dtype=np.float64) - statistic(
                other, axis=(1, 2), dtype=np.float64
            )
            distance = distance + np.linalg.norm(difference, axis=-1)
    return distance


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
        watch: function that is shown each layout's images, float (exemplars, height, width, 3), the batch that they
            were made of, and the true labels of the exemplars, int (exemplars, height, width).
    Returns:
        `StyleFollowing`; and a dictionary from caption to uint8 (shown, height, width, 3), for a grid.
    """
    from ecgan_tf.data.dataset import evenly_spread
    from ecgan_tf.data.exemplars import random_numbers, shown_labels
    from ecgan_tf.data.pipeline import to_batch
    from ecgan_tf.pixels import to_uint8

    following, rows = StyleFollowing(data.classes.num_classes), []
    picked = evenly_spread(len(data), shown)
    for index in range(len(data)):
        matches = random_numbers(0, index).permutation(data.matches.of(index))[:exemplars]
        layout = data.load(index, data.image_size)
        others = [data.load(int(other), data.image_size) for other in matches]
        batch = to_batch(
            [{**layout, "exemplar": x["image"], "exemplar_labels": shown_labels(x), "has_target": 0.0} for x in others]
        )
        images = np.asarray(generate(batch))
        labels = np.stack([x["labels"] for x in others])
        following.add(batch["labels"][0], images, batch["exemplar"], labels)
        if watch:
            watch(images, batch, labels)
        if index in picked and len(matches) == exemplars:
            row = {"label map": data.classes.colorize(batch["labels"][0])}
            for i, image in enumerate(images, start=1):
                row[f"exemplar {i}"] = to_uint8(batch["exemplar"][i - 1])
                row[f"synthesised after {i}"] = to_uint8(image)
            rows.append({**row, "photograph": to_uint8(batch["image"][0])})
        if progress:
            progress(index + 1, len(data))
    return following, {caption: np.stack([row[caption] for row in rows]) for caption in (rows[0] if rows else ())}


TASKS = ("duplicating", "mirroring", "retrieving")


def measure_tasks(generate, data, progress=None, judges=()):
    """The paper's three test tasks (docs/papers/msca.md, section 7).

    In "duplicating" the exemplar is the photograph that is wanted, in "mirroring" its mirror image, in "retrieving" it
    is another one, drawn from the best matches.

    Args:
        generate, data, progress: as in `measure_style`.
        judges: `JudgeNetwork`s with feature maps.
    Returns:
        dictionary from measure and task, such as "l1_mirroring", to its mean: `l1`, in [0, 2], and `ssim` to the
        photograph; and by every judge, whose word follows, `perceptual`, an LPIPS-style distance to the photograph, and
        `style`, the `style_distance` to the exemplar.
    """
    from ecgan_tf.data.pipeline import layout_batch

    found = {}

    def put(name, task, value):
        found.setdefault(f"{name}_{task}", []).append(float(value[0]))

    for index in range(len(data)):
        batch = layout_batch(data, [index])
        for task, exemplar in zip(TASKS, _exemplars_of_tasks(batch, data, index)):
            image, given = (
                np.clip(generate({**batch, **exemplar}), -1.0, 1.0),
                exemplar.get("exemplar", batch["exemplar"]),
            )
            put("l1", task, l1(image, batch["image"]))
            put("ssim", task, ssim(image, batch["image"]))
            for judge in judges:
                of_image, of_photograph, of_exemplar = (judge.feature_maps(x) for x in (image, batch["image"], given))
                put(f"perceptual_{judge.word}", task, feature_distance(of_image, of_photograph, judge.channel_weights))
                put(f"style_{judge.word}", task, style_distance(of_image, of_exemplar))
        if progress:
            progress(index + 1, len(data))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _exemplars_of_tasks(batch, data, index):
    """What each of `TASKS` changes of a batch of one layout."""
    from ecgan_tf.data.exemplars import shown_labels

    labels = shown_labels(data.load(index, data.image_size))[None]
    return (
        {"exemplar": batch["image"], "exemplar_labels": labels},
        {"exemplar": batch["image"][:, :, ::-1], "exemplar_labels": labels[:, :, ::-1]},
        {},
    )
