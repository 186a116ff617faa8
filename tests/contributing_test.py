"""CONTRIBUTING.md, followed to the letter in a copy of the project: one file, one line, and all that follows."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).parents[1]
TABLE = "ecgan_tf/methods/__init__.py"
LAYOUTS = ROOT / "ecgan_tf/data/earth_tiles/val/labels"

# What the page's table names beyond a generator: a key, a head, a discriminator and a term of the method's own.
AUTOENCODED = '''
"""A U-Net whose features must give the photograph's colours back, and which is judged in grey, too."""

import keras
from keras import ops

from ecgan_tf.config_keys import Key
from ecgan_tf.losses.reduction import mean_absolute_difference
from ecgan_tf.methods.base import Judge, Objective, Pair
from ecgan_tf.methods.unet import UNet, UNetGenerator
from ecgan_tf.models import make_discriminator


@keras.saving.register_keras_serializable("ecgan_tf")
class ThoughtfulUNetGenerator(UNetGenerator):
    """The U-Net, with its picture for features."""

    def call(self, inputs, training=False):
        outputs = super().call(inputs, training=training)
        return {**outputs, "features": outputs["image"]}


class ThoughtfulUNet(UNet):
    generator = ThoughtfulUNetGenerator
    keys = {**UNet.keys, "loss.thought": Key(2.0, "of the head's picture", least=0)}

    def make_judges(self, config, layout):
        main, *_ = super().make_judges(config, layout)
        arguments = {key: layout[key] for key in ("num_classes", "has_unknown")}
        network = make_discriminator("pair", "second", base_filters=config.discriminator.base_filters, **arguments)
        return [main, Judge("second_discriminator", network, {"image": "t"}, matches_features=False)]

    def make_heads(self, config, generator):
        head = keras.Sequential([keras.layers.Conv2D(3, 1, name="colours")], name="thought")
        head.build((None, *generator.image_size, 3))
        return {"thought": head}

    def make_objective(self, config, generator, judges, heads):
        return ThoughtfulObjective(config, self.pairs(config), judges, heads["thought"])


class ThoughtfulObjective(Objective):
    """The terms of every method + lambda_t |head(features) - photograph|."""

    def __init__(self, config, pairs, judges, head):
        super().__init__(config, pairs, judges)
        self.head = head

    def generator_terms(self, batch, outputs, judged, step=0):
        terms = super().generator_terms(batch, outputs, judged, step)
        distance = mean_absolute_difference(batch["image"], self.head(ops.cast(outputs["features"], "float32")))
        return {**terms, "L_thought": (self.loss.thought, distance)}
