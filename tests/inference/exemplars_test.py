"""Synthesis after exemplars, as `python -m ecgan_tf.synthesize` does it."""

import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.data.classes import ClassList
from ecgan_tf.errors import RequestError
from ecgan_tf.inference.exemplars import StyleMixture, read_exemplars, shares_of
from ecgan_tf.inference.runtimes import open_model

CLASSES = ClassList(("a", "b", "c"), np.array([[0, 0, 0], [9, 9, 9], [5, 5, 5]], np.uint8))


@pytest.fixture
def files(tmp_path, rng):
    """Exemplars A and B of 20x24 pixels with label maps, and a mask that is white on its right half."""

    def save(name, array):
        Image.fromarray(array).save(tmp_path / name)

    for name in "AB":
        save(f"{name}.png", rng.integers(0, 256, (20, 24, 3)).astype(np.uint8))
        save(f"{name}_labels.png", rng.integers(0, 3, (5, 6)).repeat(4, 0).repeat(4, 1).astype(np.uint8))
    save("small_labels.png", np.zeros((10, 24), np.uint8))
    save("mask.png", np.repeat([[0, 255]], 8, 0).repeat(4, 1).astype(np.uint8))
    save("colour.png", np.zeros((8, 8, 3), np.uint8))
    save("layout.png", rng.integers(0, 3, (4, 4)).repeat(8, 0).repeat(8, 1).astype(np.uint8))
    return tmp_path


def model(*inputs):
    return types.SimpleNamespace(inputs=inputs, image_size=(32, 32), classes=CLASSES, source="the model")


GUIDED = model("labels", "exemplar", "exemplar_labels")


# --- files -----------------------------------------------------------------------------------------------------------


def test_an_exemplar_of_another_size_is_brought_to_the_models(files):
    exemplar = read_exemplars(GUIDED, [files / "A.png"], [files / "A_labels.png"])[0]
    assert exemplar["exemplar"].shape == (32, 32, 3) and exemplar["exemplar"].dtype == np.float32
    assert -1 <= exemplar["exemplar"].min() < -0.5 < 0.5 < exemplar["exemplar"].max() <= 1
    rows, columns = (2 * np.arange(32) + 1) * 20 // 64, (2 * np.arange(32) + 1) * 24 // 64
    stored = np.array(Image.open(files / "A_labels.png"))
    np.testing.assert_array_equal(exemplar["exemplar_labels"], stored[rows[:, None], columns])


def test_without_labels_for_models_that_read_none(files):
    exemplar = read_exemplars(model("labels", "exemplar"), [files / "A.png"], [])[0]
    assert list(exemplar) == ["exemplar"]


def test_other_models_take_no_exemplar():
    assert read_exemplars(model("labels"), [], []) == []


@pytest.mark.parametrize(
    ("opened", "names", "label_names", "message"),
    [
        (model("labels"), ["A.png"], [], "synthesises without exemplars; leave out"),
        (GUIDED, [], [], "give a photograph with --exemplar"),
        (GUIDED, ["A.png"], [], "1 --exemplar but 0 --exemplar_labels; .*exemplar_label=none"),
        (GUIDED, ["A.png", "B.png"], ["A_labels.png"], "2 --exemplar but 1 --exemplar_labels"),
        (model("labels", "exemplar"), ["A.png"], ["A_labels.png"], "trained without the exemplar's labels"),
        (GUIDED, ["A.png"], ["small_labels.png"], "24x20 pixels but .*small_labels.png is 24x10"),
        (GUIDED, ["nowhere.png"], ["A_labels.png"], "no such file"),
    ],
)
def test_what_is_missing_or_too_much_is_said(files, opened, names, label_names, message):
    with pytest.raises(RequestError, match=message):
        read_exemplars(opened, [files / n for n in names], [files / n for n in label_names])


def test_shares_by_number_and_by_mask(files):
    two = [{}, {}]
    assert shares_of([{}], None, None, (8, 8)) == [1.0]
    assert shares_of(two, 0.25, None, (8, 8)) == [0.75, 0.25]
    assert shares_of(two, 1.5, None, (8, 8)) == [-0.5, 1.5]
    first, second = shares_of(two, None, files / "mask.png", (8, 16))
    np.testing.assert_array_equal(second[0, :, :, 0], np.repeat([[0.0, 1.0]], 8, 0).repeat(8, 1))
    np.testing.assert_array_equal(first + second, 1.0)


@pytest.mark.parametrize(
    ("count", "mix", "mask", "message"),
    [
        (1, 0.5, None, "give --exemplar twice"),
        (1, None, "mask.png", "give --exemplar twice"),
        (2, None, None, "give either --mix=T or --mix_mask"),
        (2, 0.5, "mask.png", "give either --mix=T or --mix_mask"),
        (3, 0.5, None, "a mixture is of two"),
        (2, None, "colour.png", "8-bit greyscale"),
    ],
)
def test_a_wrong_mixture_is_said(files, count, mix, mask, message):
    with pytest.raises(RequestError, match=message):
        shares_of([{}] * count, mix, mask and files / mask, (8, 8))


# --- synthesis --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("msca")


def synthesize(folder, run, *flags):
    command = [sys.executable, "-m", "ecgan_tf.synthesize", f"--model={run}", f"--labels={folder / 'layout.png'}"]
    return subprocess.run([*command, f"--output={folder / 'out'}", *flags], capture_output=True, text=True, timeout=600)


def test_a_mixture_is_synthesised_with_its_attention(run, files):
    exemplars = [f"--exemplar={files / n}.png" for n in "AB"] + [
        f"--exemplar_labels={files / n}_labels.png" for n in "AB"
    ]
    result = synthesize(files, run, *exemplars, "--mix=0.3", "--save_attention")
    assert result.returncode == 0, result.stderr
    synthesised = np.array(Image.open(files / "out" / "layout.png"))
    sheet = np.array(Image.open(files / "out" / "layout_attention.png"))
    assert synthesised.shape == (32, 32, 3)
    assert sheet.shape == (18 + 2 * (128 + 4) + 4, 5 * (128 + 4) + 4, 3)  # two exemplars; label map to picture


def test_a_request_without_an_exemplar_is_one_line(run, files):
    result = synthesize(files, run)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "error: this model synthesises after an exemplar" in result.stderr


def test_one_exemplar_alone_gives_what_the_whole_model_synthesises(run, files):
    exemplars = read_exemplars(
        open_model(run), [files / "A.png", files / "B.png"], [files / "A_labels.png", files / "B_labels.png"]
    )
    layout = {"labels": np.random.default_rng(1).integers(0, 3, (1, 32, 32)).astype(np.int32)}
    mixture = StyleMixture(run, exemplars, [0.0, 1.0])
    whole = open_model(run).generate({**layout, **{key: x[None] for key, x in exemplars[1].items()}})
    np.testing.assert_allclose(mixture(layout), whole, atol=1e-4)
    assert [set(maps) for maps in mixture.attention(layout)] == [{"read from", "synthesised with"}] * 2


def test_mixing_needs_a_run_folder(files):
    with pytest.raises(RequestError, match="need the run folder"):
        StyleMixture(str(files / "A.png"), [], [])
