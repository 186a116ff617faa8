"""Pictures of label maps in files: what is asked for, checked as a whole, then synthesised one by one."""

import os
from collections.abc import Sequence

import numpy as np

from ecgan_tf.atomic_files import write_image
from ecgan_tf.console import progress_bar, say
from ecgan_tf.data import read_layout
from ecgan_tf.data.classes import plain_name
from ecgan_tf.data.label_maps import list_label_maps
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.exemplars import StyleMixture, attention_sheet, read_exemplars, shares_of
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.inference.tiles import generate_tiled
from ecgan_tf.latents import resample as redraw
from ecgan_tf.outputs import expand, plan_files, refuse_file
from ecgan_tf.pictures import CAPTIONS, pictures_of
from ecgan_tf.pixels import to_uint8
from ecgan_tf.pretrained import find_model


def synthesize(
    model: str,
    labels: str,
    output: str,
    instances: str | None = None,
    sources: str | None = None,
    exemplars: Sequence[str] = (),
    exemplar_labels: Sequence[str] = (),
    mix: float | None = None,
    mix_mask: str | None = None,
    save_attention: bool = False,
    save_intermediates: bool = False,
    step: int | str | None = None,
    seed: int | None = None,
    num_samples: int = 1,
    resample: Sequence[str] = (),
    tile: bool = False,
) -> None:
    """Writes a picture for each label map, a PNG of its name; of several samples NAME_sample_1.png and so on.

    Args:
        model: a run folder, a SavedModel or OpenVINO folder, a .tflite or an .onnx file.
        labels: a label map, or a folder of them.
        output: folder for the pictures.
        instances, sources: a file or folder of instance maps, of photographs of the other view, of the same names.
        exemplars, exemplar_labels: photographs whose style is wanted, up to two, and their label maps.
        mix, mix_mask: how two exemplars are mixed, see `shares_of`.
        save_attention: adds NAME_attention.png, what was read from where.
        save_intermediates: adds what the model gives on the way, NAME_edge.png and others.
        step: of a run's checkpoint, as in `open_model`.
        seed, num_samples, resample: of a model that gives many pictures of a layout, see `samples_of`.
        tile: takes label maps at their own size, and paints tiles of the model's, see `generate_tiled`.
    Raises:
        RequestError: before the first picture, where anything about the request or its files is wrong.
    """
    refuse_file(output)
    paths = list_label_maps(labels)
    instances, sources, mix_mask = (None if path is None else expand(path) for path in (instances, sources, mix_mask))
    exemplars, exemplar_labels = ([expand(path) for path in given] for given in (exemplars, exemplar_labels))
    place = find_model(model)
    opened = open_model(place, step)
    if save_intermediates and opened.generate_all is None:
        raise RequestError(f"--save_intermediates: {model} gives the final image alone; give its run folder.")
    samples = samples_of(opened, seed, num_samples, resample)
    given = [*exemplars, *exemplar_labels, *([mix_mask] if mix_mask else [])]
    exemplars = read_exemplars(opened, exemplars, exemplar_labels)
    shares = shares_of(exemplars, mix, mix_mask, opened.image_size)
    if save_attention and not exemplars:
        raise RequestError(f"{model} has no attention to save; leave out --save_attention.")
    if save_intermediates and (len(exemplars) > 1 or save_attention):
        raise RequestError("--save_intermediates goes with neither a mixture nor --save_attention; give one of them.")
    mixture = None
    if len(exemplars) > 1 or save_attention:
        mixture = StyleMixture(place, exemplars, shares, step or "last")
    if tile:
        check_tiling(opened, mixture, save_intermediates)
    size = None if tile else opened.image_size
    instances = instance_maps(paths, instances, "boundaries" in opened.inputs)
    sources = source_photographs(paths, sources, "source" in opened.inputs)
    for path, *others in zip(paths, instances, sources):  # a broken file is found before the first picture
        layout = read_layout(path, opened.classes, size, *others)
        if np.any(np.less(layout["labels"].shape, opened.image_size)):
            sizes = f"{_by(layout['labels'].shape)} is smaller than the model's {_by(opened.image_size)}"
            raise RequestError(f"{path}: {sizes}; leave out --tile.")
    read = [*paths, *given, *(path for path in (*instances, *sources) if path)]
    ends = ["", *(["_attention"] if save_attention else []), *(f"_{key}" for key in CAPTIONS if save_intermediates)]
    ends = [f"{sample}{end}" for sample in samples for end in ends]
    output = plan_files(output, {path: [f"{_stem(path)}{end}.png" for end in ends] for path in paths}, read)
    show = progress_bar("synthesising")
    for done, (path, *others) in enumerate(zip(paths, instances, sources), start=1):
        layout = read_layout(path, opened.classes, size, *others)
        layout = {key: value[None] for key, value in layout.items()}
        for sample, latents in samples.items():
            stem, layout = os.path.join(output, f"{_stem(path)}{sample}"), {**layout, **latents}
            for name, picture in _pictures(opened, layout, exemplars, mixture, save_attention, save_intermediates):
                write_image(f"{stem}{name}.png", picture)
        show(done, len(paths))
    say(f"synthesised {len(paths) * len(samples)} pictures into {output}")


