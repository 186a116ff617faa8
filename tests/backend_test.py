"""The user's machine is not ours: their Keras settings, their environment, their way to write a command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from ecgan_tf import cli
from ecgan_tf.errors import RequestError
from ecgan_tf.training.strategy import make_strategy

ROOT = Path(__file__).parents[1]
PROGRAM = """
from ecgan_tf import cli
def main(argv):
    import ecgan_tf.layers, keras
    settings = keras.config.backend(), keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon()
    print(*settings, keras.config.dtype_policy().name)
cli.run(main, "Says how Keras is set.")
"""
DEFAULT = {"backend": "tensorflow", "floatx": "float32", "epsilon": 1e-7, "image_data_format": "channels_last"}


def call(home, **environment):
    environment = {**os.environ, "HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    environment = {key: value for key, value in environment.items() if value is not None}
    words = [sys.executable, "-c", PROGRAM]
    return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize(
    "changed",
    [
        {"image_data_format": "channels_first"},
        {"floatx": "float16"},
        {"floatx": "float64", "epsilon": 1e-3},
        {"backend": "theano"},
    ],
    ids=str,
)
def test_a_keras_json_of_another_project_changes_nothing_and_is_named(changed, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(DEFAULT | changed))
    result = call(tmp_path, KERAS_BACKEND=None)
    assert result.stdout == "tensorflow float32 channels_last 1e-07 float32\n", result.stderr
    for name, value in changed.items():
        assert name == "backend" or f"{name}={value}" in result.stderr
    assert result.stderr.count("is not used here") == ("backend" not in changed)


def test_another_backend_in_the_environment_is_not_used_and_said(tmp_path):
    result = call(tmp_path, KERAS_BACKEND="jax")
    assert result.stdout == "tensorflow float32 channels_last 1e-07 float32\n"
    assert "note: KERAS_BACKEND=jax is not used here; ecgan_tf is TensorFlow's." in result.stderr


@pytest.mark.parametrize("names", ["CPU:0,CPU:0", "CPU:0, cpu:0", "CPU:1,CPU:0,CPU:1"])
def test_a_device_that_is_named_twice_is_one_line(names):
    with pytest.raises(RequestError, match="config.train.devices names .* twice; a device holds one replica"):
        make_strategy(names)


def test_a_flag_of_one_value_is_given_once():
    if "backend_test_many" not in flags.FLAGS:
        flags.DEFINE_multi_string("backend_test_many", [], "May be repeated.")
    cli._refuse_repeated(["x", "--backend_test_many=a", "--backend_test_many=b", "--model=a", "--", "--model=b"])
    with pytest.raises(RequestError, match="--model is given twice, as --model=a and as -model=b; give it once"):
        cli._refuse_repeated(["x", "--model=a", "-model=b"])
