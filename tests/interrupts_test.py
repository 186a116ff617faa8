"""SIGTERM and Ctrl-C, in every command: one line, the exit code that schedulers expect, nothing lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ecgan_tf.interrupts import InterruptError, raise_on_signals, stop_on_signals

ROOT = Path(__file__).parents[1]
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
NATIVE = re.compile(r"[IWE]\d{4} 00:00:|WARNING: All log messages")  # of TensorFlow, while a process loads it
LAYOUTS = ROOT / "ecgan_tf/data/earth_tiles/val/labels"


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_block(number):
    with pytest.raises(InterruptError) as error, raise_on_signals():
        os.kill(os.getpid(), number)
        time.sleep(1)
    assert error.value.code == CODES[number]


NOISY = """
import os, signal, sys, time
from ecgan_tf import cli
def main(argv):
    try:
        os.kill(os.getpid(), signal.SIGTERM); time.sleep(5)
    except BaseException:  # as native code does on the way of an exception that it does not expect
        os.write(2, b"Traceback of native code\\n")
        raise SystemError("returned a result with an exception set")
cli.run(main, "Is ended.")
"""


def test_what_native_code_says_of_our_exception_is_kept_off_the_screen():
    done = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert done.returncode == 143
    assert done.stderr == "error: terminated; what it wrote is whole; the same command begins anew.\n"


def test_a_loop_sees_the_first_signal_and_goes_on():
    before = signal.getsignal(signal.SIGTERM)
    with stop_on_signals() as stop:
        assert not stop
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert stop and stop.number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before


SECOND = """
import os, signal, time
from ecgan_tf.interrupts import stop_on_signals
with stop_on_signals():
    os.kill(os.getpid(), signal.SIGTERM); print("first", flush=True)
    os.kill(os.getpid(), signal.SIGTERM); time.sleep(5); print("still here", flush=True)
"""


def test_a_second_signal_ends_at_once():
    done = subprocess.run([sys.executable, "-c", SECOND], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "first\n")


def start(*words):
    return subprocess.Popen([sys.executable, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip


def signal_after(process, words, number):
    """Sends a signal once the process has said `words`; returns the exit code and the last line on stderr."""
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            process.send_signal(number)
            break
    else:
        raise AssertionError("".join(said) + process.stderr.read())
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    ours = [line for line in err.strip().splitlines() if not NATIVE.match(line)]
    return process.returncode, ours[-1], out


TRAIN = ["train_main.py", "--config=configs/spade_earth_tiles.py:toy", "--config.loss.perceptual=0",
         "--config.train.log_every=1", "--config.train.first_sample=1000000"]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_training_saves_and_goes_on_bit_for_bit(number, tmp_path):
    run = f"--workdir={tmp_path / 'run'}"
    code, line, _ = signal_after(start(*TRAIN, run, "--config.train.steps=2000"), "step 3/", number)
    assert code == CODES[number]
    (checkpoint,) = (tmp_path / "run" / "checkpoints").iterdir()
    step = int(checkpoint.stem.split("_")[1])
    word = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated"}[number]
    assert line == f"error: {word}; saved at step {step}; the same command goes on from there."
    assert not list((tmp_path / "run").rglob(".partial-*")) and not (tmp_path / "run" / ".lock").exists()
    steps = [json.loads(text)["step"] for text in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, step + 1))


COMMANDS = {  # each picture takes half a second, so that the command is at work when the signal comes
    "export": (["-m", "export", "--targets=onnx", "--run={run}", "--output={out}"], "exporting"),
    "evaluate": (["-c", "import time, ecgan_tf.inference.runtimes as r\n"
                  "old, old_all = r.Synthesizer.generate, r.open_keras_run\n"
                  "def slowly(work):\n"
                  "    print('generating', flush=True); time.sleep(0.5); return work()\n"
                  "def opened(*words, **more):\n"
                  "    model = old_all(*words, **more); every = model.generate_all\n"
                  "    model.generate_all = lambda inputs: slowly(lambda: every(inputs)); return model\n"
                  "r.Synthesizer.generate = lambda self, layout: slowly(lambda: old(self, layout))\n"
                  "r.open_keras_run = opened\n"
                  "from ecgan_tf.__main__ import main\n"
                  "main('{name}')", "--model={run}", "--output={out}"], "generating"),
}  # fmt: skip
COMMANDS["synthesize"] = ([*COMMANDS["evaluate"][0], f"--labels={LAYOUTS}"], "generating")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_other_command_ends_in_one_line_and_leaves_nothing_half_written(name, make_run, tmp_path):
    words, said = COMMANDS[name]
    run = make_run("spade", num_classes=17)
    values = {"{run}": run, "{out}": tmp_path / "out", "{name}": name}
    for mark, value in values.items():
        words = [word.replace(mark, str(value)) for word in words]
    code, line, _ = signal_after(start(*words), said, signal.SIGTERM)
    assert (code, line) == (143, "error: terminated; what it wrote is whole; the same command begins anew.")
    assert not list((tmp_path / "out").rglob(".partial-*"))
    for path in (tmp_path / "out").rglob("*.png"):
        assert np.ndim(__import__("PIL.Image").Image.open(path)) == 3
