"""`python -m ecgan_tf.evaluate` as a user runs it, and the function behind it."""

import json
import shutil
import subprocess
import sys

import pytest

import ecgan_tf
from ecgan_tf.config import load_config
from ecgan_tf.errors import RequestError


def evaluate(**flags):
    words = [f"--{name}={value}" for name, value in flags.items()]
    command = [sys.executable, "-m", "ecgan_tf.evaluate", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


def test_a_model_of_other_classes_is_refused(make_run, tmp_path):
    result = evaluate(model=make_run("ecgan"), output=tmp_path / "E")  # 3 classes; earth_tiles has 17
    assert result.returncode == 1
    assert "knows 3 classes" in result.stderr and "Traceback" not in result.stderr
    assert not (tmp_path / "E").exists()


def test_numbers_and_a_page_are_written(make_run, tmp_path):
    run = make_run("ecgan", num_classes=17)
    result = evaluate(model=run, output=tmp_path / "E")
    assert result.returncode == 0, result.stderr
    numbers = json.loads((tmp_path / "E" / "evaluation.json").read_text())
    assert numbers["layouts"] == 37
    assert 0 < numbers["colour_error"] < 255
    page = (tmp_path / "E" / "index.html").read_text()
    assert "permanent wetland" in page and 'src="evaluation.png"' in page


def test_a_guided_model_is_asked_whether_it_follows(make_run, tmp_path):
    """The run's config names no exemplars, which are retrieved all the same."""
    result = evaluate(model=make_run("msca", num_classes=17), output=tmp_path / "E")
    assert result.returncode == 0, result.stderr
    numbers = json.loads((tmp_path / "E" / "evaluation.json").read_text())
    assert numbers["style_cases"] > 200 and 0 <= numbers["style_followed"] <= 1
    assert numbers["l1_duplicating"] > 0 and "retrieving the exemplar" in (tmp_path / "E" / "index.html").read_text()
    assert (tmp_path / "E" / "style.png").stat().st_size > 0


def test_the_function_gives_the_numbers_that_it_writes(make_run, tmp_path):
    """Of a run that names no data set any more, on that of a config."""
    run = shutil.copytree(make_run("spade", num_classes=17), tmp_path / "run")
    (run / "config.json").unlink()
    with pytest.raises(RequestError, match="is no run folder and names no data set; give --config as well"):
        ecgan_tf.evaluate(str(run), str(tmp_path / "E"))
    assert not (tmp_path / "E").exists()
    config = load_config("earth_tiles:toy")
    numbers = ecgan_tf.evaluate(str(run), str(tmp_path / "E"), config)
    assert numbers == json.loads((tmp_path / "E" / "evaluation.json").read_text())
    assert numbers["layouts"] == 37 and 0 < numbers["l1"] < 2
    assert len(numbers["colour_error_per_class"]) == 17 and "style_followed" not in numbers
    assert config == load_config("earth_tiles:toy")  # as it was given
