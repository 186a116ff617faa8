"""A run folder of before, of commit 319713d, whole but for tensorboard/: its config.json holds the keys of all methods.

It opens, synthesises what it did there (pictures_319713d.npz, which that commit made of its layouts), continues, and is
exported. How it was made is in its command.txt.
"""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest

import ecgan_tf
from ecgan_tf.config import keys_of
from ecgan_tf.config_keys import flatten
from ecgan_tf.pixels import to_uint8
from ecgan_tf.runs.folder import RunFolder, read_config, read_layouts

ROOT = pathlib.Path(__file__).parents[2]
HERE = pathlib.Path(__file__).parent
FOREIGN = {"model.num_residual_blocks", "model.attention_slots", "loss.class_features", "data.use_sources"}


@pytest.fixture
def old(tmp_path):
    return pathlib.Path(shutil.copytree(HERE / "run_319713d", tmp_path / "run"))


@pytest.fixture(scope="module")
def pictures():
    return np.load(HERE / "pictures_319713d.npz")["pictures"]


def train(workdir, *changed):
    """The old run's own command on this tree, with a few flags changed, and the values that its recipe had then."""
    words = shlex.split((workdir / "command.txt").read_text())
    now, before = flatten(ecgan_tf.load_config("ecgan_earth_tiles:toy")), flatten(read_config(workdir))
    of_before = [f"--config.{key}={before[key]}" for key in now if isinstance(now[key], str | float) and
                 now[key] != before[key]]  # fmt: skip
    pools = f"--config.loss.reconstruction_pool={before['loss.reconstruction_pool']}"
    every = (words[1], *of_before, pools, *words[2:], f"--workdir={workdir}", *changed)
    flags = {word.split("=")[0]: word for word in every}
    command = [sys.executable, str(ROOT / words[0]), *flags.values()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT, env=environment)


def test_keys_of_other_methods_are_dropped_on_reading(old):
    stored, read = flatten(json.loads((old / "config.json").read_text())), flatten(read_config(old))
    assert stored.keys() >= FOREIGN
    assert read.keys() == {"model.name", *keys_of("ecgan")} and not read.keys() & FOREIGN
    defaults = json.loads(json.dumps({key: value.default for key, value in keys_of("ecgan").items()}))
    new = {key: defaults[key] for key in read.keys() - stored.keys()}
    assert read == {key: stored[key] for key in read if key not in new} | new


def test_it_synthesises_what_it_did(old, pictures):
    layouts, model = read_layouts(old), ecgan_tf.open_model(str(old))
    assert np.abs(to_uint8(model.generate(layouts)).astype(int) - pictures).max() <= 1
    np.testing.assert_array_equal(model(layouts["labels"]), to_uint8(model.generate(layouts)))


def test_it_continues(old):
    before = dict(np.load(old / "checkpoints" / "step_00000002.npz"))
    result = train(old, "--config.train.steps=4")
    assert result.returncode == 0, result.stderr
    assert "continuing from step 2" in result.stdout and "trained to step 4" in result.stdout
    assert os.listdir(old / "checkpoints") == ["step_00000004.npz"]
    after = dict(np.load(old / "checkpoints" / "step_00000004.npz"))
    unread = {name for name in before if name.endswith("_momentum")}  # of Adam with beta_1 = 0
    assert after.keys() == before.keys() - unread and (before["step"], after["step"]) == (2, 4)
    for part in ("generator", "ema_generator", "discriminator", "class_pixels", "generator_optimizer"):
        names = [name for name in before if name.startswith(f"{part}/")]
        assert any(not np.array_equal(before[name], after[name]) for name in names), part
    steps = [json.loads(line)["step"] for line in (old / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4]
    assert flatten(json.loads((old / "config.json").read_text())).keys() == {"model.name", *keys_of("ecgan")}


def test_it_says_what_it_has_gone_without_only_since_it_is_written_down(old):
    run = RunFolder(old)
    assert run.predates("missing_terms") and run.terms_to_miss is None
    stored = json.loads((old / "config.json").read_text())
    (old / "config.json").write_text(json.dumps({**stored, "missing_terms": ["L_s"]}))
    assert not run.predates("missing_terms") and run.terms_to_miss == ("L_s",)
    assert RunFolder(old / "nowhere").terms_to_miss == ()


def test_another_value_is_refused_by_its_key_alone(old):
    result = train(old, "--config.loss.class_pixel=0.5")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "holds another run: config.loss.class_pixel was 1.0, now 0.5. Choose" in result.stderr


@pytest.mark.slow
def test_it_is_exported(old, pictures, tmp_path):
    report = ecgan_tf.export(str(old), str(tmp_path / "exported"), ["saved_model"])
    assert report["step"] == 2 and report["artefacts"]["saved_model"]["passed"]
    model = ecgan_tf.open_model(str(tmp_path / "exported" / "saved_model"))
    assert np.abs(model(read_layouts(old)["labels"]).astype(int) - pictures).max() <= 1
