import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.models.label_generators import load_label_generator

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = "--config=configs/ecgan_earth_tiles.py:toy"


def call(*arguments):
    command = [sys.executable, "-m", "ecgan_tf", "segmenter", *arguments]
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}  # as a user's
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    path = tmp_path_factory.mktemp("segmenter") / "segmenter.npz"
    result = call(CONFIG, f"--output={path}", "--steps=2", "--batch_size=2")
    assert (result.returncode, result.stderr) == (0, "")
    return path, result.stdout


def test_it_says_how_well_it_sees(trained):
    path, said = trained
    assert re.search(r"step 2/2 \| cross-entropy \d+\.\d{3}\n", said)
    assert re.search(rf"{path}: pixel accuracy 0\.\d+, mIoU 0\.\d+ on 37 photographs\n", said)
    assert f"use it with --config.loss.segmenter={path}" in said


def test_the_file_opens_as_a_label_generator(trained, rng):
    segment = load_label_generator(str(trained[0]), 17)
    logits = segment(rng.uniform(-1, 1, (2, 32, 32, 3)))
    assert logits.shape == (2, 8, 8, 17) and np.all(np.isfinite(logits))


def test_other_classes_are_refused(trained):
    with pytest.raises(RequestError, match="a segmenter of 17 classes, the data set has 3; train one on this data set"):
        load_label_generator(str(trained[0]), 3)


def test_a_file_that_is_no_segmenter_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(RequestError, match="other.npz: "):
        load_label_generator(str(tmp_path / "other.npz"), 3)
    with pytest.raises(RequestError, match="nowhere.npz"):
        load_label_generator(str(tmp_path / "nowhere.npz"), 3)


def test_the_output_must_be_an_npz(tmp_path):
    result = call(CONFIG, f"--output={tmp_path / 'segmenter.h5'}")
    assert result.returncode == 1
    assert result.stderr == f"error: --output={tmp_path / 'segmenter.h5'}: the file must end in .npz.\n"
