"""One process in a run folder at a time, for as long as it lives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ecgan_tf.errors import RequestError
from ecgan_tf.runs.lock import locked

HOLDER = """
import sys, time
from ecgan_tf.runs.lock import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_holds_the_folder(holder, tmp_path):
    with pytest.raises(RequestError, match=rf"{tmp_path} is in use by process {holder.pid} on .* since .*\(-c"):
        with locked(str(tmp_path)):
            pass


def test_a_killed_process_holds_nothing(holder, tmp_path):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / ".lock").exists()
    with locked(str(tmp_path)):
        pass
    assert os.listdir(tmp_path) == []


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ValueError, match="ours"), locked(str(tmp_path)):
        raise ValueError("ours")
    with locked(str(tmp_path)):
        assert (tmp_path / ".lock").exists()
