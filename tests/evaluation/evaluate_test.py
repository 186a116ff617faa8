"""`python -m ecgan_tf.evaluate` as a user runs it, and the function behind it."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import ecgan_tf
from ecgan_tf.config import load_config
from ecgan_tf.data import open_dataset
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.protocols import METRICS
from ecgan_tf.evaluation.report import MEANINGS
from ecgan_tf.models.descriptions import FIELDS


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
    assert "permanent wetland" in page and "no segmenter judges" in result.stdout
    assert {link[0] for link in re.findall(r'(?:src|href)="([^"]+)', page)} == {"d", "#"}  # data: and its own parts
    assert {"ssim_32_val37", "psnr_32_val37", "sharpness_32_val37", "edge_f_32_val37"} <= numbers["numbers"].keys()
    assert "edge_map_f_32_val37" in numbers["numbers"]  # an ECGAN gives edges


@pytest.mark.slow
def test_a_guided_model_is_asked_whether_it_follows(make_run, tmp_path):
    """The run's config names no exemplars, which are retrieved all the same."""
    result = evaluate(model=make_run("msca", num_classes=17), output=tmp_path / "E")
    assert result.returncode == 0, result.stderr
    numbers = json.loads((tmp_path / "E" / "evaluation.json").read_text())
    assert numbers["style_cases"] > 200 and 0 <= numbers["style_followed"] <= 1
    assert all(value > 0 for value in numbers["diversity"].values())
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


# --- judges ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """The validation photographs at 32x32, as pictures of their layouts."""
    folder = tmp_path_factory.mktemp("photographs")
    data = open_dataset(load_config("earth_tiles:toy").data, "validation")
    for index, example in enumerate(data.examples):
        Image.fromarray(data.load(index)["image"]).save(folder / f"{example.labels.stem}.png")
    return folder


def test_photographs_as_pictures_are_perfect_by_every_measure(photographs, judge, tmp_path):
    """Real against real: distances 0, the segmenter at its ceiling, spectra and sharpness 1."""
    config = load_config("earth_tiles:toy")
    numbers = ecgan_tf.evaluate(None, str(tmp_path / "E"), config, judges=[judge], pictures=str(photographs))
    values = numbers["numbers"]
    for name in ("miou", "fwiou", "accuracy_valid", "accuracy_all"):
        assert values[f"{name}_own_32_val37"] == numbers["references"][f"{name}_own_32_val37"]
    assert values["fd_own_32_val37"] == pytest.approx(0, abs=1e-3)
    assert numbers["references"]["fd_own_32_val37"] > 1e-3  # one half of them against the other
    assert values["perceptual_own_32_val37"] == pytest.approx(0, abs=1e-6)
    perfect = {"ssim": 1, "sharpness": 1, "edge_f": 1, "l1": 0, "colour_error": 0}
    for name, value in perfect.items():
        assert values[f"{name}_32_val37"] == pytest.approx(value, abs=1e-2)
    assert values["psnr_32_val37"] is None or values["psnr_32_val37"] > 50
    np.testing.assert_allclose(np.concatenate([numbers["spectrum"][k] for k in ("radial", "diagonal")]), 1, rtol=0.05)
    page = (tmp_path / "E" / "index.html").read_text()
    for part in ("IoU by class", "what the judge saw", "best by accuracy_valid", "worst by"):
        assert part in page


def test_a_folder_of_pictures_must_be_whole(photographs, tmp_path):
    config, folder = load_config("earth_tiles:toy"), tmp_path / "pictures"

    def refused(message, **values):
        with pytest.raises(RequestError, match=message):
            request = {"model": None, "config": config, "pictures": str(folder), **values}
            ecgan_tf.evaluate(output=str(tmp_path / "E"), **request)
        assert not (tmp_path / "E").exists()

    refused("no such folder")
    shutil.copytree(photographs, folder)
    first, second, third, *_ = sorted(folder.iterdir())
    refused("give --model or --pictures, one of them", model="runs/demo")
    refused("give the --config of their data set", config=None)
    refused("pictures have no steps", step="best")
    first.unlink()
    refused(f"has no picture of 1 of 37 layouts, such as {re.escape(first.stem)}; make one")
    Image.new("RGB", (64, 64)).save(first)
    refused(f"{re.escape(first.name)} is 64x64, the layouts are measured at 32x32; give .*--config.data.image_size")
    first.write_bytes(b"no picture")
    refused(re.escape(first.name))
    shutil.copy(second, first.with_suffix(".bmp"))
    refused("have one name")


def test_a_judge_must_fit_and_be_free(make_run, judge, tmp_path):
    run = str(make_run("ecgan", num_classes=3))
    config = load_config("earth_tiles:toy")
    with pytest.raises(RequestError, match="knows 3 classes, data set 'earth_tiles' has 17"):
        ecgan_tf.evaluate(run, str(tmp_path / "E"), config, judges=[judge])
    run = shutil.copytree(make_run("ecgan", num_classes=17), tmp_path / "run")
    stored = json.loads((run / "config.json").read_text())
    stored["loss"]["segmenter"] = judge
    (run / "config.json").write_text(json.dumps(stored))
    shutil.copy(judge, tmp_path / "renamed.npz")
    for path in (judge, str(tmp_path / "renamed.npz")):  # the same network under another name is the same
        with pytest.raises(RequestError, match="the network of config.loss.segmenter: it would praise"):
            ecgan_tf.evaluate(str(run), str(tmp_path / "E"), judges=[path])
    with pytest.raises(RequestError, match="a network called 'own' is there already"):
        ecgan_tf.evaluate(str(make_run("spade", num_classes=17)), str(tmp_path / "E"), judges=[judge, judge])
    assert not (tmp_path / "E").exists()


def test_the_page_on_measuring_names_every_field_and_every_metric():
    text = (pathlib.Path(__file__).parents[2] / "docs" / "evaluation.md").read_text()
    assert not [field for field, meaning in FIELDS.items() if f"| `{field}` | {meaning} |" not in text]
    assert not [metric for metric in MEANINGS if f"`{metric}`" not in text]
    assert MEANINGS.keys() <= METRICS.keys()
