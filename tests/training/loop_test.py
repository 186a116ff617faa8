import json

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.runs.folder import RunFolder
from ecgan_tf.training.loop import SinceLog, log, perceptual_share
from ecgan_tf.training.summaries import MetricsWriter, Progress


def make_objective(gan, config):
    return gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)


def since_log(*steps):
    terms = SinceLog({})
    for step in steps:
        terms.add(step)
    return terms


def test_what_is_logged_is_the_mean_since_the_last_log_step(gan, gan_config, tmp_path):
    run = RunFolder(tmp_path)
    metrics, progress = MetricsWriter(run, 0), Progress(0, 10, 4)
    config = gan_config(**{"train.global_batch_size": 4})
    terms = since_log({"L_G": 1.0, "L_D": 3.0}, {"L_G": 2.0, "L_D": 5.0})
    log(2, terms, gan, progress, metrics, config, run)
    line = (tmp_path / "metrics.jsonl").read_text()
    assert line.startswith('{"step": 2, "images_seen": 8.0, "L_G": 1.5, "L_D": 4.0, "generator_lr": 0.0001, ')
    assert not terms.arrays()


def test_an_interrupted_mean_goes_on_as_it_was(rng):
    values = rng.normal(size=5).astype(np.float32)
    whole = since_log(*({"L_G": value} for value in values))
    stored = since_log(*({"L_G": value} for value in values[:3])).arrays()
    resumed = SinceLog(stored)
    for value in values[3:]:
        resumed.add({"L_G": value})
    assert resumed.means() == whole.means()


def test_a_step_that_was_not_timed_has_no_speed(gan, gan_config, tmp_path, capsys):
    run = RunFolder(tmp_path)
    metrics, progress = MetricsWriter(run, 0), Progress(1, 10, 4)
    log(1, since_log({"L_G": 1.0, "L_D": 3.0}), gan, progress, metrics, gan_config(), run)
    assert json.loads((tmp_path / "metrics.jsonl").read_text())["images_per_second"] is None
    assert "step 1/10 | - images/s | - left" in capsys.readouterr().out


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_term_that_is_not_finite_ends_the_run(value, gan, gan_config, tmp_path):
    run = RunFolder(tmp_path)
    metrics, progress = MetricsWriter(run, 0), Progress(0, 10, 4)
    terms = since_log({"L_G": 1.0, "L_D": 3.0}, {"L_G": 2.0, "L_D": value})
    with pytest.raises(RequestError, match="step 2: L_D not finite: the run has diverged. Nothing was saved;"):
        log(2, terms, gan, progress, metrics, gan_config(), run)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_without_weights_the_perceptual_loss_is_refused_or_off(gan, gan_config):
    objective = make_objective(gan, gan_config())
    assert objective.vgg is None
    with pytest.raises(ValueError, match="no file 'nowhere.h5'"):
        make_objective(gan, gan_config(**{"loss.perceptual": 1.0, "loss.vgg_weights": "nowhere.h5"}))


def test_the_objective_uses_the_heads_of_the_gan(gan, gan_config):
    objective = make_objective(gan, gan_config(**{"train.seed": 5}))
    contrast = objective.contrast
    assert contrast.embeddings == {1: gan.heads["embedding_1"]}
    assert (contrast.seed, contrast.num_classes, contrast.memory) == (5, 3, None)
    assert objective.class_pixels is gan.heads["class_pixels"]


def test_the_log_says_how_large_the_perceptual_terms_are(gan_config):
    terms = {"L_p^I'": 0.5, "L_p^I''": 1.0, "L_f^I'": 2.0, "L_f^e": 1.0, "L_G": 9.0}
    loss = gan_config(**{"loss.perceptual": 4.0, "loss.feature_matching": 10.0}).loss
    assert perceptual_share(terms, loss) == " | L_p is 0.20 of L_f"
    assert perceptual_share({name: v for name, v in terms.items() if "L_p" not in name}, loss) == ""


def test_terms_that_the_run_goes_without_are_off(gan, gan_config):
    without = {"missing_terms": ("L_p", "L_s"), "loss.perceptual": 1.0, "loss.vgg_weights": "nowhere.h5"}
    objective = make_objective(gan, gan_config(**without))
    assert objective.label_objective is None and objective.vgg is None
