"""docs/samples/on_device.html in a real headless browser: the pictures that the interpreter gives, and its refusals."""

import json
import pathlib
import runpy
import shutil

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.pixels import to_uint8
from export.gpu_delegate import driver
from export.inference_model import InferenceModel
from export.tflite import write_tflite

HERE = pathlib.Path(__file__).parents[1] / "browser"
kit = runpy.run_path(str(HERE / "kit.py"))
SAMPLE = pathlib.Path(__file__).parents[2] / "docs" / "samples" / "on_device.html"
ANY_MODEL = HERE / "any_model.html"
RANDOM = 0.3  # what Math.random() gives each time


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Opens the sample with a .tflite, gives it label maps, and returns what the page said and showed.

    Skips where there is no chromium, node or npm, or where npm does not get the packages of browser/package-lock.json.
    """
    kit["find_browser"]()
    folder = tmp_path_factory.mktemp("site")
    kit["install"](HERE, folder)
    for file in (SAMPLE, ANY_MODEL):
        shutil.copy(file, folder)
    server = kit["serve"](folder)

    def call(model, layouts, flags=kit["FLAGS"], query="", page=SAMPLE):
        shutil.copy(model, folder / "model.tflite")
        url = f"http://127.0.0.1:{server.server_port}/{page.name}?model=model.tflite{query}"
        steps = [["said", "ready|error: "]]
        for path in layouts:
            steps += [
                ["evaluate", "document.querySelector('#status').textContent = 'waiting'"],
                ["file", "#layout", str(path)],
                ["said", "synthesised|error: "],
                ["pixels", "#picture"],
            ]
        shown = kit["take_steps"](folder, url, tmp_path_factory.mktemp("profile"), steps, flags, random=RANDOM)
        assert shown["elsewhere"] == []
        said = [words for (name, *_), words in zip(steps, shown["seen"]) if name == "said"]
        canvases = [seen for (name, *_), seen in zip(steps, shown["seen"]) if name == "pixels"]
        return said, [kit["pixels"](seen) for words, seen in zip(said[1:], canvases) if not words.startswith("error: ")]

    yield call
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def model(make_run):
    """With random inputs, which the page draws, and strong colours, in which a mistake shows."""
    model = InferenceModel(make_run("spade", has_unknown=True, use_vae=True, noise="classes"))
    kernel = model.generator.to_image.kernel
    kernel.assign(10 * kernel)
    return model


@pytest.fixture
def pictures_of(model):
    """What the interpreter synthesises of all layouts where each random number is `RANDOM`, by Box and Muller."""
    normal = np.sqrt(-2 * np.log(1 - RANDOM)) * np.cos(2 * np.pi * RANDOM)

    def synthesise(path, normal=normal):
        synthesizer = open_model(str(path))
        count = len(model.layouts["labels"])
        codes = {name: np.full((count, *shape), normal) for name, shape in synthesizer.latents.items()}
        return to_uint8(synthesizer.generate({"labels": model.layouts["labels"], **codes})).astype(int)

    return synthesise


def save(path, labels, classes=None):
    """A label map as a PNG of class values, or of the classes' colours; 3 is unknown, 255 or black."""
    if classes is None:
        Image.fromarray(np.where(labels == 3, 255, labels).astype(np.uint8)).save(path)
    else:
        colors = [entry["color"] for entry in classes["classes"]] + [[0, 0, 0]]
        Image.fromarray(np.array(colors, np.uint8)[labels]).save(path)
    return path


def test_it_gives_the_interpreters_pictures(browse, model, pictures_of, tmp_path):
    path = tmp_path / "model.tflite"
    write_tflite(model, str(path), "float32")
    labels = model.layouts["labels"]
    large = labels[1].repeat(3, 0).repeat(2, 1)
    palette = Image.fromarray(np.zeros((8, 8), np.uint8), "P")
    palette.putpalette([0, 0, 0])
    palette.save(tmp_path / "palette.png")
    said, pictures = browse(
        path,
        [
            save(tmp_path / "grey.png", labels[0]),
            save(tmp_path / "wrong.png", np.full((8, 8), 77)),
            tmp_path / "palette.png",
            save(tmp_path / "colours.png", large, model.description["classes"]),
        ],
    )
    assert said[0] == "ready: spade, 32x32"
    assert said[1].startswith("synthesised grey.png in ") and said[1].endswith(" ms (wasm)")
    assert said[2:4] == ["error: value 77 is no class", "error: save the label map as a PNG, 8-bit greyscale or RGB"]
    expected = pictures_of(path)
    assert len(pictures) == 2 and abs(pictures - expected).max() <= 1
    assert expected.std() > 10 and abs(expected - pictures_of(path, 1.0)).mean() > 1  # that the codes matter


def test_it_takes_and_gives_bytes(browse, model, pictures_of, tmp_path):
    path = tmp_path / "model.tflite"
    write_tflite(model, str(path), "float32", uint8_io=True)
    layout = save(tmp_path / "a.png", model.layouts["labels"][0])
    _, pictures = browse(path, [layout, layout])
    assert len(pictures) == 2 and abs(pictures - pictures_of(path)[:1]).max() <= 1


@pytest.mark.skipif(driver() is None, reason="no Vulkan driver; Debian's package chromium brings one")
@pytest.mark.parametrize("method", ["ecgan", "lggan", "msca"])
def test_webgpu_computes_all_of_it(browse, make_run, method, tmp_path):
    model = InferenceModel(make_run(method, has_unknown=True))
    path, inputs = tmp_path / "model.tflite", {name: x[:1] for name, x in model.layouts.items()}
    write_tflite(model, str(path), "float32")
    file = tmp_path / "inputs.json"
    file.write_text(json.dumps({name: x.reshape(-1).tolist() for name, x in inputs.items()}))
    said, pictures = browse(path, [file], kit["GPU_FLAGS"], "&accelerator=webgpu", ANY_MODEL)
    assert said == ["ready", "synthesised on webgpu"]
    expected = to_uint8(open_model(str(path)).generate(inputs)).astype(int)
    assert abs(pictures[0] - expected[0]).max() <= 1 and expected.std() > 5


def test_a_model_that_does_not_describe_itself_is_refused(browse, tmp_path):
    (tmp_path / "foreign.tflite").write_bytes(b"\x10\0\0\0TFL3" + bytes(200))
    said, pictures = browse(tmp_path / "foreign.tflite", [])
    assert said[0].startswith("error: ") and not pictures
