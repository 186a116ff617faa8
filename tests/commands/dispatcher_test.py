"""`ecgan <command>`, which is `python -m ecgan_tf <command>`, and the modules that are commands of their own."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

from ecgan_tf.__main__ import COMMANDS, GROUPS
from ecgan_tf.config import keys_of

ROOT = pathlib.Path(__file__).parents[2]
# What was a command before there was one for all.
MODULES = {
    "ecgan_tf.synthesize": "synthesize",
    "ecgan_tf.evaluate": "evaluate",
    "ecgan_tf.convert": "convert",
    "ecgan_tf.data.validate": "validate",
    "export": "export",
    "export.tensorrt": "tensorrt",
    "export.serving.client": "client",
}


@pytest.fixture
def call(tmp_path):
    """Runs Python in a folder of its own; with `light` TensorFlow is not to be had, so that help comes at once."""
    tripwire = tmp_path / "tripwire"
    tripwire.mkdir()
    (tripwire / "tensorflow.py").write_text("raise SystemExit('TensorFlow was imported')")

    def call(*words, light=True):
        path = os.pathsep.join([*([str(tripwire)] if light else []), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": path}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # as a user's
        words = [sys.executable, *map(str, words)]
        return subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)

    return call


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]], ids=str)
def test_help_lists_every_command_in_its_group(call, words):
    result = call("-m", "ecgan_tf", *words)
    assert (result.returncode, result.stderr) == (0, "")
    _, *parts = re.split(r"\n\n(\w[\w ]*):\n", result.stdout.rstrip())
    listed = dict(zip(parts[::2], parts[1::2]))
    assert list(listed) == list(GROUPS)
    for group, commands in GROUPS.items():
        lines = dict(line.split(maxsplit=1) for line in listed[group].splitlines())
        assert lines == {name: command.does for name, command in commands.items()}
    assert {"validate", "train", "convert", "synthesize", "evaluate", "export", "tensorrt", "client"} <= COMMANDS.keys()


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["configs"]], ids=str)
def test_a_reader_that_has_gone_is_no_mistake_of_ours(words):
    """As `ecgan --help | head -n 1` in a script."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "ecgan_tf", *words]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=120, cwd=ROOT)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("word", ["paint", "--model=runs/demo"])
def test_an_unknown_command_is_one_line_with_the_known_ones(call, word):
    result = call("-m", "ecgan_tf", word)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"error: unknown command {word!r}; choose from {', '.join(COMMANDS)}. See ecgan --help.\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_an_example_and_its_flags(call, name):
    result = call("-m", "ecgan_tf", name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    (example,) = re.findall(r"\nExample:\n((?:    .*\n)+)", result.stdout)
    module = next((module for module, command in MODULES.items() if command == name), name)
    lines = example.replace("\\\n", "").splitlines()
    own = [line for line in lines if re.match(rf"    (ecgan {name}|python -m {module})( |$)", line)]
    listed = set(re.findall(r"^  --(?:\[no\])?(\w+):", result.stdout, re.M))
    assert own and set(re.findall(r"--(\w+)", " ".join(own))) <= listed
    assert len(listed) == source_of(name).count("flags.DEFINE_")


def source_of(name):
    """Of a command, and of the one whose flags are its own, too."""
    source = (ROOT / f"{COMMANDS[name].module.replace('.', '/')}.py").read_text()
    return source + (source_of("train") if "adopt_module_key_flags(train)" in source else "")


@pytest.mark.parametrize("module", MODULES)
def test_a_module_that_was_a_command_still_is(call, module):
    of_module, of_command = call("-m", module, "--help"), call("-m", "ecgan_tf", MODULES[module], "--help")
    assert (of_module.returncode, of_module.stderr) == (0, "")
    assert of_module.stdout.partition("flags:")[0].strip() == of_command.stdout.partition("flags:")[0].strip()


def test_train_main_is_the_command_that_trains(call):
    of_file, of_command = call(ROOT / "train_main.py", "--help"), call("-m", "ecgan_tf", "train", "--help")
    assert (of_file.returncode, of_file.stderr) == (0, "")
    assert "--workdir: " in of_file.stdout and "Trains or continues a run" in of_command.stdout
    assert of_file.stdout.partition("flags:")[0] == of_command.stdout.partition("flags:")[0]


def test_on_device_needs_none_of_it(call):
    result = call("-m", "export.on_device", "--help")
    assert result.returncode == 0 and "--threads" in result.stdout


def test_the_installed_command_is_the_module(call):
    program = pathlib.Path(sys.executable).with_name("ecgan")
    if not program.is_file():
        pytest.skip("the package is not installed here")
    result = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and result.stdout == call("-m", "ecgan_tf", "--help").stdout


def test_a_command_that_lacks_a_flag_says_so(call):
    result = call("-m", "ecgan_tf", "synthesize", "--labels=a.png")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: --model and --output must be given; see --help for an example.\n"


def test_a_misspelt_flag_names_the_command(call):
    result = call("-m", "ecgan_tf", "export", "--rum=runs/demo")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: Unknown command line flag 'rum'") and "ecgan export --help" in result.stderr


@pytest.mark.parametrize("size", ["64", "64,a", "1,2,3"])
def test_an_image_size_that_is_none_is_refused(call, size):
    result = call("-m", "ecgan_tf", "export", "--run=R", "--output=E", f"--image_size={size}")
    assert result.returncode == 1
    assert result.stderr == f"error: --image_size={size}: give height and width, as 128,256.\n"


def test_the_configs_are_listed(call):
    result = call("-m", "ecgan_tf", "configs")
    assert result.returncode == 0, result.stderr
    listed = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert listed.keys() == {path.stem for path in (ROOT / "configs").glob("[!_]*.py")}


def test_the_keys_of_a_method_are_listed(call):
    result = call("-m", "ecgan_tf", "keys", "spade", light=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.findall(r"^\| `([\w.]+)` \|", result.stdout, re.M) == sorted(keys_of("spade"))
    result = call("-m", "ecgan_tf", "keys", "gaugan", light=False)
    assert result.returncode == 1 and "'gaugan'; it must be one of ecgan, lggan" in result.stderr
    assert "give the name of one method" in call("-m", "ecgan_tf", "keys").stderr
