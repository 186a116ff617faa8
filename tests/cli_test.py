import os
import pathlib
import subprocess
import sys

import pytest

from ecgan_tf.cli import config_file
from ecgan_tf.errors import RequestError

CONFIGS = pathlib.Path(__file__).parents[1] / "configs"
PROGRAM = """
from absl import flags
from ml_collections import config_flags
from ecgan_tf import cli, console
from ecgan_tf.errors import RequestError

NAME = flags.DEFINE_string("name", None, "A name.")
CONFIG = config_flags.DEFINE_config_file("config", None, "A config.")


def main(argv):
    cli.no_arguments(argv)
    cli.need_flags(name=NAME.value, config=CONFIG.value)
    cli.read_config(CONFIG)
    if NAME.value == "wrong":
        raise RequestError("NAME is 'wrong';\\n  choose another.")
    if NAME.value == "bug":
        raise ValueError("our own mistake")
    if NAME.value == "interrupted":
        raise KeyboardInterrupt
    console.say(f"{NAME.value}, {CONFIG.value.steps} steps")


cli.run(main, "Greets.\\n\\n  python program.py --name=NAME")
"""


@pytest.fixture
def call(tmp_path):
    """Runs the program with a config of one key, in the folder of both."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "config.py").write_text(
        "import ml_collections\n\ndef get_config():\n    return ml_collections.ConfigDict({'steps': 3}).lock()\n"
    )

    def call(*arguments):
        command = [sys.executable, str(tmp_path / "program.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)

    return call


def test_a_sound_request_says_what_it_does(call):
    result = call("--name=Ada", "--config=config.py", "--config.steps=4")
    assert (result.returncode, result.stdout, result.stderr) == (0, "Ada, 4 steps\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--name=wrong", "--config=config.py"], "error: NAME is 'wrong'; choose another.\n"),
        (
            ["--name=Ada", "--config=config.py", "Eve"],
            "error: unexpected argument 'Eve'; flags are written --name=value.\n",
        ),
        (["--name=Ada"], "error: --config must be given; see --help for an example.\n"),
        ([], "error: --name and --config must be given; see --help for an example.\n"),
    ],
    ids=["request", "argument", "flag", "flags"],
)
def test_a_mistake_of_the_user_is_one_line(call, arguments, line):
    result = call(*arguments)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", line)


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ("--nam=Ada", "'nam'"),
        ("--config.step=4", "step"),
        ("--config.steps=four", "'four'"),
        ("--config=nowhere.py", "nowhere.py"),
        ("--config=program.txt", "program.txt"),
    ],
    ids=["flag", "key", "value", "file", "no Python"],
)
def test_a_mistake_in_the_flags_is_one_line(call, argument, part, tmp_path):
    (tmp_path / "program.txt").write_text("This is not Python.")
    result = call("--config=config.py", "--name=Ada", argument)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: ") and len(result.stderr.splitlines()) == 1
    assert part in result.stderr


def test_a_mistake_of_ours_keeps_its_traceback(call):
    result = call("--name=bug", "--config=config.py")
    assert result.returncode == 1
    assert "Traceback" in result.stderr and "ValueError: our own mistake" in result.stderr


def test_an_interrupt_is_one_line(call):
    result = call("--name=interrupted", "--config=config.py")
    assert result.returncode == 130
    assert result.stderr.startswith("error: interrupted; ") and len(result.stderr.splitlines()) == 1


def test_help_shows_the_example(call):
    result = call("--help")
    assert "Greets." in result.stdout and "python program.py --name=NAME" in result.stdout
    assert "--name" in result.stdout


# --- configs by name -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "file"),
    [
        ("ecgan_earth_tiles", f"{CONFIGS}/ecgan_earth_tiles.py"),
        ("ecgan_earth_tiles:toy", f"{CONFIGS}/ecgan_earth_tiles.py:toy"),
        ("ablations_earth_tiles:B3_toy", f"{CONFIGS}/ablations_earth_tiles.py:B3_toy"),
        ("mine.py", "mine.py"),
        ("configs/ecgan_earth_tiles.py:toy", "configs/ecgan_earth_tiles.py:toy"),
        ("/nowhere/mine", "/nowhere/mine"),
    ],
)
def test_an_experiment_has_a_name_and_a_file_stays_what_it_is(word, file):
    assert config_file(word) == file


@pytest.mark.parametrize("word", ["ecgan_earth_tilez", "ecgan_earth_tilez:toy", "__init__"])
def test_an_unknown_name_lists_the_experiments(word):
    known = ", ".join(sorted(path.stem for path in CONFIGS.glob("[!_]*.py")))
    with pytest.raises(RequestError) as error:
        config_file(word)
    assert str(error.value) == f"--config={word}: no such config; give a file, or one of {known}."


STEPS = """
from absl import flags
from ml_collections import config_flags
from ecgan_tf import cli

CONFIG = config_flags.DEFINE_config_file("config", None, "A config.", lock_config=True)


def main(argv):
    cli.no_arguments(argv)
    print(cli.read_config(CONFIG).train.steps)


cli.run(main, "Tells how many steps a config takes.")
"""


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        (["--config=ecgan_earth_tiles"], 280),
        (["-config=ecgan_earth_tiles:toy"], 4),
        (["--config", "ecgan_earth_tiles:toy", "--config.train.steps=7"], 7),
    ],
    ids=["name", "variant", "override"],
)
def test_a_command_takes_a_config_by_its_name(words, steps, tmp_path):
    (tmp_path / "steps.py").write_text(STEPS)
    command = [sys.executable, str(tmp_path / "steps.py"), *words]
    environment = {key: value for key, value in os.environ.items() if key != "TF_CPP_MIN_LOG_LEVEL"}  # as a user's
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment)
    assert (result.returncode, result.stdout, result.stderr) == (0, f"{steps}\n", "")
