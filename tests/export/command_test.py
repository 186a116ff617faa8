"""`python -m export` and `python -m ecgan_tf.synthesize` as a user runs them."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.errors import RequestError
from export import parity, targets
from export.export_run import export_run
from export.serving.server_config import read_models_config


def command(module, **flags):
    words = [f"--{name}={value}" for name, value in flags.items()]
    return subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, timeout=600)


def refusal(result):
    """The one line of a refused request."""
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture(scope="module")
def run(make_run):
    return make_run("ecgan")


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported")
    result = command("export", run=run, output=folder, targets="saved_model,tflite", version=7, name="streets")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture
def layouts(tmp_path):
    folder = tmp_path / "layouts"
    folder.mkdir()
    for name, size in (("a", (32, 32)), ("b", (50, 40))):
        Image.fromarray(np.arange(size[0] * size[1]).reshape(size).astype(np.uint8) % 3).save(folder / f"{name}.png")
    return folder


def test_export_leaves_artefacts_report_pictures_and_card(exported):
    names = {path.name for path in exported.iterdir()}
    tflite = {f"model_{precision}.tflite" for precision in ("float32", "float16", "dynamic_int8", "int8")}
    assert names == {"saved_model", *tflite, "serving", "model.json", "export_report.json", "comparison.png",
                     "MODEL_CARD.md"}  # fmt: skip
    report = json.loads((exported / "export_report.json").read_text())
    assert all(entry["passed"] and entry["latency"]["median_ms"] > 0 for entry in report["artefacts"].values())
    assert [path.name for path in (exported / "saved_model").iterdir()] == ["7"]
    assert (report["artefacts"]["saved_model"]["version"], report["artefacts"]["saved_model"]["name"]) == (7, "streets")
    assert read_models_config(str(exported)) == ("streets", {"canary": 7, "stable": 7})
    card = (exported / "MODEL_CARD.md").read_text()
    assert "model_float16.tflite" in card and "\n- Terms of the loss: L, L_f, L_p" in card


def test_synthesize_saves_what_is_synthesised_on_the_way(make_run, layouts, tmp_path):
    result = command("ecgan_tf.synthesize", model=make_run("lggan"), labels=layouts / "a.png", output=tmp_path / "out",
                     save_intermediates=True)  # fmt: skip
    assert result.returncode == 0, result.stderr
    pictures = {path.name: np.asarray(Image.open(path)) for path in (tmp_path / "out").iterdir()}
    keys = ("global_image", "class_image", "local_image", "global_weight", "local_weight")
    assert pictures.keys() == {"a.png", *(f"a_{key}.png" for key in keys)}
    assert {picture.shape for picture in pictures.values()} == {(32, 32, 3)}
    of_global, of_local = (pictures[f"a_{key}_weight.png"] / 255.0 for key in ("global", "local"))
    mixed = of_global * pictures["a_global_image.png"] + of_local * pictures["a_local_image.png"]
    np.testing.assert_allclose(pictures["a.png"], mixed, atol=2)
    np.testing.assert_allclose(of_global + of_local, 1.0, atol=2 / 255)
    assert of_local.std() > 0.01


def test_an_exported_model_has_no_pictures_on_the_way(exported, layouts, tmp_path):
    line = refusal(command("ecgan_tf.synthesize", model=exported / "model_float32.tflite", labels=layouts,
                           output=tmp_path / "out", save_intermediates=True))  # fmt: skip
    assert "gives the final image alone; give its run folder" in line


def test_what_misses_its_gate_is_put_aside_and_replaced(run, tmp_path, monkeypatch):
    gate = parity.GATES["static_int8"]
    monkeypatch.setitem(parity.GATES, "static_int8", {"psnr": 1000})
    int8 = targets.TARGETS["tflite"]["model_int8.tflite"]
    monkeypatch.setitem(targets.TARGETS, "tflite", {"model_int8.tflite": int8})
    output = tmp_path / "exported"
    with pytest.raises(RequestError, match="model_int8.tflite: .* too unlike Keras'"):
        export_run(str(run), str(output), ["tflite"])
    assert not (output / "model_int8.tflite").exists() and (output / "rejected" / "model_int8.tflite").is_file()
    assert "REJECTED" in (output / "MODEL_CARD.md").read_text()
    monkeypatch.setitem(parity.GATES, "static_int8", gate)
    report = export_run(str(run), str(output), ["tflite"])  # over the first one's files
    assert (output / "model_int8.tflite").is_file() and not (output / "rejected" / "model_int8.tflite").exists()
    entries = json.loads((output / "export_report.json").read_text())["artefacts"]
    assert entries == json.loads(json.dumps(report["artefacts"]))
    layers = entries["model_int8.tflite"]["int8"]["layers"]
    assert len(layers) > 10 and all(layer["decibels"] > 10 for layer in layers.values())


def test_synthesize_gives_the_same_from_run_saved_model_and_tflite(run, exported, layouts, tmp_path):
    pictures = []
    for index, model in enumerate((run, exported / "saved_model", exported / "model_float32.tflite")):
        output = tmp_path / str(index)
        result = command("ecgan_tf.synthesize", model=model, labels=layouts, output=output)
        assert result.returncode == 0, result.stderr
        assert sorted(path.name for path in output.iterdir()) == ["a.png", "b.png"]
        pictures.append(np.asarray(Image.open(output / "b.png")).astype(int))
    assert pictures[0].shape == (32, 32, 3)
    assert max(abs(picture - pictures[0]).max() for picture in pictures) <= 1


def test_an_unknown_target_is_refused(run, tmp_path):
    line = refusal(command("export", run=run, output=tmp_path / "E", targets="tflite,coreml"))
    assert "coreml" in line and "onnx" in line
    assert not (tmp_path / "E").exists()


def test_a_folder_without_a_run_is_refused(tmp_path):
    assert "not a run folder" in refusal(command("export", run=tmp_path, output=tmp_path / "E"))


def test_a_broken_label_map_is_found_before_anything_is_synthesised(run, layouts, tmp_path):
    whole = (layouts / "b.png").read_bytes()
    (layouts / "b.png").write_bytes(whole[: len(whole) // 2])
    line = refusal(command("ecgan_tf.synthesize", model=run, labels=layouts, output=tmp_path / "synthesised"))
    assert "b.png" in line
    assert not (tmp_path / "synthesised").exists()


@pytest.mark.parametrize("name", ["model.tflite", "model.onnx", "model.pb"])
def test_a_foreign_model_is_refused(layouts, tmp_path, name):
    (tmp_path / name).write_bytes(b"not a model at all")
    line = refusal(
        command("ecgan_tf.synthesize", model=tmp_path / name, labels=layouts, output=tmp_path / "synthesised")
    )
    assert name in line
