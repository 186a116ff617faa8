"""What a GPU's machine would make of an export, with a stand-in for TF Serving, and as far as goes without a GPU."""

import os
import sys
from pathlib import Path

import pytest

from ecgan_tf.doctor import artefacts
from ecgan_tf.errors import RequestError

STAND_IN = Path(__file__).parents[1] / "serving" / "stand_in.py"
PROGRAM = """#!{python}
import os, sys
flags = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:])
os.execv({python!r}, [{python!r}, {stand_in!r}, flags["model_name"], flags["model_base_path"], flags["port"],
                      flags["rest_api_port"]])
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that puts a program of TF Serving's name on PATH."""

    def put(text):
        path = tmp_path / "bin" / artefacts.SERVER
        path.parent.mkdir()
        path.write_text(text.format(python=sys.executable, stand_in=str(STAND_IN)))
        path.chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join([str(path.parent), os.environ["PATH"]]))
        assert artefacts.find_server() == str(path)
        return str(path)

    return put


@pytest.mark.slow  # an export, and another process with TensorFlow
def test_the_servers_pictures_are_keras(program, make_run, tmp_path):
    largest, milliseconds = artefacts.ask_server(program(PROGRAM), str(make_run("spade")), str(tmp_path / "work"))
    assert largest == 0 and milliseconds > 0


def test_a_server_that_ends_is_told_with_its_last_words(program, tmp_path):
    path = program("#!/bin/sh\necho no such device\nexit 3\n")
    with pytest.raises(RequestError, match="did not load the model .*no such device"):
        with artefacts.serving(path, str(tmp_path), str(tmp_path)):
            pass


@pytest.mark.slow  # an export in three precisions
def test_without_a_gpu_the_export_is_made_and_no_engine(make_run, tmp_path):
    if artefacts.no_tensorrt() is None:
        pytest.skip("this machine has a GPU and TensorRT")
    said, code = artefacts.build_engines(str(make_run("spade")), str(tmp_path))
    assert code == artefacts.build_engine.NO_GPU and "no TensorRT engine: no NVIDIA" in said[0]
    assert (tmp_path / "exported" / "tensorrt" / "model_float16.onnx").is_file()
