"""Synthesis after exemplars: their files, mixtures of two of them, and pictures of the attention."""

import numpy as np

from ecgan_tf.attention_pictures import attention_pictures
from ecgan_tf.data.images import read_label_file, read_photograph
from ecgan_tf.data.label_maps import check_same_size, labels_from_file, resize_labels, resize_photograph
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.runtimes import is_run
from ecgan_tf.models.segmenter import label_predictor
from ecgan_tf.pictures import captioned_grid
from ecgan_tf.pixels import as_float, to_uint8
from ecgan_tf.runs.folder import read_config


def read_exemplars(model, paths, label_paths):
    """The exemplars of a request, or a line that says what is wrong with it.

    An exemplar of any size is brought to the model's as photographs are for training. One that lacks a class of the
    layout is fine: the model falls back on its mask and on the exemplar's style as a whole.

    Args:
        model: `Synthesizer`.
        paths: photographs.
        label_paths: their label maps, in the same order; none for a model that was trained without, or for a run that
            was trained with predicted ones, whose segmenter gives them then.
    Returns:
        list of dictionaries of `exemplar` float32 (height, width, 3) in [-1, 1] and, if the model reads them,
        `exemplar_labels` int32 (height, width).
    """
    if "exemplar" not in model.inputs:
        if paths or label_paths:
            raise RequestError(
                f"{model.source} synthesises without exemplars; leave out --exemplar and --exemplar_labels."
            )
        return []
    if not paths:
        raise RequestError("this model synthesises after an exemplar; give a photograph with --exemplar.")
    needed = "exemplar_labels" in model.inputs
    segmenter = segmenter_of(model.source) if needed and not label_paths else ""
    if segmenter:
        predict = label_predictor(segmenter, model.classes.num_classes)
        return [read_exemplar(model, path, predict=predict) for path in paths]
    if not needed and label_paths:
        raise RequestError("this model was trained without the exemplar's labels; leave out --exemplar_labels.")
    if needed and len(label_paths) != len(paths):
        raise RequestError(
            f"{len(paths)} --exemplar but {len(label_paths)} --exemplar_labels; this model reads the label map of each "
            "exemplar. For photographs without labels train one with --config.model.exemplar_label=none."
        )
    return [read_exemplar(model, path, label_paths[i] if needed else None) for i, path in enumerate(paths)]


def segmenter_of(source):
    """Path of the segmenter that gives exemplars their labels, of a run that was trained with one; else ""."""
    return read_config(source)["data"].get("exemplar_segmenter", "") if is_run(source) else ""


def read_exemplar(model, path, labels_path=None, predict=None):
    """One exemplar at the model's size; see `read_exemplars`. `predict` gives it labels where there is no file."""
    photograph = read_photograph(path)
    exemplar = {"exemplar": as_float(resize_photograph(photograph, model.image_size))}
    if labels_path is not None:
        labels = labels_from_file(labels_path, model.classes)
        check_same_size(path, photograph, labels_path, labels)
        exemplar["exemplar_labels"] = resize_labels(labels, model.image_size).astype(np.int32)
    elif predict:
        exemplar["exemplar_labels"] = predict(resize_photograph(photograph, model.image_size))
    return exemplar


def shares_of(exemplars, mix, mask_path, size):
    """How much of each exemplar's style each position gets.

    Args:
        exemplars: list of one or two.
        mix: t, the share of the second; below 0 or above 1 it extrapolates; or None.
        mask_path: greyscale PNG, white where the second exemplar's style is wanted, black for the first's; or None.
        size: (height, width).
    Returns:
        list of shares as `MSCAGenerator.synthesise` takes them, which add up to 1.
    """
    if len(exemplars) > 2:
        raise RequestError(f"{len(exemplars)} --exemplar; a mixture is of two.")
    if len(exemplars) < 2:
        if mix is not None or mask_path is not None:
            raise RequestError("--mix and --mix_mask mix two exemplars; give --exemplar twice.")
        return [1.0]
    if (mix is None) == (mask_path is None):
        raise RequestError("two exemplars: give either --mix=T or --mix_mask=FILE to say how much of each.")
    if mix is not None:
        return [1.0 - mix, mix]
    mask = read_label_file(mask_path)
    if mask.ndim == 3 or mask.dtype != np.uint8:
        raise RequestError(f"{mask_path}: a mask is an 8-bit greyscale PNG, black for the first exemplar.")
    share = resize_labels(mask, size)[None, :, :, None].astype(np.float32) / 255.0
    return [1.0 - share, share]


class StyleMixture:
    """Synthesises layouts in a mixture of styles, with the Keras model of a run.

    Args:
        run: run folder.
        exemplars: of `read_exemplars`.
        shares: of `shares_of`.
        which: of its checkpoints, see `RunFolder.step_of`.
    """

    def __init__(self, run, exemplars, shares, which="last"):
        from ecgan_tf.runs.opening import open_run

        if not is_run(run):
            raise RequestError(f"{run}: --mix, --mix_mask and --save_attention need the run folder of a training.")
        self.generator, _, _ = open_run(run, which=which)
        self.exemplars = [{key: array[None] for key, array in exemplar.items()} for exemplar in exemplars]
        self.styles = [(self.generator.encode_exemplar(**x), share) for x, share in zip(self.exemplars, shares)]

    def __call__(self, layout):
        """Layouts as a `Synthesizer` takes them, batch 1, to an image float32 (1, height, width, 3)."""
        return self.generator.synthesise(layout, self.styles)["image"].numpy()

    def attention(self, layout):
        """What each exemplar gives to a layout: a list over the exemplars of `attention_pictures`."""
        outputs = [self.generator({**layout, **exemplar}) for exemplar in self.exemplars]
        if "attention" not in outputs[0]:
            raise RequestError("this model has no attention to save; leave out --save_attention.")
        return [attention_pictures(each["attention"], self.generator.image_size) for each in outputs]


def attention_sheet(model, layout, exemplars, attention, image):
    """One picture: a row per exemplar with its photograph and what was read from it, beside layout and picture.

    Args:
        model: `Synthesizer`.
        layout: dictionary with `labels` int32 (1, height, width).
        exemplars: of `read_exemplars`.
        attention: of `StyleMixture.attention`.
        image: float (1, height, width, 3).
    Returns:
        uint8 (rows, columns, 3).
    """
    labels, picture = model.classes.colorize(layout["labels"]), to_uint8(image)
    rows = [
        {"exemplar": to_uint8(exemplar["exemplar"]), **{caption: x[0] for caption, x in maps.items()}}
        for exemplar, maps in zip(exemplars, attention)
    ]
    columns = {caption: np.stack([row[caption] for row in rows]) for caption in rows[0]}
    return captioned_grid(
        {"label map": labels.repeat(len(rows), 0), **columns, "synthesised": picture.repeat(len(rows), 0)}
    )
