"""All measures of a set of pictures over one split: what belongs to the photographs is computed once."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.pipeline import layout_batch
from ecgan_tf.evaluation.metrics.classification import kl_divergence, top_k_agreement
from ecgan_tf.evaluation.metrics.colour import ClassColourError
from ecgan_tf.evaluation.metrics.distribution import frechet_distance, halves, kernel_distance
from ecgan_tf.evaluation.metrics.edges import EdgeAgreement, edges_of_maps, edges_of_pictures
from ecgan_tf.evaluation.metrics.perceptual import feature_distance
from ecgan_tf.evaluation.metrics.segmentation import Confusion
from ecgan_tf.evaluation.metrics.similarity import l1, mean_gradient, psnr, sharpness_difference, ssim
from ecgan_tf.evaluation.metrics.spectrum import SMALLEST_SIZE, SpectrumRatios
from ecgan_tf.evaluation.protocols import GENERAL, INCEPTION, METRICS, Protocol

SPLITS = {"train": "train", "validation": "val"}
BATCH_SIZE = 8  # what the judges see at a time
SMALLEST_SET = 4  # layouts: a covariance of each half of the photographs needs two


@dataclasses.dataclass
class Measured:
    """What `Measures.measure` found.

    Attributes:
        numbers: by the name of their protocol.
        spreads: standard deviations, of those numbers that have one.
        references: the same number of real photographs: the ceiling of a segmenter, the noise floor of a distance.
        protocols: `Protocol` of each number.
        per_class: by class name its `share` of the pixels, its `colour_error`, and with a segmenter its `iou` and
            `reference`, the photographs'; None where no pixel shows the class.
        confusion: int (classes, classes + 1) of the segmenter, or None.
        spectrum: power over the photographs' by direction and band, or None below 32 pixels.
        scores: how good each picture is by itself, higher is better, for the best and the worst.
        scored_by: the name of that measure.
    """

    numbers: dict[str, float] = dataclasses.field(default_factory=dict)
    spreads: dict[str, float] = dataclasses.field(default_factory=dict)
    references: dict[str, float] = dataclasses.field(default_factory=dict)
    protocols: dict[str, Protocol] = dataclasses.field(default_factory=dict)
    per_class: dict[str, dict[str, float | None]] = dataclasses.field(default_factory=dict)
    confusion: Any = None
    spectrum: dict[str, Any] | None = None
    scores: list[float] = dataclasses.field(default_factory=list)
    scored_by: str = "ssim"

    def find(self, metric):
        """The name of the number of a metric, "fd" or "fid" alike, of the first judge that gave one; None without."""
        metrics = {name: protocol.metric for name, protocol in self.protocols.items()}
        return next((name for name, found in metrics.items() if metric in (found, GENERAL.get(found))), None)


class Measures:
    """Measures pictures of the layouts of a split.

    Args:
        data: `LabelledPhotographs`.
        judges: of `open_judge`: a segmenter gives mIoU and accuracies, features give Frechet and kernel distance, maps
            of features an LPIPS-style distance, a classifier top-1 and top-5 agreement and KL divergence.
        limit: how many layouts, evenly spread over the split; 0: all.
    """

    def __init__(self, data, judges=(), limit=0):
        self.data = data
        self.judges = tuple(judges)
        self.indices = evenly_spread(len(data), limit or len(data))
        self._photographs = None

    @property
    def metrics(self):
        """Which metrics `measure` gives, "fd" and "kd" meaning "fid" and "kid", too; `edge_map_f` if there are any."""
        of_judges = {
            "segment": ("miou", "fwiou", "accuracy_valid", "accuracy_all"),
            "feature_maps": ("perceptual",),
            "classify": ("top1", "top5", "kl"),
        }
        if len(self.indices) >= SMALLEST_SET:
            of_judges["features"] = ("fd", "kd")
        given = {metric for what in of_judges for metric in of_judges[what] if any(j.gives(what) for j in self.judges)}
        return given | {metric for metric, needs_network in METRICS.items() if not needs_network}

    def measure(self, generate, progress=None):
        """Measures one set of pictures.

        Args:
            generate: function of (index, batch), an example of the split and its arrays with a batch axis, to its
                picture, float (1, height, width, 3) in [-1, 1]; or to a generator's outputs, with `image` and, as it
                has it, `edge`.
            progress: function of (layouts done, layouts in all); it may raise, to stop.
        Returns:
            `Measured`.
        """
        photographs = self._of_photographs()
        pictures = _Pass(self.data, self.judges)
        for start in range(0, len(self.indices), BATCH_SIZE):
            chunk = self.indices[start : start + BATCH_SIZE]
            singles = [layout_batch(self.data, [index]) for index in chunk]
            outputs = [outputs_of(generate(index, single)) for index, single in zip(chunk, singles)]
            images, *edges = (np.concatenate([np.asarray(each[key]) for each in outputs])
                              for key in ("image", "edge") if key in outputs[0])  # fmt: skip
            batch = {key: np.concatenate([single[key] for single in singles]) for key in singles[0]}
            pictures.add(batch, np.clip(images, -1.0, 1.0), *edges)
            if progress:
                progress(start + len(chunk), len(self.indices))
        return self._summed_up(pictures, photographs)

    def _of_photographs(self):
        if self._photographs is None:
            self._photographs = _Pass(self.data, self.judges)
            for start in range(0, len(self.indices), BATCH_SIZE):
                batch = layout_batch(self.data, self.indices[start : start + BATCH_SIZE])
                self._photographs.add_real(batch)
        return self._photographs

    def _summed_up(self, pictures, real):
        found = Measured()

        def put(metric, value, judge=None, spread=None, reference=None):
            network = judge and judge.word
            metric = metric if network == INCEPTION else GENERAL.get(metric, metric)
            protocol = Protocol(
                metric,
                network,
                judge and judge.hash,
                self.data.image_size,
                SPLITS[self.data.split],
                len(self.indices),
            )
            found.numbers[protocol.name], found.protocols[protocol.name] = float(value), protocol
            if spread is not None:
                found.spreads[protocol.name] = float(spread)
            if reference is not None:
                found.references[protocol.name] = float(reference)

        for judge in self.judges:
            if judge.kind == "segmenter":
                mine, theirs = pictures.confusions[judge.name], real.confusions[judge.name]
                put("miou", mine.mean_iou(), judge, reference=theirs.mean_iou())
                put("fwiou", mine.frequency_weighted_iou(), judge, reference=theirs.frequency_weighted_iou())
                put("accuracy_valid", mine.accuracy_valid(), judge, reference=theirs.accuracy_valid())
                put("accuracy_all", mine.accuracy_all(), judge, reference=theirs.accuracy_all())
                if found.confusion is None:
                    found.confusion = mine.matrix
            if pictures.features[judge.name] and len(self.indices) >= SMALLEST_SET:
                mine, theirs = (np.concatenate(each.features[judge.name]) for each in (pictures, real))
                floor = halves(theirs)
                put("fid", frechet_distance(mine, theirs), judge, reference=frechet_distance(*floor))
                size = max(2, min(1000, len(self.indices) // 2))  # subsets of all examples would have no deviation
                kernel, kernel_floor = (kernel_distance(*pair, subset_size=size) for pair in ((mine, theirs), floor))
                put("kid", kernel.mean, judge, kernel.standard_deviation, kernel_floor.mean)
            if judge.gives("classify"):
                mine, theirs = (np.concatenate(each.probabilities[judge.name]) for each in (pictures, real))
                put("top1", top_k_agreement(mine, theirs, 1), judge)
                put("top5", top_k_agreement(mine, theirs, min(5, mine.shape[1])), judge)
                put("kl", kl_divergence(mine, theirs), judge)
            if pictures.distances[judge.name]:
                put("perceptual", np.mean(pictures.distances[judge.name]), judge)
        put("ssim", np.mean(pictures.ssim))
        put("psnr", np.mean(pictures.psnr))
        put("sharpness_difference", np.mean(pictures.sharpness_differences))
        put("l1", np.mean(pictures.l1))
        put("sharpness", np.mean(pictures.gradients) / max(np.mean(real.gradients), 1e-9), reference=1.0)
        put("edge_f", pictures.picture_edges.f_score())
        put("colour_error", pictures.colour.mean())
        if pictures.has_spectrum:
            found.spectrum = {part: values.tolist() for part, values in pictures.spectrum.ratios().items()}
        if pictures.has_edge_maps:
            put("edge_map_f", pictures.map_edges.f_score())
        found.per_class = self._per_class(pictures, real)
        found.scores, found.scored_by = pictures.scores()
        return found

    def _per_class(self, pictures, real):
        """See `Measured.per_class`."""
        names, judge = self.data.classes.names, next((j for j in self.judges if j.kind == "segmenter"), None)
        columns = {"share": real.label_counts[: len(names)] / max(real.label_counts.sum(), 1)}
        columns["colour_error"] = pictures.colour.per_class()
        if judge:
            columns["iou"] = pictures.confusions[judge.name].per_class_iou()
            columns["reference"] = real.confusions[judge.name].per_class_iou()
        return {
            name: {key: None if np.isnan(values[i]) else float(values[i]) for key, values in columns.items()}
            for i, name in enumerate(names)
        }


def outputs_of(generated):
    """What a generate() function gives, as a dictionary with `image`."""
    return generated if isinstance(generated, Mapping) else {"image": generated}


class _Pass:
    """What one pass over the layouts adds up: of the photographs themselves, or of pictures against them."""

    def __init__(self, data, judges):
        num_classes = data.classes.num_classes
        self.judges, self.has_spectrum = judges, min(data.image_size) >= SMALLEST_SIZE
        self.confusions = {judge.name: Confusion(num_classes) for judge in judges if judge.kind == "segmenter"}
        self.features = {judge.name: [] for judge in judges}
        self.distances = {judge.name: [] for judge in judges}
        self.probabilities = {judge.name: [] for judge in judges}
        self.sharpness_differences = []
        self.ssim, self.psnr, self.l1, self.gradients, self.accuracies = [], [], [], [], []
        self.colour, self.spectrum = ClassColourError(num_classes), SpectrumRatios()
        self.picture_edges, self.map_edges = EdgeAgreement(), EdgeAgreement()
        self.label_counts = np.zeros(num_classes + 1, np.int64)
        self.num_classes, self.has_edge_maps = num_classes, False

    def add_real(self, batch):
        """Takes photographs in: what is said of pictures is said against this."""
        self.label_counts += np.bincount(batch["labels"].ravel(), minlength=self.num_classes + 1)
        self._judge(batch, batch["image"])
        self.gradients += [mean_gradient(image[None]) for image in batch["image"]]

    def add(self, batch, images, edge_maps=None):
        """Takes pictures in, float (batch, height, width, 3) in [-1, 1], with their generated edges where there are."""
        photographs = batch["image"]
        asked, predictions = self._judge(batch, images)
        for judge in self.judges:
            if judge.gives("feature_maps"):
                maps = (judge.feature_maps(x) for x in (images, photographs))
                self.distances[judge.name] += list(feature_distance(*maps, judge.channel_weights))
        self.ssim += list(ssim(images, photographs))
        self.psnr += list(psnr(images, photographs))
        self.sharpness_differences += list(sharpness_difference(images, photographs))
        self.l1 += list(l1(images, photographs))
        self.gradients += [mean_gradient(image[None]) for image in images]
        self.colour.add(batch["labels"], photographs, images)
        wanted = edges_of_pictures(photographs)
        self.picture_edges.add(edges_of_pictures(images), wanted)
        if edge_maps is not None:
            self.map_edges.add(edges_of_maps(edge_maps), wanted)
            self.has_edge_maps = True
        if self.has_spectrum:
            self.spectrum.add_pictures(images)
            self.spectrum.add_photographs(photographs)
        if predictions is not None:
            valid = asked < self.num_classes
            hits = ((predictions == asked) & valid).sum(axis=(1, 2))
            self.accuracies += list(hits / np.maximum(valid.sum(axis=(1, 2)), 1))

    def _judge(self, batch, images):
        """Feeds the judges; returns the labels that the first segmenter is asked for and what it sees, or two Nones."""
        first = None, None
        for judge in self.judges:
            if judge.kind == "segmenter":
                asked, predictions = judge.asked(batch["labels"], self.num_classes), judge.segment(images)
                self.confusions[judge.name].add(asked, predictions)
                first = (asked, predictions) if first[0] is None else first
            if judge.gives("features"):
                self.features[judge.name].append(judge.features(images))
            if judge.gives("classify"):
                self.probabilities[judge.name].append(judge.classify(images))
        return first

    def scores(self):
        if self.accuracies:
            return [float(value) for value in self.accuracies], "accuracy_valid"
        return [float(value) for value in self.ssim], "ssim"