'''


def code_blocks(title="Add a method"):
    """The Python blocks of a page of CONTRIBUTING.md, in order."""
    page = (ROOT / "CONTRIBUTING.md").read_text().split(f"## {title}")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", page, re.S)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The project with the page's method in it, and a second one; configs lie where the wheel has them."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("ecgan_tf", "export", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for place in ("configs", "ecgan_tf/configs"):
        shutil.copytree(ROOT / "configs", folder / place, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("train_main.py", "setup.cfg"):
        shutil.copy(ROOT / name, folder)
    code, line = code_blocks()
    (folder / "ecgan_tf/methods/unet.py").write_text(code)
    (folder / "ecgan_tf/methods/thoughtful.py").write_text(AUTOENCODED)
    table = (folder / TABLE).read_text()
    imports = "from ecgan_tf.methods.thoughtful import ThoughtfulUNet\nfrom ecgan_tf.methods.unet import UNet\n"
    start = "\nMETHODS: dict[str, Method] = {\n"
    assert start in table
    table = table.replace(start, f"{imports}{start}{line}" + '    "thoughtful": ThoughtfulUNet(),\n')
    (folder / TABLE).write_text(table)
    return folder


@pytest.fixture(scope="module")
def run(copy):
    """Runs a command of the copy, which must succeed."""

    def call(*words):
        environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
        words = [sys.executable, *map(str, words)]
        done = subprocess.run(words, cwd=copy, env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, f"{' '.join(words[1:])}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    return call


def test_the_page_fits_on_a_screen_and_has_one_file_and_one_line():
    code, line = code_blocks()
    assert len(code.splitlines()) <= 80 and len(line.splitlines()) == 1


@pytest.mark.parametrize("name", ["unet", "thoughtful"])
def test_a_method_of_ones_own_trains_exports_and_synthesises(name, copy, run):
    out = run("train_main.py", f"--config=configs/earth_tiles.py:{name}_toy", f"--workdir={name}",
              "--config.train.steps=2", "--config.loss.perceptual=0")  # fmt: skip
    assert "trained to step 2" in out
    # After two steps activations are large, and int8 coarse: the conformance tables ask that of a settled generator.
    run("-m", "export", f"--run={name}", f"--output={name}_exported", "--targets=saved_model,onnx")
    model = f"{name}_exported/model_float32.onnx"
    run("-m", "ecgan_tf.synthesize", f"--model={model}", f"--labels={LAYOUTS}", f"--output={name}_pictures")
    assert len(list((copy / f"{name}_pictures").glob("*.png"))) == len(list(LAYOUTS.glob("*.png")))
    metrics = (copy / name / "metrics.jsonl").read_text()
    assert ('"L_thought"' in metrics) == ('"L^t"' in metrics) == (name == "thoughtful")


@pytest.mark.slow  # make conformance runs it
@pytest.mark.parametrize("name", ["unet", "thoughtful"])
def test_a_method_of_ones_own_passes_both_conformance_tables(name, run):
    tables = ("tests/conformance_test.py", "tests/training/conformance_test.py", "tests/architecture_test.py")
    chosen = f"({name} and not bytes and not gpu) or architecture"  # which the table's own methods have
    out = run("-m", "pytest", "-q", "-m", "slow or not slow", "-k", chosen, *tables)
    assert " passed" in out and "skipped" not in out


def test_a_key_of_its_own_is_refused_elsewhere(copy, run):
    program = (
        "from ecgan_tf.config import base_config, check_config\n"
        "config = base_config('thoughtful'); config.unlock(); config.model.name = 'unet'\n"
        "try: check_config(config)\n"
        "except ValueError as error: print(error)\n"
    )
    assert "config.loss.thought is a key of method thoughtful, not of config.model.name='unet'" in run("-c", program)


# --- the other pages -------------------------------------------------------------------------------------------------


def insert(path, text, before):
    content = path.read_text()
    assert before in content, f"{path} has no {before!r}"
    path.write_text(content.replace(before, text + before, 1))


def test_a_data_set_of_ones_own_is_read(copy, run, tmp_path):
    function, line, licence = code_blocks("Add a data set")
    folders = copy / "ecgan_tf/data/folders.py"
    insert(folders, f"{function}\n\n", "FOLDERS = {\n")
    for table, text in (("FOLDERS", line), ("LICENCES", licence)):
        folders.write_text(folders.read_text().replace(f"{table} = {{\n", f"{table} = {{\n{text}", 1))
    keys = copy / "ecgan_tf/data/keys.py"
    keys.write_text(keys.read_text().replace("DATA_NAMES = (", 'DATA_NAMES = ("streets", ', 1))
    for part in ("train", "val"):
        for kind, array in (("photographs", np.zeros((32, 32, 3))), ("label_maps", np.zeros((32, 32)))):
            (tmp_path / part / kind).mkdir(parents=True)
            Image.fromarray(array.astype(np.uint8)).save(tmp_path / part / kind / "a.png")
    (tmp_path / "classes.json").write_text('{"classes": [{"id": 0, "name": "road"}]}')
    out = run("-m", "ecgan_tf", "validate", "--data.name=streets", f"--data.dir={tmp_path}")
    assert "streets, train:" in out and "No errors." in out


def test_an_export_target_of_ones_own_is_judged(copy, run, make_run):
    function, line = code_blocks("Add an export target")
    targets = copy / "export/targets.py"
    insert(targets, f"{function}\n\n", "# target -> artefact")
    targets.write_text(targets.read_text().replace("TARGETS = {\n", f"TARGETS = {{\n{line}", 1))
    folder = make_run("spade")
    out = run("-m", "export", f"--run={folder}", f"--output={folder}_exported", "--targets=onnx_float16")
    assert "exporting model_float16.onnx" in out and "every artefact passed its gate" in out
