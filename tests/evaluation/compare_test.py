"""`ecgan compare`: the same layouts, the same judges, one table; what does not compare is refused."""

import csv
import json
import re
import shutil

import pytest
from PIL import Image

from ecgan_tf.config import load_config
from ecgan_tf.errors import RequestError
from ecgan_tf.evaluation.compare import best_of, captions_of, compare
from ecgan_tf.evaluation.measures import Measured
from ecgan_tf.evaluation.protocols import Protocol
from ecgan_tf.json_lines import append_line


@pytest.fixture(scope="module")
def runs(make_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    runs = [shutil.copytree(make_run(name, num_classes=17), folder / name) for name in ("spade", "lggan")]
    for number, run in enumerate(runs):
        for step in (1, 2, 3):
            append_line(str(run / "metrics.jsonl"), {"step": step, "L_G": step / 2.0 + number, "L_D": 1.0})
    return [str(run) for run in runs]


@pytest.fixture(scope="module")
def compared(runs, judge, tmp_path_factory):
    output = tmp_path_factory.mktemp("compared") / "C"
    return output, compare(runs, str(output), judges=[judge], shown=3)


def test_every_model_has_every_number_of_one_protocol(compared):
    output, result = compared
    assert list(result) == ["spade", "lggan"] and result == json.loads((output / "compare.json").read_text())
    names = [list(each["numbers"]) for each in result.values()]
    assert names[0] == names[1] and {"miou_own_32_val37", "fd_own_32_val37", "ssim_32_val37"} <= set(names[0])
    assert result["spade"]["protocols"] == result["lggan"]["protocols"]
    assert result["spade"]["references"] == result["lggan"]["references"]  # photographs are the same for all
    assert result["spade"]["numbers"] != result["lggan"]["numbers"]


def test_the_table_is_for_spreadsheets(compared):
    output, result = compared
    with open(output / "table.csv", newline="", encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    assert header == ["number", "spade", "lggan", "photographs", "spade +-", "lggan +-"]
    found = {row[0]: row[1:3] for row in rows}
    for caption, column in (("spade", 0), ("lggan", 1)):
        for name, value in result[caption]["numbers"].items():
            assert value is None or float(found[name][column]) == pytest.approx(value)


def test_the_page_holds_everything_and_the_figure_is_for_a_paper(compared):
    output, _ = compared
    page = (output / "index.html").read_text()
    assert {link[0] for link in re.findall(r'(?:src|href)="([^"]+)', page)} == {"d", "#"}  # data: and its own parts
    for part in ("IoU by class", "spade L_G", "lggan L_G", "The same layouts", "photographs"):
        assert part in page
    with Image.open(output / "figure.png") as figure:
        assert figure.width > 4 * 192 and figure.height > 3 * 192
    assert (output / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_models_that_do_not_compare_are_refused(runs, make_run, tmp_path):
    def refused(message, *models, **values):
        with pytest.raises(RequestError, match=message):
            compare(models, str(tmp_path / "C"), **values)
        assert not (tmp_path / "C").exists()

    other = str(make_run("spade", num_classes=17, image_size=(64, 64)))
    refused("do not compare: pictures of 32x32 against 64x64", runs[0], other)
    refused("give two models or more", runs[0])
    refused("one model is there twice", runs[0], runs[0] + "/.")
    refused("--step=best: .*was not evaluated", *runs, step="best")
    refused("knows 3 classes", runs[0], str(make_run("spade")), config=load_config("earth_tiles:toy"))


def test_captions_are_the_shortest_that_tell_apart():
    assert captions_of(["a/x", "b/y"]) == ["x", "y"]
    assert captions_of(["a/run", "b/run"]) == ["a/run", "b/run"]


@pytest.mark.parametrize(
    ("metric", "values", "best"),
    [
        ("ssim", (0.2, 0.4), "b"),
        ("l1", (0.2, 0.4), "a"),
        ("sharpness", (0.5, 1.5), "b"),
        ("l1", (float("nan"), 1), None),
    ],
)
def test_the_best_is_the_highest_the_lowest_or_the_nearest_to_one(metric, values, best):
    protocol = Protocol(metric, None, None, (32, 32), "val", 4)
    measured = {
        caption: Measured({protocol.name: value}, protocols={protocol.name: protocol})
        for caption, value in zip("ab", values)
    }
    assert best_of(measured, protocol.name) == best
