import importlib.util
import inspect
import pathlib

import pytest

from ecgan_tf.config import base_config, check_config
from ecgan_tf.errors import RequestError

CONFIGS = sorted((pathlib.Path(__file__).parents[1] / "configs").glob("*.py"))


def test_a_misspelt_key_fails():
    with pytest.raises(AttributeError, match='Did you mean "generator_lr" instead of "generater_lr"'):
        base_config().optimizer.generater_lr = 1e-3


def test_the_base_config_has_no_mistakes():
    check_config(base_config())


def mistakes(**values):
    """What `check_config` says of the base config with the given values."""
    config = base_config()
    config.update_from_flattened_dict(values)
    with pytest.raises(RequestError) as error:
        check_config(config)
    return str(error.value)


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
    default = base_config()[key.split(".")[0]][key.split(".")[1]]
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


def test_the_contrastive_grid_must_divide_the_image():
    assert "config.loss.contrastive_stride" in mistakes(**{"loss.contrastive_stride": 5})


def test_the_seed_must_fit_every_generator_of_random_numbers():
    assert "config.train.seed" in mistakes(**{"train.seed": 2**32})  # NumPy's limit


def test_the_kernel_of_the_class_branches_has_a_middle():
    assert "local_kernel_size is 4; it must be odd" in mistakes(**{"model.local_kernel_size": 4})


@pytest.mark.parametrize("values", [{"data.use_sources": True}, {"model.name": "lggan_cross_view"}], ids=str)
def test_only_the_cross_view_model_reads_another_view(values):
    assert "config.data.use_sources must be " in mistakes(**values)


def test_only_a_folder_has_another_view():
    message = mistakes(**{"data.use_sources": True, "model.name": "lggan_cross_view"})
    assert "config.data.name is 'earth_tiles'; only 'folder' has photographs of a second view" in message


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


GUIDED = {"model.name": "msca", "data.exemplars": "cross+self", "data.load_size": (256, 256)}


def test_a_guided_request_has_no_mistakes():
    config = base_config()
    config.update_from_flattened_dict(GUIDED)
    check_config(config)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model.name": "msca"}, "config.data.exemplars is 'none', but this model synthesises after exemplars"),
        ({"model.use_exemplar": True}, "config.data.exemplars is 'none', but this model synthesises after exemplars"),
        ({"data.exemplars": "self"}, "config.data.exemplars is 'self', but this model takes no exemplar"),
        ({**GUIDED, "data.load_size": (0, 0)}, "leaves no room for two patches"),
        ({**GUIDED, "model.attention_slots": (1, 2, 3)}, "attention_slots is (1, 2, 3); it must be five numbers"),
        ({**GUIDED, "model.attention": "full", "model.exemplar_label": "none"}, "must be 'given'"),
        ({**GUIDED, "model.attention": "some"}, "config.model.attention is 'some'; it must be one of msca, gap, full"),
        ({**GUIDED, "model.exemplar_label": "some"}, "config.model.exemplar_label is 'some'; it must be one of"),
        ({"data.exemplars": "some"}, "config.data.exemplars is 'some'; it must be one of"),
        ({"data.retrieved_share": 1.5}, "config.data.retrieved_share is 1.5; it must lie between 0 and 1"),
        ({"loss.style": -1.0}, "config.loss.style is -1.0; it must not be negative"),
        ({"loss.slot_entropy": -1.0}, "config.loss.slot_entropy is -1.0; it must not be negative"),
        ({"model.attention_sharpness": 0.0}, "config.model.attention_sharpness is 0.0; it must be above 0"),
    ],
)
def test_what_does_not_fit_a_guided_request_is_said(values, message):
    assert message in mistakes(**values)


@pytest.mark.parametrize("key", ["loss.segmenter", "loss.vgg_weights"])
def test_weights_of_other_networks_must_be_there(key, tmp_path):
    assert f"config.{key} is 'nowhere.npz', which is no file" in mistakes(**{key: "nowhere.npz"})
    (tmp_path / "weights").write_bytes(b"")
    config = base_config()
    config.update_from_flattened_dict({key: str(tmp_path / "weights")})
    check_config(config)


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
    assert toy.loss == config.loss


def test_every_config_tells_how_to_run_it_on_what_and_what_to_expect(module):
    docstring = inspect.getdoc(module)
    variant = ":B3" if module.__name__.startswith("ablations_") else ""
    command = f"Run: python train_main.py --config=configs/{module.__name__}.py{variant} --workdir="
    assert command in " ".join(docstring.replace("\\\n", " ").split())
    for part in ("\nRun:      ", "\nHardware: ", "\nResult:   "):
        assert part in docstring


@pytest.mark.parametrize("variant", ["B8", "B3_small", ""])
def test_an_unknown_ablation_is_refused_by_name(variant):
    from ecgan_tf.configs.ablations_earth_tiles import get_config

    with pytest.raises(RequestError, match=f"ablation '{variant}'; choose from B1, "):
        get_config(variant)
