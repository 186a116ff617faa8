"""A small ECGAN on CamVid at 64x64, by a recipe that learns fast; `fast_recipe` serves the demo, too.

Run:      python train_main.py --config=configs/ecgan_camvid_small.py --workdir=runs/camvid_small \
              --config.data.dir=CAMVID
          CAMVID holds train|val/{images,labels} and classes.json, as README.md says.
Hardware: one CPU thread is enough: 412 CPU seconds with start-up (OMP_NUM_THREADS=1, and time).
Result:   not measured.
"""

from ecgan_tf.config import apply_variant, base_config, keys_of


def get_config(variant=None, method="ecgan"):
    config = base_config(method)
    config.data.name = "folder"
    config.data.image_size = (64, 64)
    fast_recipe(config)
    textured(config, cells=8)
    config.train.steps = 860
    return apply_variant(config, variant)


def fast_recipe(config):
    """A model of an eighth of the published size that learns within hundreds of steps, for any method.

    Each line departs from the paper or its release, for the reason it gives; the base config keeps the paper's value.
    """
    # A smaller model. SPADE's hidden layer is most of the published trunk's work, and 128 filters are made for 64
    # base filters: the ratio of 2 is kept.
    config.model.base_filters = 16
    config.discriminator.base_filters = 16
    if "spade_hidden_filters" in config.model:
        config.model.spade_hidden_filters = 32
    # Xavier with gain 0.02 leaves a hundredth of the signal after each convolution that is not normalised: the heads
    # and the modulations need thousands of steps to grow out of it.
    config.model.initializer = "he"
    if "head_initializer" in config.model:
        config.model.head_initializer = "he"
    # A direct pull towards the photograph's colours. Without VGG-19 nothing else in the objective knows them.
    config.loss.perceptual = 0.0
    config.loss.reconstruction = 10.0
    # L_s needs a label generator, which nobody has at first: with --config.loss.segmenter=FILE it is there.
    config.allow_missing_terms = True
    # One forward pass of each network a step instead of two: more steps for the same time. LabelMix needs two.
    if "label_mix" not in config.loss:
        config.train.update_order = "simultaneous"
    # Ten times the generator's rate; equal rates, since two time scales protect long runs, not short ones.
    config.optimizer.generator_lr = 1e-3
    config.optimizer.discriminator_lr = 1e-3
    # The paper's warm-up would outlast the run.
    if "contrastive_warmup_steps" in config.loss:
        config.loss.contrastive_warmup_steps = 200
    config.train.global_batch_size = 4
    config.train.log_every = 25
    config.train.checkpoint_every = 100


def is_textured(config):
    """Whether `textured` is for a config's method: its generator can have a fixed map of noise."""
    noise = keys_of(config.model.name).get("model.noise")
    return noise is not None and "fixed" in noise.choices


def textured(config, cells=4):
    """Adds to `fast_recipe` what makes textures of smooth fills, for any method with SPADE's trunk; none is of a paper.

    Measured beside it: `python -m benchmarks.methods`; README.md, "Learning fast".

    Args:
        cells: side of the cells in pixels whose colours are the photograph's: what is smaller is texture.
    """
    # Pixel by pixel the L1 asks for the median of all textures that may be there, which is none.
    config.loss.reconstruction_pool = cells
    config.loss.reconstruction = 2.5 * cells  # means of larger cells lie closer together
    # As much of each frequency in each class as the photograph has.
    config.loss.texture = 3.0
    # Features that are matched pixel by pixel smooth textures, too, which the discriminators then miss.
    config.loss.feature_matching = 4.0
    config.loss.adversarial = 1.5
    # What reads the layout alone cannot tell two pixels of a region apart but by the phase of its upsampling, and
    # makes a grid of that.
    config.model.noise = "fixed"
    if "enlarging" in config.model:  # the mobile generator's is bilinear
        config.model.enlarging = "bilinear"
    return config
