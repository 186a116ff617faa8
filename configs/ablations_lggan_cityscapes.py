"""LGGAN's ablations S1 to S5 on Cityscapes (docs/papers/lggan.md, section 11), and S6, LGGAN++, on the recipe of
configs/lggan_cityscapes.py; `released` is S5 with what the release does and the recipe does not.

    S1 the global image alone                S4 S3 + class-discriminative loss
    S2 S1 + the local image, `sum`           S5 S4 + weight maps: LGGAN
    S3 S1 + the local image, `concat`        S6 S5 + semantic-aware upsampling: LGGAN++
    released  mask_mode `input` and class_pool `hw`, whose weights can be imported
    (S6 is ours: how the paper goes on was not found.)

Run:      python train_main.py --config=configs/ablations_lggan_cityscapes.py:S3 --workdir=runs/S3 --config.data.dir=DIR
          :S3_toy is the same, tiny, for tests; without a name it is S5, and :toy is S5_toy.
Hardware: 8 GPUs, as the authors.
Result:   not measured.
"""

from ecgan_tf.configs import lggan_cityscapes

from ecgan_tf.config import shrink_to_toy
from ecgan_tf.errors import RequestError

S3 = {"model.fusion": "mean", "loss.class_features": 0.0}
VARIANTS = {
    "S1": {"model.fusion": "global", "loss.class_features": 0.0, "loss.local_l1": 0.0},
    "S2": {**S3, "model.local_fusion": "sum"},
    "S3": S3,
    "S4": {"model.fusion": "mean"},
    "S5": {},
    "S6": {},
    "released": {"model.mask_mode": "input", "loss.class_pool": "hw"},
}


def get_config(variant=None):
    variant = {None: "S5", "toy": "S5_toy"}.get(variant, variant)
    name = variant.removesuffix("_toy")
    if name not in VARIANTS:
        raise RequestError(f"ablation {variant!r}; choose from {', '.join(VARIANTS)}")
    config = lggan_cityscapes.get_config(method="lggan_plus" if name == "S6" else "lggan")
    config.update_from_flattened_dict(VARIANTS[name])
    if variant != name:
        shrink_to_toy(config)
    return config
