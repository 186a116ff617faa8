"""Whose style a layout is synthesised in: pairs of patches of one photograph to train on, and retrieved photographs.

Two different scenes have no common ground truth, but two patches of one photograph share its style
(docs/papers/msca.md, section 5). All that is random here is a function of (seed, position in the stream).
"""

import threading

import cv2
import numpy as np

# The sampler of patch pairs (docs/papers/msca.md, section 5; the paper's numbers were not found).
DRAWS = 20
LARGEST_OVERLAP = 0.1  # intersection over union of the two patches
SMALLEST_COVER = 0.4  # share of the target's pixels whose class the exemplar shows
SHOWN_FROM = 0.01  # share of the exemplar from which on it shows a class
SELF_SHARE = 2 / 9  # of the pairs with a target: 70% cross against 20% self, beside 10% retrieved

TOP_SHARE = 0.2  # exemplars are drawn from this share of best matches: the best ones are all too similar
CANDIDATES = 256  # of those that are kept for each layout
PREDICTED_SHARE = 0.5  # of the training exemplars whose labels a segmenter gives, where there is one
NO_SIDES = (0, 0)  # of config.data.short_side: not set
LARGEST_SCALE = 1.25
LARGEST_ROTATION = 10.0  # degrees


def pair_at(dataset, data_config, seed, position, index):
    """The training example at a position of the stream: a patch to synthesise, and a patch whose style it has.

        cross      two patches of one photograph; the exemplar is mirrored, scaled and turned at random, so that
                   position is no cue, but keeps its colours, which are the style
        self       a patch is its own exemplar
        retrieved  the exemplar is of another photograph, augmented as above: there is no ground truth

    The kinds come in the shares of config.data.exemplars and retrieved_share, in random order. (The spec asks for the
    same proportion in each step, in separate passes; small batches cannot hold it.) A cross pair that 20 draws do not
    find becomes a self pair, and so it is where load_size leaves no room for two patches. With config.data.short_side
    each photograph has a size of its own, drawn anew, of its own aspect.

    Args:
        dataset: `LabelledPhotographs` of the training split.
        data_config: `config.data`.
        seed: of the stream.
        position: in the stream.
        index: of the photograph there.
    Returns:
        arrays as `dataset.load` gives them, at image_size, with `exemplar` uint8 (height, width, 3),
        `exemplar_labels` int32 (height, width), of a segmenter in half of the cases where there is one, and
        `has_target`, 0.0 where the photograph is no ground truth.
    """
    rng = random_numbers(seed, position)
    size = dataset.image_size
    kind = draw_kind(rng.random(), data_config)
    arrays = load_for_patches(dataset, data_config, index, rng)
    offsets = draw_offsets(rng, arrays["labels"].shape, size)
    pair = choose_pair(arrays["labels"], size, offsets) if kind == "cross" else None
    target, other = offsets[0] if pair is None else pair
    flip = bool(data_config.flip and rng.integers(2))
    patch = {key: window(array, target, size)[:, ::-1] if flip else window(array, target, size)
             for key, array in arrays.items()}  # fmt: skip
    if kind == "retrieved":
        arrays = load_for_patches(dataset, data_config, dataset.matches.draw(index, rng), rng)
        if tuple(data_config.short_side) != NO_SIDES:
            other = draw_offsets(rng, arrays["labels"].shape, size)[0, 0]
    elif pair is None:
        given = draw_labels(patch, rng)
        return {**patch, "exemplar": patch["image"], "exemplar_labels": given, "has_target": 1.0}
    given = draw_labels(arrays, rng)
    exemplar, labels = augment(window(arrays["image"], other, size), window(given, other, size), rng)
    return {**patch, "exemplar": exemplar, "exemplar_labels": labels, "has_target": float(kind != "retrieved")}


def load_for_patches(dataset, data_config, index, rng):
    """A photograph's arrays at load_size, or where config.data.short_side is set, at a size that is drawn from it."""
    sides = tuple(data_config.short_side)
    return dataset.load(index) if sides == NO_SIDES else dataset.load_short(index, rng.integers(sides[0], sides[1] + 1))


def draw_labels(arrays, rng):
    """The labels that an exemplar comes with in training: its own, or in half of the cases those of the segmenter."""
    return arrays["predicted"] if "predicted" in arrays and rng.random() < PREDICTED_SHARE else arrays["labels"]


def shown_labels(arrays):
    """The labels that an exemplar comes with when it is used: the segmenter's where there is one, else its own."""
    return arrays.get("predicted", arrays["labels"])


def with_exemplar(dataset, index, seed=0):
    """An example at image_size with a retrieved exemplar, as the test protocol pairs them, and the same at each call.

    Args:
        dataset: `LabelledPhotographs`.
        index: of the layout.
        seed: of the retrieval.
    Returns:
        as `pair_at`, with `has_target` 0.0.
    """
    other = dataset.load(dataset.matches.draw(index, random_numbers(seed, index)), dataset.image_size)
    return {
        **dataset.load(index, dataset.image_size),
        "exemplar": other["image"],
        "exemplar_labels": shown_labels(other),
        "has_target": 0.0,
    }


def random_numbers(seed, position):
    """A generator of random numbers that depends on (seed, position) alone.

    The key has a bit above the seed's, so that no stream of `pipeline.augmentations` is met again.
    """
    return np.random.Generator(np.random.Philox(key=seed + 2**64, counter=position << 64))


# --- pairs of patches ------------------------------------------------------------------------------------------------


