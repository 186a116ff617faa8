"""How much the pictures of one layout differ, of a model that gives many."""

import itertools

import numpy as np

from ecgan_tf.data.dataset import evenly_spread
from ecgan_tf.data.pipeline import layout_batch
from ecgan_tf.evaluation.metrics.perceptual import diversity
from ecgan_tf.pixels import to_uint8

SAMPLES = 4  # pictures of a layout, of seed 0
SHOWN = 6  # layouts of samples.png


def measure_samples(model, data, judges=(), progress=None):
    """Synthesises every layout several times, with the same few random inputs for all of them.

    Args:
        model: `Synthesizer` with latents.
        data: `LabelledPhotographs`.
        judges: `JudgeNetwork`s with feature maps.
        progress: function of (layouts done, layouts in all).
    Returns:
        dictionary from "pixels", and from each judge's word, to the mean over layouts and pairs of their pictures: of
        the absolute difference, of 255, or of the LPIPS-style distance; and a dictionary from caption to uint8
        (shown, height, width, 3), for a grid.
    """
    found, rows = {"pixels": [], **{judge.word: [] for judge in judges}}, []
    drawn = [model.draw(1, 0, number) for number in range(SAMPLES)]
    picked = evenly_spread(len(data), SHOWN)
    for index in range(len(data)):
        batch = layout_batch(data, [index])
        images = [np.clip(model.generate({**batch, **latents}), -1.0, 1.0) for latents in drawn]
        apart = [np.mean(np.abs(a - b)) for a, b in itertools.combinations(images, 2)]
        found["pixels"].append(127.5 * float(np.mean(apart)))
        for judge in judges:
            maps = [judge.feature_maps(image) for image in images]
            found[judge.word].append(float(np.mean(diversity(maps, judge.channel_weights))))
        if index in picked:
            pictures = {f"sample {number}": to_uint8(image[0]) for number, image in enumerate(images, start=1)}
            row = {"label map": data.classes.colorize(batch["labels"][0]), **pictures}
            rows.append({**row, "photograph": to_uint8(batch["image"][0])})
        if progress:
            progress(index + 1, len(data))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    return means, {caption: np.stack([row[caption] for row in rows]) for caption in rows[0]}
