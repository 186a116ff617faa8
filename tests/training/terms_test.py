"""A term whose network is not at hand stops a run, unless it may go without; what ran is written down."""

import json
import shutil

import pytest

import ecgan_tf
from ecgan_tf.errors import RequestError
from ecgan_tf.models import vgg
from ecgan_tf.training.terms import with_missing_terms


@pytest.fixture(autouse=True)
def no_download(monkeypatch):
    monkeypatch.setattr(vgg, "keras_weights", lambda: None)


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("ecgan_cityscapes", ["L_p", "L_s"]),
        ("ecgan_plus_ade20k", ["L_p", "L_s"]),
        ("spade_coco_stuff", ["L_p"]),
        ("lggan_cityscapes", ["L_p"]),
        ("msca_coco_stuff", ["L_p"]),
        ("ablations_earth_tiles:B5", ["L_s"]),
        ("ablations_earth_tiles:B4", []),
    ],
)
def test_a_published_setting_without_its_networks_is_refused_with_what_to_do(name, missing):
    config = ecgan_tf.load_config(name)
    if not missing:
        assert with_missing_terms(config).missing_terms == ()
        return
    with pytest.raises(RequestError) as error:
        with_missing_terms(config)
    remedies = {"L_p": "L_p: Keras has no VGG-19 weights.* --config.loss.perceptual=0", "L_s": "L_s: .*ecgan segmenter"}
    for symbol in missing:
        assert error.match(remedies[symbol])
    assert error.match("--config.allow_missing_terms=True")
    config.allow_missing_terms = True
    assert list(with_missing_terms(config).missing_terms) == missing
    assert config.missing_terms == ()  # as it was given


def test_what_a_run_goes_without_it_goes_on_without_and_not_without_more():
    """Of a run of before nobody wrote it down (None); the second time it is resumed it is written down."""
    config = ecgan_tf.load_config("ecgan_cityscapes")
    for so_far in (None, ("L_p", "L_s"), ("L_s", "L_p", "L_c")):
        assert with_missing_terms(config, so_far).missing_terms == ("L_p", "L_s")
    with pytest.raises(RequestError) as error:
        with_missing_terms(config, ("L_p",))
    assert error.match("L_s: ") and "L_p: " not in str(error.value)


@pytest.mark.parametrize("name", ["ecgan_cityscapes", "ecgan_ade20k_small", "msca_camvid", "lggan_cross_view"])
def test_a_toy_never_asks_for_a_network(name, monkeypatch):
    monkeypatch.setattr(vgg, "keras_weights", lambda: pytest.fail("a toy tried a download"))
    assert "L_p" in with_missing_terms(ecgan_tf.load_config(f"{name}:toy")).missing_terms


@pytest.mark.slow
def test_what_ran_is_in_the_config_and_on_the_card_and_a_run_stays_what_it_is(tmp_path, capsys):
    run = tmp_path / "run"
    request = ecgan_tf.load_config("ecgan_earth_tiles:toy", train__steps=2)
    ecgan_tf.train(request, str(run))
    said = "without L_s, whose network is not at hand; with L, L_f, L_1, L_t, L_c, L_pix"
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == said and lines.count(said) == 2  # before the first step, and where it is seen
    assert json.loads((run / "config.json").read_text())["missing_terms"] == ["L_s"]
    ecgan_tf.export(str(run), str(tmp_path / "exported"), ["onnx"])
    card = (tmp_path / "exported" / "MODEL_CARD.md").read_text()
    assert "- Terms of the loss: L, L_f, L_1, L_t, L_c, L_pix; without L_s, whose network was not at hand." in card
    stored = json.loads((run / "config.json").read_text())
    stored["missing_terms"] = []  # as if it had been trained with all
    (run / "config.json").write_text(json.dumps(stored))
    request.train.steps = 4
    with pytest.raises(RequestError, match=r"holds another run: config.missing_terms was \[\], now \['L_s'\]"):
        ecgan_tf.train(request, str(run))


def test_a_dry_run_says_what_would_be_and_writes_nothing(tmp_path, capsys):
    request = ecgan_tf.load_config("ecgan_earth_tiles:toy")
    ecgan_tf.train(request, str(tmp_path / "run"), dry_run=True)
    said = capsys.readouterr().out
    for part in (
        "data      earth_tiles: 358 photographs to train on, 37 to look at, 17 classes, 32x32",
        "networks  ecgan: generator ",
        "terms     L 1.5, L_f 4, L_1 10, L_t 3, L_c 1, L_pix 1; without L_s, allowed to be missing",
        "schedule  4 steps of 2 on 1 replica(s), 0.0 epochs; rates of G and D 0.001 and 0.001; from step 0",
        "memory    per replica ",
        "a dry run: nothing was written",
    ):
        assert part in said
    assert not list(tmp_path.iterdir())
    request.allow_missing_terms = False
    with pytest.raises(RequestError, match="L_s: "):
        ecgan_tf.train(request, str(tmp_path / "run"), dry_run=True)
    shutil.rmtree(tmp_path)  # nothing is open in it
