"""Paints label maps with a trained or exported model.

Example:
    python -m ecgan_tf.synthesize --model=runs/demo --labels=layouts/ --output=painted/
    python -m ecgan_tf.synthesize --model=exported/model_float32.tflite --labels=layout.png --output=painted/

A label map is a PNG of class ids (greyscale) or of the palette's colours (RGB); it is resized to the model's size.
Photographs are never needed, but by cross-view models, which take those of the other view from --sources, and by models
that paint after exemplars. A model that was trained with instance maps takes theirs from --instances. With
--save_intermediates a run folder also gives the pictures on the way to the final one, NAME_global_image.png and others.

A model that paints after exemplars takes a photograph and its label map; two of them are mixed, by a number or by a
greyscale mask that is white where the second one's style is wanted. Mixtures and --save_attention need a run folder:
    python -m ecgan_tf.synthesize --model=runs/msca --labels=layout.png --output=painted/ \
        --exemplar=A.jpg --exemplar_labels=A.png --exemplar=B.jpg --exemplar_labels=B.png --mix=0.3
"""

import os

from absl import flags

from ecgan_tf import commands
from ecgan_tf.commands import RequestError, say

MODEL = flags.DEFINE_string("model", None, "A run folder, a SavedModel folder, a .tflite or an .onnx file.")
LABELS = flags.DEFINE_string("labels", None, "A label map, or a folder of them (.png).")
INSTANCES = flags.DEFINE_string("instances", None, "A file or folder of instance maps of the same names.")
SOURCES = flags.DEFINE_string("sources", None, "A file or folder of photographs of the other view, of the same names.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the pictures, one .png of the same name per label map.")

EXEMPLAR = flags.DEFINE_multi_string("exemplar", [], "A photograph whose style is wanted; twice to mix two.")
EXEMPLAR_LABELS = flags.DEFINE_multi_string("exemplar_labels", [], "Its label map; as often as --exemplar.")
MIX = flags.DEFINE_float("mix", None, "Share of the second exemplar's style; outside 0..1 it extrapolates.")
MIX_MASK = flags.DEFINE_string("mix_mask", None, "Greyscale PNG: white where the second exemplar's style is wanted.")
SAVE_ATTENTION = flags.DEFINE_bool("save_attention", False, "Adds NAME_attention.png: what was read from where.")
SAVE_INTERMEDIATES = flags.DEFINE_bool("save_intermediates", False, "Also writes what the model paints on the way.")


def main(argv):
    commands.no_arguments(argv)
    commands.need_flags(model=MODEL.value, labels=LABELS.value, output=OUTPUT.value)
    paths = list_label_maps(LABELS.value)
    if os.path.isfile(OUTPUT.value):
        raise RequestError(f"--output={OUTPUT.value} is a file; give a folder.")

    commands.quiet_tensorflow()
    from ecgan_tf.data import read_layout
    from ecgan_tf.guidance import MixedPainter, read_exemplars, shares_of
    from ecgan_tf.runtimes import open_model

    model = open_model(MODEL.value)
    if SAVE_INTERMEDIATES.value and model.paint_all is None:
        raise RequestError(f"--save_intermediates: {MODEL.value} gives the final image alone; give its run folder.")
    exemplars = read_exemplars(model, EXEMPLAR.value, EXEMPLAR_LABELS.value)
    shares = shares_of(exemplars, MIX.value, MIX_MASK.value, model.image_size)
    if SAVE_ATTENTION.value and not exemplars:
        raise RequestError(f"{MODEL.value} has no attention to save; leave out --save_attention.")
    if SAVE_INTERMEDIATES.value and (len(exemplars) > 1 or SAVE_ATTENTION.value):
        raise RequestError("--save_intermediates goes with neither a mixture nor --save_attention; give one of them.")
    mixed = None
    if len(exemplars) > 1 or SAVE_ATTENTION.value:
        mixed = MixedPainter(MODEL.value, exemplars, shares)
    instances = instance_maps(paths, INSTANCES.value, "boundaries" in model.inputs)
    sources = source_photographs(paths, SOURCES.value, "source" in model.inputs)
    for path, *others in zip(paths, instances, sources):  # a broken file is found before the first picture is painted
        read_layout(path, model.classes, model.image_size, *others)
    show = commands.progress_bar("painting")
    for done, (path, *others) in enumerate(zip(paths, instances, sources), start=1):
        layout = read_layout(path, model.classes, model.image_size, *others)
        paint(model, layout, picture_path(path), exemplars, mixed)
        show(done, len(paths))
    say(f"painted {len(paths)} layouts into {OUTPUT.value}")


def paint(model, layout, path, exemplars=(), mixed=None):
    """Writes the picture of one layout as a PNG, and what was read or painted on the way where it is asked for."""
    from ecgan_tf.evaluation.pictures import pictures_of, to_uint8
    from ecgan_tf.files import write_image
    from ecgan_tf.guidance import attention_sheet

    layout = {key: value[None] for key, value in layout.items()}
    if exemplars:
        layout.update({key: value[None] for key, value in exemplars[0].items()})
    if SAVE_INTERMEDIATES.value:
        for key, picture in pictures_of(model.paint_all(layout)).items():
            write_image(path if key == "image" else f"{path.removesuffix('.png')}_{key}.png", picture[0])
        return
    image = mixed(layout) if mixed else model(layout)
    write_image(path, to_uint8(image)[0])
    if SAVE_ATTENTION.value:
        sheet = attention_sheet(model, layout, exemplars, mixed.attention(layout), image)
        write_image(f"{path.removesuffix('.png')}_attention.png", sheet)


def list_label_maps(path):
    """The file itself, or the .png files of a folder, by name."""
    if os.path.isfile(path):
        return [path]
    if not os.path.isdir(path):
        raise RequestError(f"--labels={path}: no such file or folder.")
    names = sorted(name for name in os.listdir(path) if name.lower().endswith(".png") and not name.startswith("."))
    if not names:
        raise RequestError(f"--labels={path}: the folder has no .png; label maps are PNGs of class ids or colours.")
    return [os.path.join(path, name) for name in names]


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


def picture_path(path):
    return os.path.join(OUTPUT.value, os.path.splitext(os.path.basename(path))[0] + ".png")


if __name__ == "__main__":
    commands.run(main, __doc__)
