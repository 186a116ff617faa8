"""`train.deterministic`: TensorFlow's deterministic operators are on before the first of them is made."""

import pytest
from tensorflow.python.framework import config as tensorflow_config

from ecgan_tf.arrays import read_arrays
from ecgan_tf.config import load_config
from ecgan_tf.errors import RequestError
from ecgan_tf.training.train import train


@pytest.fixture
def as_before():
    yield
    tensorflow_config.disable_op_determinism()


@pytest.mark.parametrize("wanted", [True, False])
def test_operators_are_deterministic_where_it_is_asked_for(wanted, as_before, tmp_path):
    values = {"train.deterministic": wanted, "train.devices": "GPU:7", "data.check_examples": 1}
    config = load_config("earth_tiles:spade_toy", **values)
    with pytest.raises(RequestError, match="GPU:7"):  # the last thing that is checked
        train(config, str(tmp_path / "run"))
    assert tensorflow_config.is_op_determinism_enabled() == wanted


@pytest.mark.slow  # two trainings
def test_on_a_cpu_they_give_the_usual_ones_weights(as_before, tmp_path):
    for wanted in (False, True):
        values = {"train.deterministic": wanted, "train.steps": 2, "data.check_examples": 1}
        train(load_config("earth_tiles:spade_toy", **values), str(tmp_path / str(wanted)))
    usual, deterministic = (
        read_arrays(str(next((tmp_path / str(wanted) / "checkpoints").glob("*.npz")))) for wanted in (False, True)
    )
    assert usual.keys() == deterministic.keys()
    assert not [name for name in usual if usual[name].tobytes() != deterministic[name].tobytes()]
