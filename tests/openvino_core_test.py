"""A signal after OpenVINO: its core may not go away, wherever garbage is collected."""

import ast
import pathlib
import subprocess
import sys

import pytest

from export.inference_model import InferenceModel
from export.openvino import write_openvino

ROOT = pathlib.Path(__file__).parents[1]
ALONE = ("tests/export/alone.py",)  # run without the package, each in a process of its own
SIGNAL = """
import gc, os, signal, sys, threading, time
from ecgan_tf.inference.runtimes import open_model
from ecgan_tf.interrupts import InterruptError, raise_on_signals
models = [open_model(sys.argv[1])]
models[0].generate({"labels": __import__("numpy").zeros((1, 32, 32), int)})
thread = threading.Thread(target=lambda: (models.clear(), gc.collect()))
thread.start()
thread.join()
try:
    with raise_on_signals():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
except InterruptError as error:
    print("ended by", error)
"""


def test_a_signal_is_heard_after_a_model_went_away_in_another_thread(make_run, tmp_path):
    write_openvino(InferenceModel(make_run("spade")), str(tmp_path / "model"), "float32")
    words = [sys.executable, "-c", SIGNAL, str(tmp_path / "model")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "ended by interrupted\n"), done.stderr


@pytest.mark.parametrize("folder", ["ecgan_tf", "export", "benchmarks", "tests"])
def test_nobody_makes_a_core_of_its_own(folder):
    makers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "Core"
    ]
    assert [maker for maker in makers if maker not in ALONE] == (["ecgan_tf/openvino_core.py"] * (folder == "ecgan_tf"))
