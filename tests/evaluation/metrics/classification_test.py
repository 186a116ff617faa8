import json

import keras
import numpy as np
import pytest

from ecgan_tf.config import base_config
from ecgan_tf.data.dataset import open_dataset
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.measures import Measures
from ecgan_tf.evaluation.metrics.classification import kl_divergence, top_k_agreement
from ecgan_tf.evaluation.networks.opening import open_judge

WANTED = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.1, 0.8]])
SEEN = np.array([[0.5, 0.3, 0.2], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1]])


def test_agreement_by_hand():
    assert top_k_agreement(SEEN, WANTED, 1) == pytest.approx(1 / 3)
    assert top_k_agreement(SEEN, WANTED, 2) == pytest.approx(2 / 3)
    assert top_k_agreement(SEEN, WANTED, 3) == 1
    assert top_k_agreement(SEEN, WANTED, 1, confident=0.5) == pytest.approx(1 / 2)  # the second is not sure
    assert np.isnan(top_k_agreement(SEEN, WANTED, 1, confident=0.9))


def test_divergence_by_hand():
    expected = np.mean([sum(p * np.log(p / q) for p, q in zip(*rows)) for rows in zip(WANTED, SEEN)])
    assert kl_divergence(SEEN, WANTED) == pytest.approx(expected)
    assert kl_divergence(WANTED, WANTED) == 0
    assert np.isfinite(kl_divergence(np.eye(3), np.eye(3)[::-1]))


def test_what_does_not_go_together_is_refused():
    with pytest.raises(RequestError, match="against"):
        kl_divergence(SEEN, WANTED[:2])
    with pytest.raises(RequestError, match="the 4 likeliest of 3 classes"):
        top_k_agreement(SEEN, WANTED, 4)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_a_classifier_in_a_file_measures_a_split(tmp_path, activation):
    """Pictures that are the photographs agree wholly; their negatives do not."""
    inputs = keras.Input((32, 32, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    network = keras.Model(inputs, keras.layers.Dense(7, activation=activation, name="classes")(pooled))
    network.layers[-1].kernel.assign(np.random.default_rng(0).normal(0, 20, (3, 7)))
    network.save(tmp_path / "net.keras")
    fields = {"name": "places", "file": "net.keras", "kind": "classifier", "output": "classes", "range": [-1, 1]}
    (tmp_path / "judge.json").write_text(json.dumps(fields))
    judge = open_judge(str(tmp_path / "judge.json"))
    assert (judge.kind, judge.gives("classify"), judge.gives("features")) == ("classifier", True, False)
    config = base_config("spade").data
    config.image_size = (32, 32)
    measures = Measures(open_dataset(config, "validation"), [judge], limit=6)
    assert {"top1", "top5", "kl", "sharpness_difference"} <= measures.metrics
    same = measures.measure(lambda index, batch: batch["image"]).numbers
    assert (same["top1_places_32_val6"], same["top5_places_32_val6"]) == (1, 1)
    assert same["kl_places_32_val6"] == pytest.approx(0, abs=1e-6)
    assert same["sharpness_difference_32_val6"] == pytest.approx(88.1, abs=0.1)
    other = measures.measure(lambda index, batch: -batch["image"]).numbers
    assert other["kl_places_32_val6"] > 0.1 and other["top1_places_32_val6"] < 1
