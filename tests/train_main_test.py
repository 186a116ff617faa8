import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from ecgan_tf.training.summaries import MEASURED

ROOT = pathlib.Path(__file__).parents[1]
CONFIG = f"--config={ROOT / 'configs' / 'ecgan_earth_tiles.py'}:toy"
STEPS = 5


def command(workdir, *arguments):
    flags = {argument.split("=")[0]: argument for argument in (CONFIG, f"--workdir={workdir}", *arguments)}
    return [sys.executable, str(ROOT / "train_main.py"), *flags.values()]  # of a flag that is given twice the last one


# --- a run that is killed --------------------------------------------------------------------------------------------


def train(workdir):
    often = [f"--config.train.steps={STEPS}", "--config.train.log_every=1", "--config.train.checkpoint_every=1",
             "--config.data.check_examples=4", "--config.loss.contrastive_samples_per_class=4",
             "--config.discriminator.num_scales=1"]  # fmt: skip
    with open(f"{workdir}.log", "w", encoding="utf-8") as log:
        return subprocess.Popen(command(workdir, *often), stdout=log, stderr=subprocess.STDOUT)


def wait_for_a_checkpoint(workdir, process):
    while not list(workdir.glob("checkpoints/step_*.npz")):
        assert process.poll() is None, pathlib.Path(f"{workdir}.log").read_text()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run from beginning to end, and one that was killed in the middle and started again by the same command."""
    straight, killed = (tmp_path_factory.mktemp("runs") / name for name in ("straight", "killed"))
    processes = [train(killed)]
    try:
        wait_for_a_checkpoint(killed, processes[0])
        processes[0].kill()  # SIGKILL
        processes[0].wait()
        assert not (killed / "checkpoints" / f"step_{STEPS:08d}.npz").exists()
        processes = [train(straight), train(killed)]
        for process, folder in zip(processes, (straight, killed)):
            assert process.wait(timeout=400) == 0, pathlib.Path(f"{folder}.log").read_text()
    finally:
        for process in processes:
            process.kill()
    return straight, killed


def test_a_run_goes_on_by_the_config_that_it_keeps(runs, tmp_path):
    words = [sys.executable, str(ROOT / "train_main.py")]
    done = subprocess.run([*words, f"--workdir={runs[0]}"], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    assert f"continuing from step {STEPS}" in done.stdout and f"trained to step {STEPS}" in done.stdout
    refused = subprocess.run([*words, f"--workdir={tmp_path / 'new'}"], capture_output=True, text=True, timeout=400)
    assert refused.returncode == 1 and "error: --config must be given" in refused.stderr


def test_the_second_run_continued(runs):
    assert "continuing from step " in pathlib.Path(f"{runs[1]}.log").read_text()
    assert "continuing from step " not in pathlib.Path(f"{runs[0]}.log").read_text()


def test_a_killed_run_ends_with_the_same_weights_bit_for_bit(runs):
    straight, killed = (dict(np.load(run / "checkpoints" / f"step_{STEPS:08d}.npz")) for run in runs)
    assert straight.keys() == killed.keys() and straight["step"] == STEPS
    assert not [name for name in straight if straight[name].tobytes() != killed[name].tobytes()]


def test_a_killed_run_has_each_log_step_once_with_the_same_numbers(runs):
    straight, killed = (list(map(json.loads, (run / "metrics.jsonl").read_text().splitlines())) for run in runs)
    assert [line["step"] for line in straight] == list(range(1, STEPS + 1))
    for line in straight + killed:
        speed, per_replica, waiting, memory = (line.pop(name) for name in MEASURED)
        assert (
            speed is None or speed == pytest.approx(per_replica) and speed > 0
        )  # the first is not timed: it is traced
        assert (speed is None) == (waiting is None) and 0 <= (waiting or 0) <= 1 and memory > 100
    assert straight == killed


def test_a_killed_run_leaves_the_same_pictures(runs):
    pictures = [{path.name: path.read_bytes() for path in (run / "samples").iterdir()} for run in runs]
    assert sorted(pictures[0]) == ["final.png", "step_00000002.png", "step_00000003.png", "step_00000004.png"]
    assert pictures[0] == pictures[1]


def test_the_newest_checkpoints_are_kept_and_nothing_half_written(runs):
    for run in runs:
        assert sorted(os.listdir(run / "checkpoints")) == [f"step_{step:08d}.npz" for step in (STEPS - 1, STEPS)]


def test_a_run_folder_holds_what_the_readme_lists(runs):
    expected = {"config.json", "model.json", "layouts.npz", "calibration.npz", "versions.json", "command.txt",
                "checkpoints", "metrics.jsonl", "tensorboard", "samples"}  # fmt: skip
    for run in runs:
        assert set(os.listdir(run)) == expected


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(tmp_path):
    """A sound data set of three classes: photographs 0 and 1 to train on, 0 to look at."""
    rng = np.random.default_rng(0)
    for split, names in (("train", "01"), ("val", "0")):
        for name in names:
            for kind, shape, values in (("images", (32, 32, 3), 256), ("labels", (32, 32), 3)):
                path = tmp_path / split / kind / f"{name}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, values, shape, dtype=np.uint8)).save(path)
    classes = [{"id": i, "name": name} for i, name in enumerate(("sky", "tree", "road"))]
    (tmp_path / "classes.json").write_text(json.dumps({"classes": classes}))
    return tmp_path


@pytest.fixture
def request_training(tmp_path, data):
    """Asks for a training on `data` as a user does, and on a device that there is not: the last thing that is checked.

    So a request is refused for its mistake before a network is made, and a sound one for the device alone.
    """
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}

    def request(*arguments):
        arguments = [
            "--config.data.name=folder",
            f"--config.data.dir={data}",
            "--config.train.devices=GPU:7",
            *arguments,
        ]
        return subprocess.run(
            command(tmp_path / "run", *arguments), capture_output=True, text=True, timeout=60, env=environment
        )

    return request


def write_foreign_id(path):
    Image.fromarray(np.full((32, 32), 9, np.uint8)).save(path)


def write_smaller(path):
    Image.fromarray(np.zeros((16, 32), np.uint8)).save(path)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


FLAGS = {
    "unknown key": ("--config.train.stepz=3", ["stepz", 'Did you mean "steps"']),
    "no number": ("--config.train.steps=many", ["--config.train.steps=many"]),
    "size": ("--config.data.image_size=40,32", ["image_size (40, 32)", "multiple of 32", "nearest: (32, 32)"]),
    "seed": ("--config.train.seed=-1", ["config.train.seed is -1", "0 or more"]),
    "data set": ("--config.data.name=cifar", ["'cifar'", "one of earth_tiles, earth, folder"]),
    "folder": ("--config.data.dir=/nowhere", ["/nowhere: no such folder", "set config.data.dir"]),
    "config": ("--config=nowhere.py", ["nowhere.py"]),
    "name of a config": ("--config=ecgan_earth_tilez", ["no such config", "ecgan_earth_tiles"]),
    "method": ("--config.model.name=lggann", ["'lggann'", "one of ecgan, lggan"]),
    "another method": ("--config.model.name=spade", ["is a key of method ecgan", "configs/spade_earth_tiles.py"]),
    "key of another method": ("--config.model.fusion=mean", ["fusion"]),
    "argument": ("steps=3", ["unexpected argument 'steps=3'", "--name=value"]),
}
FILES = {
    "no photographs": ("train/images", shutil.rmtree, ["no such folder", "reads photographs"]),
    "no partner": ("train/labels/1.png", os.remove, ["no label map; expected", "labels/1.png", "1 of 2"]),
    "partner only": ("val/images/0.png", os.remove, ["no photographs; expected"]),
    "foreign id": ("train/labels/1.png", write_foreign_id, ["label id 9", "num_classes=3", "unknown_label=9"]),
    "truncated photograph": ("train/images/1.png", truncate, ["cannot be decoded", "export it again"]),
    "truncated label map": ("val/labels/0.png", truncate, ["cannot be decoded", "export it again"]),
    "other size": ("train/labels/0.png", write_smaller, ["32x32 pixels but", "32x16", "export both"]),
    "no classes": ("classes.json", os.remove, ["no such file", "List the classes in it"]),
    "broken classes": ("classes.json", truncate, ["not a list of classes", "should read like"]),
}


def assert_refused(result, workdir, parts):
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ") and len(result.stderr.splitlines()) == 1, result.stderr
    for part in parts:
        assert part in result.stderr
    assert not workdir.exists()


@pytest.mark.parametrize("mistake", FLAGS)
def test_a_wrong_flag_is_explained_in_one_line(mistake, request_training, tmp_path):
    flag, parts = FLAGS[mistake]
    assert_refused(request_training(flag), tmp_path / "run", parts)


@pytest.mark.parametrize("mistake", FILES)
def test_a_wrong_file_is_named_in_one_line(mistake, request_training, data, tmp_path):
    name, spoil, parts = FILES[mistake]
    spoil(data / name)
    folder = "val/images" if mistake == "partner only" else name
    assert_refused(request_training(), tmp_path / "run", [str(data / folder), *parts])


def test_a_sound_request_passes_every_check(request_training, tmp_path):
    assert_refused(request_training(), tmp_path / "run", ["config.train.devices names GPU:7; this machine has CPU:0"])