def check_tiling(model, mixture, save_intermediates):
    """Refuses what cannot be painted in tiles."""
    if mixture or save_intermediates:
        raise RequestError("--tile goes with neither a mixture, --save_attention nor --save_intermediates.")
    if "source" in model.inputs:
        raise RequestError(f"--tile: {model.source} translates another view, of which a tile has no part.")


def samples_of(model, seed, num_samples, resample):
    """The random inputs of each picture that is asked for of a layout.

    Args:
        model: `Synthesizer`.
        seed: of all of them; None: 0.
        num_samples: how many pictures of a layout.
        resample: names or label ids of classes: these alone differ between the samples, all else is as in the first
            picture of the seed.
    Returns:
        dictionary from what is added to a picture's name to a dictionary of arrays with a batch axis of 1; the same
        for every layout, and nothing added to the name of a single one.
    """
    if not model.latents and (seed is not None or num_samples > 1 or resample):
        raise RequestError(
            f"{model.source} gives one picture of a layout; leave out --seed, --num_samples and --resample, or train "
            "one with --config.model.use_vae=True or --config.model.noise=classes."
        )
    if resample and "noise" not in model.latents:
        raise RequestError(
            f"--resample={resample[0]}: {model.source} has no code for each class; train one with "
            "--config.model.noise=classes."
        )
    seed, labels = seed or 0, [label_of(model.classes, name) for name in resample]
    if labels:
        first = model.draw(1, seed)
        drawn = [redraw(first, seed, place, labels) for place in range(1, num_samples + 1)]
    else:
        drawn = [model.draw(1, seed, place) for place in range(num_samples)]
    return {f"_sample_{number}": x for number, x in enumerate(drawn, start=1)} if num_samples > 1 else {"": drawn[0]}


def label_of(classes, name):
    """The label id of a class by its `plain_name`, or by the id itself; `unknown` where there is one."""
    names = classes.label_names
    found = [label for label, known in enumerate(names) if plain_name(known) == plain_name(name)]
    if not found and name.isdecimal() and int(name) < len(names):
        return int(name)
    if not found:
        raise RequestError(f"--resample={name}: no class of the model; it has {', '.join(names)}.")
    return found[0]


def _by(size):
    return "x".join(map(str, size))


def _stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def _pictures(model, layout, exemplars, mixture, save_attention, save_intermediates):
    """The pictures of one layout: pairs of what is added to its name, and uint8 (height, width, 3)."""
    if exemplars:
        layout = {**layout, **{key: value[None] for key, value in exemplars[0].items()}}
    if save_intermediates:
        for key, picture in pictures_of(model.generate_all(layout)).items():
            yield "" if key == "image" else f"_{key}", picture[0]
        return
    image = mixture(layout) if mixture else generate_tiled(model.generate, model.image_size, layout)
    yield "", to_uint8(image)[0]
    if save_attention:
        yield "_attention", attention_sheet(model, layout, exemplars, mixture.attention(layout), image)


def instance_maps(paths, folder, needed):
    """The instance map of each label map, or None for each where the model takes none."""
    if not needed:
        return [None] * len(paths)
    if folder is None:
        raise RequestError("this model was trained with instance maps; give their file or folder with --instances.")
    found = [folder if os.path.isfile(folder) else os.path.join(folder, os.path.basename(path)) for path in paths]
    missing = [path for path in found if not os.path.isfile(path)]
    if missing:
        raise RequestError(f"--instances: {len(missing)} missing, the first is {missing[0]}.")
    return found


def source_photographs(paths, folder, needed):
    """The photograph of the other view for each label map, or None for each where the model takes none."""
    if not needed:
        return [None] * len(paths)
    if folder is None:
        raise RequestError("this model translates another view; give its photographs' file or folder with --sources.")
    if os.path.isfile(folder):
        return [folder] * len(paths)
    by_name = {}
    if os.path.isdir(folder):
        by_name = {os.path.splitext(name)[0]: os.path.join(folder, name) for name in sorted(os.listdir(folder))}
    stems = [os.path.splitext(os.path.basename(path))[0] for path in paths]
    missing = [stem for stem in stems if stem not in by_name]
    if missing:
        raise RequestError(f"--sources: {len(missing)} missing, the first is that of {missing[0]} in {folder}.")
    return [by_name[stem] for stem in stems]
