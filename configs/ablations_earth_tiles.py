"""The papers' ablations B1 to B7 on the embedded earth_tiles, at 64x64 and by the recipe that learns fast.

    B1 encoder and image generator      B5 + similarity loss (give --config.loss.segmenter)
    B2 + edge generator                 B6 + contrastive learning and class-specific pixels: ECGAN
    B3 + edge transfer                  B7 + multi-scale contrastive learning: ECGAN++
    B4 + semantic preserving module

Run:      python train_main.py --config=configs/ablations_earth_tiles.py:B3 --workdir=runs/B3
          :B3_toy is the same, tiny, for tests; without a name it is B6, and :toy is B6_toy.
Hardware: two CPU cores.
Result:   not measured to the end; 100 steps of each were trained and exported. README.md: the cost of a step.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe

from ecgan_tf.config import base_config, shrink_to_toy
from ecgan_tf.errors import RequestError
from ecgan_tf.methods.ecgan import use_multi_scale_contrast

VARIANTS = ("B1", "B2", "B3", "B4", "B5", "B6", "B7")


def get_config(variant=None):
    variant = {None: "B6", "toy": "B6_toy"}.get(variant, variant)
    name, _, toy = variant.partition("_")
    if name not in VARIANTS or toy not in ("", "toy"):
        raise RequestError(f"ablation {variant!r}; choose from {', '.join(VARIANTS)}")
    config = base_config("ecgan")
    config.data.image_size = (64, 64)
    fast_recipe(config)  # without `textured`, which is of none of them
    config.train.steps = 300
    number = VARIANTS.index(name) + 1
    config.model.use_edge = number >= 2
    config.model.edge_transfer = "both" if number >= 3 else "none"
    config.model.use_semantic_preserving = number >= 4
    config.allow_missing_terms = False  # B5 without a label generator is B4
    config.loss.label_loss = "similarity" if number >= 5 else "none"
    if number < 6:
        config.loss.contrastive = config.loss.class_pixel = 0.0
    if number == 7:
        use_multi_scale_contrast(config)
    if toy:
        shrink_to_toy(config)
    return config