def draw_kind(number, data_config):
    """The kind of a pair from a number in [0, 1): "retrieved", "self" or "cross"."""
    self_share = {"cross": 0.0, "self": 1.0, "cross+self": SELF_SHARE}[data_config.exemplars]
    if number < data_config.retrieved_share:
        return "retrieved"
    return (
        "self" if number < data_config.retrieved_share + (1.0 - data_config.retrieved_share) * self_share else "cross"
    )


def draw_offsets(rng, load_size, size):
    """Upper left corners of two patches each: int (DRAWS, 2, 2), by draw, patch and axis."""
    return rng.integers(0, np.subtract(load_size, size) + 1, (DRAWS, 2, 2))


def choose_pair(labels, size, offsets):
    """The first drawn pair of patches that hardly overlap and of which one can be synthesised after the other.

    Where no draw keeps the overlap below its limit, the one with the smallest is looked at.

    Args:
        labels: int (height, width) of the photograph.
        size: (height, width) of a patch.
        offsets: as `draw_offsets` gives them.
    Returns:
        int (2, 2), the corners of target and exemplar; or None.
    """
    overlaps = np.array([overlap(*pair, size) for pair in offsets])
    allowed = overlaps <= LARGEST_OVERLAP
    candidates = offsets[allowed] if allowed.any() else offsets[[overlaps.argmin()]]
    for target, other in candidates:
        if cover(window(labels, target, size), window(labels, other, size)) >= SMALLEST_COVER:
            return np.stack([target, other])
    return None


def overlap(corner, other, size):
    """Intersection over union of two patches of one size."""
    common = np.prod(np.maximum(np.subtract(size, np.abs(np.subtract(corner, other))), 0))
    return common / (2 * np.prod(size) - common)


def cover(target, exemplar):
    """Share of the target's pixels whose class the exemplar shows on at least `SHOWN_FROM` of its own."""
    counts = np.bincount(exemplar.ravel(), minlength=int(target.max()) + 1)
    return float((counts >= SHOWN_FROM * exemplar.size)[target].mean())


def window(array, corner, size):
    """The patch of this size at a corner."""
    return array[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]]


def augment(image, labels, rng):
    """Mirrors, scales (0.8 to 1.25) and turns (up to 10 degrees) a patch; what comes in from outside is its mirror.

    Args:
        image: uint8 (height, width, 3).
        labels: int32 (height, width).
        rng: `numpy.random.Generator`.
    Returns:
        image and labels of the same shapes and types.
    """
    if rng.integers(2):
        image, labels = image[:, ::-1], labels[:, ::-1]
    scale = LARGEST_SCALE ** rng.uniform(-1.0, 1.0)
    height, width = labels.shape
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), rng.uniform(-LARGEST_ROTATION, LARGEST_ROTATION), scale
    )

    def warp(array, interpolation):
        array = np.ascontiguousarray(array)
        return cv2.warpAffine(array, matrix, (width, height), flags=interpolation, borderMode=cv2.BORDER_REFLECT_101)

    return warp(image, cv2.INTER_LINEAR), warp(labels.astype(np.uint16), cv2.INTER_NEAREST).astype(np.int32)


# --- retrieval -------------------------------------------------------------------------------------------------------


def label_histogram(labels, num_classes):
    """Area of each class as a share of the pixels that have one: float32 (num_classes,)."""
    counts = np.bincount(labels.ravel(), minlength=num_classes + 1)[:num_classes]
    return (counts / max(counts.sum(), 1)).astype(np.float32)


class Matches:
    """The exemplars that may be drawn for each layout: up to `CANDIDATES` of its best matches, found once each.

    Where the best fifth has more, they are drawn from it by a number of the layout's own, so that a layout has the same
    candidates whenever it is asked for. They are found when first asked for, and kept: 1 kB a layout.

    Args:
        histograms: float32 (examples, num_classes).
    """

    def __init__(self, histograms):
        self._by_class = np.ascontiguousarray(histograms.T)
        self._found, self._lock = {}, threading.Lock()

    def of(self, index):
        """The candidates of a layout, int32 (candidates,); up to `CANDIDATES` of them the best come first."""
        if index not in self._found:
            matches = best_matches(self._by_class, index)
            if len(matches) > CANDIDATES:
                matches = np.sort(random_numbers(0, index).choice(matches, CANDIDATES, replace=False))
            with self._lock:
                self._found[index] = matches.astype(np.int32)
        return self._found[index]

    def draw(self, index, rng):
        """Index of an exemplar for a layout: that of the layout itself only if there is no other."""
        candidates = self.of(index)
        return int(candidates[rng.integers(len(candidates))])


def best_matches(by_class, index):
    """The fifth of all other layouts whose label histograms have the largest intersection with that of one.

    Args:
        by_class: the histograms, float32 (num_classes, examples).
        index: of the layout.
    Returns:
        int (matches,), at least one; the layout itself where it is the only one. Up to `CANDIDATES` of them the best
        come first; more are in the order of the data set, since sorting all of it would take longest.
    """
    others = by_class.shape[1] - 1
    if not others:
        return np.array([0])
    own = by_class[:, index]
    similarity = sum((np.minimum(by_class[label], own[label]) for label in np.flatnonzero(own)), np.zeros(others + 1))
    similarity[index] = -1.0
    count = max(int(np.ceil(TOP_SHARE * others)), 1)
    if count <= CANDIDATES:
        return np.argsort(-similarity, kind="stable")[:count]
    return np.sort(np.argpartition(-similarity, count)[:count])
