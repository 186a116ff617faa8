"""Any method on CamVid at 64x64, by the recipe that learns fast: methods are compared by it at equal CPU seconds.

Run:      python train_main.py --config=configs/camvid_small.py --workdir=runs/camvid_small --config.data.dir=CAMVID
          is SPADE; :METHOD is any of `ecgan_tf.METHODS` or ecgan_plus, :METHOD_plain the same without what makes
          textures, and :METHOD_toy the same, tiny, for tests.
          python -m benchmarks.methods trains and measures several.
Hardware: one CPU thread.
Result:   not measured.
"""

from ecgan_tf.configs.ecgan_camvid_small import fast_recipe, is_textured, textured

from ecgan_tf.config import apply_variant, base_config
from ecgan_tf.methods.ecgan import use_multi_scale_contrast


def get_config(variant=None):
    name = (variant or "spade").removesuffix("toy").removesuffix("_") or "spade"
    is_plain, name = name.endswith("_plain"), name.removesuffix("_plain")
    is_plus = name == "ecgan_plus"
    config = base_config("ecgan" if is_plus else name)
    config.data.name = "folder"
    config.data.image_size = (64, 64)
    if "cross" in config.data.get("exemplars", "none"):
        config.data.load_size = (96, 128)  # room for two patches
    fast_recipe(config)
    if is_textured(config) and not is_plain:
        textured(config, cells=8)
    if is_plus:
        use_multi_scale_contrast(config)
    config.train.steps = 860
    return apply_variant(config, "toy" if variant and variant.endswith("toy") else None)
