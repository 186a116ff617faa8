import pytest

from ecgan_tf.runs.folder import RunFolder
from ecgan_tf.training.loop import log
from ecgan_tf.training.summaries import MetricsWriter, Progress


def make_objective(gan, config):
    return gan.method.make_objective(config, gan.generator, gan.judges, gan.heads)


def test_what_is_logged_is_the_mean_since_the_last_log_step(gan, gan_config, tmp_path):
    metrics, progress = MetricsWriter(RunFolder(tmp_path), 0), Progress(0, 10, 4)
    config = gan_config(**{"train.global_batch_size": 4})
    log(2, [{"L_G": 1.0, "L_D": 3.0}, {"L_G": 2.0, "L_D": 5.0}], gan, progress, metrics, config)
    line = (tmp_path / "metrics.jsonl").read_text()
    assert line.startswith('{"step": 2, "images_seen": 8.0, "L_G": 1.5, "L_D": 4.0, "generator_lr": 0.0001, ')


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_term_that_is_not_finite_ends_the_run(value, gan, gan_config, tmp_path):
    metrics, progress = MetricsWriter(RunFolder(tmp_path), 0), Progress(0, 10, 4)
    with pytest.raises(FloatingPointError, match="step 2: L_D not finite; lower config.optimizer's rates"):
        log(2, [{"L_G": 1.0, "L_D": 3.0}, {"L_G": 2.0, "L_D": value}], gan, progress, metrics, gan_config())
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


def test_without_a_segmenter_the_similarity_loss_is_off_and_the_run_says_so(gan, gan_config, capsys):
    assert make_objective(gan, gan_config()).label_logits is None
    assert "no segmenter (config.loss.segmenter): the similarity loss is off" in capsys.readouterr().out
    make_objective(gan, gan_config(**{"loss.label_loss": "none"}))
    assert "segmenter" not in capsys.readouterr().out
