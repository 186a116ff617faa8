r"""Synthesises the pictures of label maps with a trained or exported model.

Example:
    ecgan synthesize --model=runs/demo --labels=layouts/ --output=pictures/
    ecgan synthesize --model=exported/model_float32.tflite --labels=layout.png --output=pictures/

A label map is a PNG of class ids (greyscale) or of the palette's colours (RGB); it is resized to the model's size, or
with --tile painted at its own, in tiles of the model's size that overlap and are blended.
Photographs are never needed, but by cross-view models, which take those of the other view from --sources, and by models
that synthesise after exemplars. A model that was trained with instance maps takes theirs from --instances. With
--save_intermediates a run folder also gives the pictures on the way to the final one, NAME_global_image.png and others.

A model that was trained with use_vae or noise=classes gives many pictures of a layout, each by a seed and a number;
with a code for each class, single ones are drawn anew:
    ecgan synthesize --model=runs/vae --labels=layouts/ --output=pictures/ --seed=7 --num_samples=4
    ecgan synthesize --model=runs/noise --labels=layouts/ --output=pictures/ --num_samples=4 --resample=water

A model that synthesises after exemplars takes a photograph and its label map; two of them are mixed, by a number or
by a greyscale mask that is white where the second one's style is wanted. Mixtures and --save_attention need a run
folder:
    ecgan synthesize --model=runs/msca --labels=layout.png --output=pictures/ \
        --exemplar=A.jpg --exemplar_labels=A.png --exemplar=B.jpg --exemplar_labels=B.png --mix=0.3
"""

from absl import flags

from ecgan_tf import cli, console

MODEL = flags.DEFINE_string("model", None, "A run or other folder, a .tflite or .onnx file, or a model of the box.")
LABELS = flags.DEFINE_string("labels", None, "A label map, or a folder of them (.png).")
INSTANCES = flags.DEFINE_string("instances", None, "A file or folder of instance maps of the same names.")
SOURCES = flags.DEFINE_string("sources", None, "A file or folder of photographs of the other view, of the same names.")
OUTPUT = flags.DEFINE_string("output", None, "Folder for the pictures, one .png of the same name per label map.")

EXEMPLAR = flags.DEFINE_multi_string("exemplar", [], "A photograph whose style is wanted; twice to mix two.")
EXEMPLAR_LABELS = flags.DEFINE_multi_string("exemplar_labels", [], "Its label map; as often as --exemplar.")
MIX = flags.DEFINE_float("mix", None, "Share of the second exemplar's style; outside 0..1 it extrapolates.")
MIX_MASK = flags.DEFINE_string("mix_mask", None, "Greyscale PNG: white where the second exemplar's style is wanted.")
STEP = flags.DEFINE_string("step", None, "Which checkpoint of a run: its step, best, or last, which is the default.")
SEED = flags.DEFINE_integer("seed", None, "Which of a layout's many pictures; 0 by default.", 0, 2**63 - 1)
NUM_SAMPLES = flags.DEFINE_integer("num_samples", 1, "Pictures of each layout, NAME_sample_1.png ...", lower_bound=1)
RESAMPLE = flags.DEFINE_multi_string("resample", [], "A class, by name or id, that alone differs between the samples.")
TILE = flags.DEFINE_bool(
    "tile", False, "Paints label maps at their own size, in tiles of the model's that are blended."
)
SAVE_ATTENTION = flags.DEFINE_bool("save_attention", False, "Adds NAME_attention.png: what was read from where.")
SAVE_INTERMEDIATES = flags.DEFINE_bool("save_intermediates", False, "Also writes what the model gives on the way.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(model=MODEL.value, labels=LABELS.value, output=OUTPUT.value)
    console.quiet_tensorflow()
    from ecgan_tf.inference.requests import synthesize

    synthesize(
        MODEL.value,
        LABELS.value,
        OUTPUT.value,
        instances=INSTANCES.value,
        sources=SOURCES.value,
        exemplars=EXEMPLAR.value,
        exemplar_labels=EXEMPLAR_LABELS.value,
        mix=MIX.value,
        mix_mask=MIX_MASK.value,
        save_attention=SAVE_ATTENTION.value,
        save_intermediates=SAVE_INTERMEDIATES.value,
        step=STEP.value,
        seed=SEED.value,
        num_samples=NUM_SAMPLES.value,
        resample=RESAMPLE.value,
        tile=TILE.value,
    )
